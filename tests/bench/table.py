"""What a benchmark found: rows with their rounds, targets, and the table as text and as Markdown.

Left out: how anything is measured.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal, NamedTuple


class Target(NamedTuple):
    """What the median should keep: at most or at least `limit`, in the row's unit."""

    bound: Literal["<=", ">="]
    limit: float

    def is_met(self, value: float) -> bool:
        """Returns whether `value` keeps the bound."""
        return value <= self.limit if self.bound == "<=" else value >= self.limit


def at_most(limit: float) -> Target:
    """The median should not exceed `limit`."""
    return Target("<=", limit)


def at_least(limit: float) -> Target:
    """The median should reach `limit`."""
    return Target(">=", limit)


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, one value a round, and what it should be."""

    subject: str
    what: str
    unit: str
    rounds: Sequence[float]
    target: Target | None = None
    note: str = ""

    @property
    def value(self) -> float:
        """The median over the rounds."""
        return median(self.rounds)

    @property
    def verdict(self) -> str:
        """One of "met", "MISSED", and "" where there is no target."""
        if self.target is None:
            return ""
        return "met" if self.target.is_met(self.value) else "MISSED"

    def cells(self) -> list[str]:
        """The row's texts, in the order of HEADINGS."""
        target = "" if self.target is None else f"{self.target.bound} {_number(self.target.limit)}"
        spread = f"{_number(min(self.rounds))} .. {_number(max(self.rounds))}" if len(self.rounds) > 1 else ""
        return [
            self.subject,
            self.what,
            _number(self.value),
            self.unit,
            spread,
            target,
            self.verdict,
            self.note,
        ]


HEADINGS = ["subject", "measured", "median", "unit", "min .. max", "target", "verdict", "note"]
_RIGHT_ALIGNED = {2, 4, 5}


def as_text(rows: Iterable[Row]) -> str:
    """Returns the table in columns, for a terminal."""
    cells = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    return "\n".join(_padded(line, widths) for line in cells)


def as_markdown(rows: Iterable[Row]) -> str:
    """Returns the table as Markdown."""
    rule = ["---:" if column in _RIGHT_ALIGNED else "---" for column in range(len(HEADINGS))]
    lines = [HEADINGS, rule, *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _padded(line: list[str], widths: list[int]) -> str:
    texts = [
        text.rjust(width) if column in _RIGHT_ALIGNED else text.ljust(width)
        for column, (text, width) in enumerate(zip(line, widths, strict=True))
    ]
    return "  ".join(texts).rstrip()


def _number(value: float) -> str:
    """Three digits that mean something: 0.0123, 1.23, 12.3, 1 234."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"
