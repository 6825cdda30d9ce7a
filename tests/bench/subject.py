"""What a benchmark is: a named function that yields rows; and how much effort a run makes.

Left out: which subjects there are (`subjects.py`).
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from tests.bench.table import Row


class Effort(NamedTuple):
    """How long a run may take: rounds to take the median of, and a divisor of the sizes."""

    rounds: int
    divisor: int

    @property
    def is_quick(self) -> bool:
        """Whether this is the short run, whose figures are not for quoting."""
        return self.divisor > 1


FULL = Effort(rounds=5, divisor=1)
QUICK = Effort(rounds=3, divisor=8)


class Skipped(Exception):
    """The subject cannot be measured on this machine, and says why; that is no failure."""


Measure = Callable[[Effort], Iterable[Row]]
