"""Size-change events: what QEMU told of each resize, beside what the simulator tells of the same sizes.

An emulated guest takes longer than the simulated one, so that recorded sizes at their times are told of here, and no
guest plays.
"""

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from app.guest.clock import SimulatedClock
from app.guest.size_changes import SizeChanges
from app.trace.events import MemoryDeviceSizeChanged
from app.trace.sink import ListSink
from tests.kernel_facts import wording
from tests.kernel_facts.facts import FactTable, Row
from tests.kernel_facts.recordings import FOLDER, Json, scenario

_NS_PER_S = 1_000_000_000
# The recorder heard events for about so long after a size had moved last.
_LISTENING_S = 0.3
_WHY = "sizes were sampled every 20 ms, and nobody listened between two steps"
_Told = list[tuple[float, int]]


def rows(kernel: str) -> list[Row]:
    """Returns the facts of every scenario whose events were recorded."""
    recorded: dict[str, Json] = json.loads((FOLDER / "size_changes.json").read_text(encoding="utf-8"))[kernel]
    return [row for name, heard in recorded.items() for row in _of_scenario(kernel, name, heard)]


def _of_scenario(kernel: str, name: str, heard: Json) -> Iterator[Row]:
    table = FactTable(kernel, name)
    steps = scenario(kernel, name).steps
    teller = Teller()
    for number, step in ((int(key), row) for key, row in heard.items()):
        timeline = steps[number]["timeline"]
        if step["at"] < teller.now_s:
            teller = Teller()  # another guest, whose time begins anew
        simulated = teller.tell(step["at"], timeline, until_s=step["at"] + step["waited"] + _LISTENING_S)
        real: _Told = [(moment, size) for moment, size in step["told"]]
        if real:
            table.at(number, "size changes")
            _add(table, real, simulated, timeline=timeline)
            # From here on as the real one: a size that a sample saw late would delay all that follows.
            teller = Teller(real[-1], size=timeline[-1][1])
    yield from table.rows


class Teller:
    """The simulator's throttle on a clock of recorded moments."""

    def __init__(self, told: tuple[float, int] | None = None, *, size: int = 0) -> None:
        """Starts at the boot of a guest with nothing plugged; or where `told` was told and the size is another now."""
        self._clock = SimulatedClock()
        self._sink = ListSink()
        self._changes = SizeChanges("vm0", self._clock, self._sink)
        self._size = size
        if told is not None:
            self._pass(told[0])
            for known in dict.fromkeys((told[1], size)):
                self._changes.note(known)

    @property
    def now_s(self) -> float:
        """Seconds since the boot."""
        return self._clock.now_ns / _NS_PER_S

    def tell(self, start_s: float, timeline: list[list[Any]], *, until_s: float) -> _Told:
        """Lets the sizes of a step pass; returns what is told from its start until `until_s`."""
        self._pass(start_s)
        before = len(self._sink.events)
        for moment, size in timeline:
            self._pass(start_s + moment)
            if size != self._size:
                self._size = size
                self._changes.note(size)
        self._pass(until_s)
        return [
            (event.at_us / 1e6, event.size)
            for event in self._sink.events[before:]
            if isinstance(event, MemoryDeviceSizeChanged)
        ]

    def _pass(self, moment_s: float) -> None:
        moment_ns = int(moment_s * _NS_PER_S)
        due_ns = self._changes.due_ns()
        if due_ns is not None and due_ns <= moment_ns:
            self._clock.advance_to(due_ns)
            self._changes.act()
        self._clock.advance_to(moment_ns)


def _add(table: FactTable, real: _Told, simulated: _Told, *, timeline: list[list[Any]]) -> None:
    """Adds how many events there were, and their sizes."""
    table.within("events", (len(real), len(simulated)), 1, why=_WHY)
    sizes = [size for _, size in timeline]
    jump = max([abs(after - before) for before, after in pairwise(sizes)], default=0)
    table.holds(
        "sizes told",
        _shown(real),
        _shown(simulated),
        is_true=all(min(abs(size - told) for _, told in simulated) <= jump for _, size in real),
        note=f"each as far from one told here as two samples may be apart: {wording.mib(jump)}",
    )


def _shown(told: _Told) -> str:
    return ", ".join(str(size // wording.MIB) for _, size in told)
