"""Allocation and free in turn, against the C twin: single pages, huge pages, and a churn of mixed orders."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np

from tests.bench import loops
from tests.bench.both import Both, both, fragment
from tests.bench.subject import Effort
from tests.bench.table import Row, at_most

_NR_PAGES = 1 << 20
_NR_PAIRS = 1_000_000
_LARGEST = at_most(2.5)

# Name -> nanoseconds per pair, (kernels, C).
Timing = tuple[float, float]


def measure(effort: Effort) -> Iterable[Row]:
    """Yields the ratio of each workload; every round is a new zone."""
    _one_round(1 << 15, 1000)
    timings: dict[str, list[Timing]] = defaultdict(list)
    for _ in range(effort.rounds):
        for what, timing in _one_round(_NR_PAGES // effort.divisor, _NR_PAIRS // effort.divisor).items():
            timings[what].append(timing)
    for what, rounds in timings.items():
        ours, theirs = (np.median(column) for column in zip(*rounds, strict=True))
        ratios = [kernels / c for kernels, c in rounds]
        yield Row("pairs", what, "x C", ratios, _LARGEST, f"{ours:.1f} ns a pair, C {theirs:.1f} ns")


def _one_round(nr_pages: int, nr_pairs: int) -> dict[str, Timing]:
    timings = {}
    with both(nr_pages) as zone:
        timings["order 0, empty zone: ten splits, ten merges"] = _pairs(zone, nr_pairs, 0)
        timings["order 9, empty zone: one split, one merge"] = _pairs(zone, nr_pairs, 9)
        timings["mixed orders, random slots"] = _churn(zone, nr_pairs)
        zone.check_equal()
    with both(nr_pages) as zone:
        fragment(zone, seed=nr_pages)
        timings["order 0, fragmented zone"] = _pairs(zone, nr_pairs, 0)
        zone.check_equal()
    return timings


def _pairs(zone: Both, nr: int, order: int) -> Timing:
    checksum = zone.twin.checksum
    ours, mine = _timed(lambda: loops.pairs(zone.node.arrays, nr, order, checksum))
    theirs = zone.twin.pairs(nr, order)
    assert mine == zone.twin.checksum, "the kernels and the C twin handed out different pages"
    return ours / nr, theirs / nr


def _churn(zone: Both, nr: int) -> Timing:
    """Each step frees a random slot and puts a run of order 0 (half of them), 1 (a quarter) ... 9 into it."""
    random = np.random.Generator(np.random.PCG64(nr))
    nr_slots = zone.node.nr_pages // 64
    slots = random.integers(0, nr_slots, nr)
    orders = np.minimum(random.geometric(0.5, nr) - 1, 9)
    held = np.full(nr_slots, -1, np.int64)
    twin_held, twin_orders = held.copy(), np.zeros(nr_slots, np.int64)
    checksum = zone.twin.checksum
    ours, mine = _timed(lambda: loops.churn(zone.node.arrays, slots, orders, held, checksum))
    theirs = zone.twin.churn(slots, orders, twin_held, twin_orders)
    assert mine == zone.twin.checksum, "the kernels and the C twin handed out different pages"
    return ours / nr, theirs / nr


def _timed(call: Callable[[], int]) -> tuple[int, int]:
    """Returns the nanoseconds of processor time that the call took, and its answer."""
    start = time.thread_time_ns()
    answer = call()
    return time.thread_time_ns() - start, answer
