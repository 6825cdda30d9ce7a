"""Acts: where a driver's work item may be overtaken by its host, by another driver or by the guest's programs.

Own design; the kernel's work item is one thread that loses its processor anywhere. Here it is a generator that stops
before each act: one attempt of a contiguous allocation with the request that follows it, one request with what it
adds. Device, driver and memory agree at each stop, so that every invariant holds there.
Left out: how long an act takes (app.guest knows the costs).
"""

from collections.abc import Generator
from typing import TypeVar

_Result = TypeVar("_Result")
Acts = Generator[None, None, _Result]


def run(acts: Acts[_Result]) -> _Result:
    """Does every act, one after the other, and returns the result."""
    while True:
        try:
            next(acts)
        except StopIteration as stop:
            result: _Result = stop.value
            return result
