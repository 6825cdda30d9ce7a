"""A whole zone of single pages against the C twin: filled, freed at random, and migrated out of one half."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np

from app.mm.isolation import start_isolate_page_range, undo_isolate_page_range
from app.mm.kernels import migrate
from app.mm.outcome import Caller
from app.mm.page import PageKind
from tests.bench.both import OWNER, Both, both, shuffled
from tests.bench.subject import Effort
from tests.bench.table import Row, at_most

_NR_PAGES = 1 << 20
_LARGEST = at_most(2.0)

# Nanoseconds per page: (kernels, C).
Timing = tuple[float, float]


def measure(effort: Effort) -> Iterable[Row]:
    """Yields the ratio of each act, and of all three together; every round is a new zone."""
    _one_round(1 << 15)
    timings: dict[str, list[Timing]] = defaultdict(list)
    for _ in range(effort.rounds):
        for what, timing in _one_round(_NR_PAGES // effort.divisor).items():
            timings[what].append(timing)
    for what, rounds in timings.items():
        ours, theirs = (np.median(column) for column in zip(*rounds, strict=True))
        ratios = [kernels / c for kernels, c in rounds]
        yield Row("fill", what, "x C", ratios, _LARGEST, f"{ours:.1f} ns a page, C {theirs:.1f} ns")


def _one_round(nr_pages: int) -> dict[str, Timing]:
    with both(nr_pages) as zone:
        first_touch = _fill(zone)
        timings = {"free all, random order": _free_at_random(zone, 1.0)}
        timings["fill at order 0"] = _fill(zone)
        zone.check_equal()
        _free_at_random(zone, 0.6)
        timings["migrate half the zone, page by page"] = _migrate(zone)
        zone.check_equal()
    timings["fill at order 0, memory never touched before"] = first_touch
    return timings


def _fill(zone: Both) -> Timing:
    ours = _ns(lambda: zone.node.alloc_pages(PageKind.ANON, 0, zone.node.nr_pages, owner=OWNER))
    nr = len(zone.node.owned_pfns(OWNER))
    return ours / nr, zone.twin.fill() / nr


def _free_at_random(zone: Both, share: float) -> Timing:
    pfns = shuffled(zone.node.owned_pfns(OWNER), seed=7)
    freed = pfns[: int(len(pfns) * share)]
    ours = _ns(lambda: zone.node.free_runs(freed))
    return ours / len(freed), zone.twin.free(freed) / len(freed)


def _migrate(zone: Both) -> Timing:
    """Isolates the upper half and empties it, page by page, into the lower one."""
    m, tally = zone.node.arrays, zone.node.tally
    start_pfn, end_pfn = zone.node.nr_pages // 2, zone.node.nr_pages
    tally[:] = 0
    start_isolate_page_range(zone.node, start_pfn, end_pfn, Caller.ORDINARY)
    zone.twin.isolate(start_pfn, end_pfn)
    ours = _ns(lambda: migrate.migrate_range(m, start_pfn, end_pfn, tally))
    theirs = zone.twin.migrate(start_pfn, end_pfn)
    undo_isolate_page_range(zone.node, start_pfn, end_pfn, Caller.ORDINARY)
    zone.twin.undo_isolate(start_pfn, end_pfn)
    nr = int(tally[migrate.T_MIGRATED_BASE])
    return ours / nr, theirs / nr


def _ns(call: Callable[[], object]) -> int:
    start = time.thread_time_ns()
    call()
    return time.thread_time_ns() - start
