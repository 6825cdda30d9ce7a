"""Facts: what a real guest did and what the simulated one does, a row each, and how far they agree.

    exact    equal, or the row disagrees
    within   equal but for a slack that the row states, with its reason: what the real guest also did
    later    nothing to compare yet; the row says why

Left out: where the values come from.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

_Value = TypeVar("_Value")
_LONGEST_CELL = 150


class Verdict(StrEnum):
    """How a row came out."""

    AGREES = "yes"
    WITHIN = "within"
    DISAGREES = "NO"
    LATER = "later"


@dataclass(frozen=True)
class Row:
    """One fact. `place`: kernel, scenario and step; `note`: what slack was given and why, or why it is later.

    reason: why both sides disagree, where that is known.
    """

    place: str
    what: str
    real: str
    simulated: str
    verdict: Verdict
    note: str = ""
    reason: str = ""
    # Where the two part, for a failing test.
    difference: str = ""

    @property
    def id(self) -> str:
        """Its name among all rows."""
        return f"{self.place}: {self.what}"

    @property
    def is_agreed(self) -> bool:
        """Whether both sides agree, within the slack if there is one."""
        return self.verdict in {Verdict.AGREES, Verdict.WITHIN}


class FactTable:
    """The rows of one scenario, in the order of its steps."""

    def __init__(self, kernel: str, scenario: str) -> None:
        """Starts empty."""
        self._place = f"{kernel} {scenario}"
        self._step = ""
        self.rows: list[Row] = []

    def at(self, step: int, note: str = "") -> None:
        """Says which step the next rows are about."""
        self._step = f" {step}{f' ({note})' if note else ''}"

    def exact(
        self, what: str, real: _Value, simulated: _Value, *, show: Callable[[_Value], str] = str
    ) -> None:
        """Adds a fact on which both sides must be equal."""
        is_equal = real == simulated
        verdict = Verdict.AGREES if is_equal else Verdict.DISAGREES
        self._add(what, show(real), show(simulated), verdict, difference=_difference(real, simulated))

    def within(
        self,
        what: str,
        values: tuple[int, int],
        slack: int,
        *,
        why: str,
        show: Callable[[int], str] = str,
    ) -> None:
        """Adds a fact on which (real, simulated) may differ by `slack`."""
        real, simulated = values
        verdict = Verdict.DISAGREES
        if abs(real - simulated) <= slack:
            verdict = Verdict.WITHIN if real != simulated else Verdict.AGREES
        note = f"± {show(slack)}: {why}"
        self._add(what, show(real), show(simulated), verdict, note=note)

    def holds(self, what: str, real: str, simulated: str, *, is_true: bool, note: str) -> None:
        """Adds a fact that is a relation of both sides: `note` says which."""
        self._add(what, real, simulated, Verdict.AGREES if is_true else Verdict.DISAGREES, note=note)

    def later(self, what: str, real: str, why: str) -> None:
        """Adds a fact that nothing simulated can be held against yet."""
        self._add(what, real, "", Verdict.LATER, note=why)

    def _add(
        self, what: str, real: str, simulated: str, verdict: Verdict, *, note: str = "", difference: str = ""
    ) -> None:
        place = self._place + self._step
        self.rows.append(Row(place, what, _cut(real), _cut(simulated), verdict, note, difference=difference))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]} ..."


def _difference(real: object, simulated: object) -> str:
    """Returns where two sequences first part, or what only one of two sets has."""
    if isinstance(real, list) and isinstance(simulated, list):
        pairs = enumerate(zip(real, simulated, strict=False))
        place = next((i for i, (one, other) in pairs if one != other), min(len(real), len(simulated)))
        return f"from item {place}: real {real[place : place + 3]}, simulated {simulated[place : place + 3]}"
    if isinstance(real, frozenset) and isinstance(simulated, frozenset):
        return f"only real {_first(real - simulated)}, only simulated {_first(simulated - real)}"
    return ""


def _first(items: Iterable[object]) -> str:
    return str(sorted(items, key=str)[:10])
