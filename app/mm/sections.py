"""Zone-lock sections: where one operation may be overtaken by another.

Mirrors semantics 4.5 (I-13). An operation that can be interleaved is a generator: it does one lock section between
two yields, and each yield says what was just done. p5, before the test, is the last DRAIN or MIGRATE point: the
test and the first pageblock that is taken follow it at once.
Left out: the operations themselves (app.mm.isolation, app.mm.contig, app.mm.cma).
"""

from collections.abc import Generator
from enum import StrEnum
from typing import NamedTuple, TypeVar


class Point(StrEnum):
    """What was just done."""

    ISOLATE = "isolate"  # p1: a pageblock was isolated; an edge, and the free page over it was cut
    CUT = "cut"  # p2: an edge was isolated, and the free page over it is about to be cut (up to 6.9)
    DRAIN = "drain"  # p3
    MIGRATE = "migrate"  # p4: a run was moved, a batch's clean page cache dropped, or a page found pinned
    TAKE = "take"  # p6: the free pages of a pageblock were taken out
    GIVE_BACK = "give-back"  # p7: a piece beyond the wanted range was given back
    UNDO = "undo"  # p8: a pageblock was given back
    WAIT = "wait"  # nothing: somebody else holds the lock that is named


class Section(NamedTuple):
    """A lock section that was done: its point, the first page that it was about, and the lock that is waited for."""

    point: Point
    pfn: int
    lock: str = ""


_Result = TypeVar("_Result")
Sections = Generator[Section, None, _Result]


def run(sections: Sections[_Result]) -> _Result:
    """Runs an operation to its end, without interruption, and returns its result."""
    while True:
        try:
            next(sections)
        except StopIteration as stop:
            result: _Result = stop.value
            return result
