"""All facts of all kernels, in the order of the table."""

from dataclasses import replace
from functools import cache

from tests.kernel_facts import (
    answers,
    big_blocks,
    driver_life,
    filled,
    geometry,
    idle,
    offline_memory,
    pinned,
    retries,
    size_changes,
    stated,
)
from tests.kernel_facts.disagreements import reason_of
from tests.kernel_facts.facts import Row
from tests.kernel_facts.recordings import KERNELS

_SCENARIOS = (
    geometry,
    idle,
    pinned,
    filled,
    retries,
    size_changes,
    offline_memory,
    stated,
    driver_life,
    big_blocks,
    answers,
)


@cache
def all_rows() -> tuple[Row, ...]:
    """Returns every row, with the reason of its disagreement if one is known; only the first call costs anything."""
    found = (row for kernel in KERNELS for facts in _SCENARIOS for row in facts.rows(kernel))
    return tuple(replace(row, reason=reason_of(row)) for row in found)
