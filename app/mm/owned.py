"""Allocations seen as a whole: room for one, bursts of several kinds in turn, pins, and pages by owner.

Mirrors what a guest's programs do through alloc_pages(); nothing of the kernel's own.
Left out: single allocations and frees (app.mm.node), and which pages are chosen (app.guest).
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.mm.kernels import allocation, layout, owned, walk
from app.mm.node import Node, zonelist_of
from app.mm.page import PageKind
from app.mm.zone import Zone, ZoneId

_NO_PFNS = np.empty(0, np.int64)
_MIGRATABLE = tuple(
    int(kind)
    for kind in (
        PageKind.ANON,
        PageKind.FILE_CLEAN,
        PageKind.FILE_DIRTY,
        PageKind.THP,
        PageKind.HUGETLB,
        PageKind.MOVABLE_OPS,
    )
)


class Burst(NamedTuple):
    """One allocation of runs among others; kind, order and owner as in Node.alloc_pages()."""

    kind: PageKind
    order: int
    nr_runs: int
    owner: int


@cache
def highest_zone_for(kind: PageKind) -> ZoneId:
    """Returns the highest zone of a NUMA node that an allocation of this kind may use (B-10)."""
    is_movable = allocation.migratetype_of(int(kind)) == layout.MOVABLE
    return ZoneId.MOVABLE if is_movable else ZoneId.NORMAL


def room_for(node: Node, kind: PageKind, order: int) -> int:
    """Returns how many runs Node.alloc_pages() could allocate now, one after the other (B-20).

    Exact while nothing is reserved for atomic requests, which memory pressure may give up or keep; else a bound.
    """
    highest = highest_zone_for(kind)
    return sum(_room_in_zone(node, zone, kind, order, highest) for zone in node.zones if zone.id <= highest)


@cache
def may_use_cma(kind: PageKind) -> bool:
    """Returns whether pages of this kind may be had from CMA pageblocks (B-11): a pinned page would stay there."""
    return highest_zone_for(kind) is ZoneId.MOVABLE and kind is not PageKind.PINNED


def _room_in_zone(node: Node, zone: Zone, kind: PageKind, order: int, highest: ZoneId) -> int:
    """Returns how many runs are above the zone's lowest watermark, and in blocks that are large enough."""
    if not zone.managed:
        return 0
    shut = [layout.ISOLATE] if zone.nr_isolate else []
    above = zone.nr_free - zone.watermarks.min - zone.lowmem_reserve(highest)
    if zone.nr_free_cma and not may_use_cma(kind):
        shut.append(layout.CMA)
        above -= zone.nr_free_cma
    entries: list[int] = node.nr_free[zone.index].tolist()
    blocks = 0
    for larger in range(order, len(entries)):
        nr_shut = sum(_nr_entries(node, zone, larger, migratetype) for migratetype in shut)
        blocks += (entries[larger] - nr_shut) << (larger - order)
    return max(0, min(above >> order, blocks))


def _nr_entries(node: Node, zone: Zone, order: int, migratetype: int) -> int:
    return int(walk.list_pfns(node.arrays, int(zone.index), order, migratetype, _NO_PFNS))


def is_free_at(node: Node, pfn: int, order: int) -> bool:
    """Returns whether the aligned run [pfn, pfn + 2**order) is free as a whole, in one free block."""
    first = int(layout.covering_head(node.arrays, pfn))
    head = int(layout.head_at(node.arrays, first)) if first >= 0 else 0
    return head & 15 == PageKind.FREE and head >> 4 >= order


def nr_free_for(node: Node, kind: PageKind) -> int:
    """Returns the free pages of the zones that this kind may use, without those of CMA that it may not."""
    zones = (zone for zone in node.zones if zone.id <= highest_zone_for(kind))
    return sum(zone.nr_free - (0 if may_use_cma(kind) else zone.nr_free_cma) for zone in zones)


def alloc_bursts(
    node: Node, bursts: Sequence[Burst] | NDArray[np.int64], numa_nodes: NDArray[np.int64] | int = 0
) -> NDArray[np.int64]:
    """Allocates bursts in turn; returns how many runs each got. One crossing for all.

    As an array, each row is (kind, order, nr_runs, owner). numa_nodes: where each is preferred, or all are.
    """
    rows = np.asarray(bursts, np.int64).reshape(-1, 4)
    nodes = range(node.nr_numa_nodes)
    lists = np.array([[zonelist_of(kind, node_id) for kind in PageKind] for node_id in nodes], np.int64)
    zones = lists[numa_nodes, rows[:, 0]]
    table = np.stack((rows[:, 0] | (rows[:, 1] << 4), rows[:, 2], rows[:, 3], zones), axis=1)
    got = np.zeros(len(rows), np.int64)
    owned.alloc_bursts(node.arrays, np.ascontiguousarray(table), got)
    return got


def online_pageblocks(node: Node, kind: PageKind) -> NDArray[np.int64]:
    """Returns the pageblocks, by number, of the zones that this kind may use."""
    # By the byte of a pageblock: its zone's index + 1, 0 where no memory is online.
    is_usable = np.zeros(len(node.zones) + 1, np.bool_)
    for zone in node.zones:
        is_usable[zone.index + 1] = zone.id <= highest_zone_for(kind)
    return np.flatnonzero(is_usable[node.arrays.block_zone])


def free_drawn_runs(
    node: Node, owner: int, order: int, *, drawn: NDArray[np.int64], limit: int
) -> NDArray[np.int64]:
    """Frees up to `limit` runs of `owner` and `order` that hold one of the pages drawn; returns where each began."""
    firsts = np.empty(limit, np.int64)
    return firsts[: int(owned.free_drawn(node.arrays, owner, order, drawn, firsts))]


def pages_missing(node: Node, kind: PageKind, mark: int) -> int:
    """Returns how many pages must be freed until one zone that this kind may use is above a mark; 0: one is (B-20).

    mark: 0 for min, 1 for low, 2 for high.
    """
    highest = highest_zone_for(kind)
    missing = []
    for zone in (zone for zone in node.zones if zone.id <= highest and zone.managed):
        free = zone.nr_free - (0 if may_use_cma(kind) else zone.nr_free_cma)
        missing.append(zone.watermarks[mark] + zone.lowmem_reserve(highest) + 1 - free)
    return max(0, min(missing, default=0))


def pin_runs(node: Node, pfns: NDArray[np.int64]) -> int:
    """Pins the used runs that start at `pfns`, where they are; returns their pages."""
    return int(owned.set_kind_of_runs(node.arrays, pfns, int(PageKind.PINNED)))


def count_pages_by_owner(node: Node, largest_owner: int) -> NDArray[np.int64]:
    """Returns the pages of owners 0 to largest_owner (0 stays 0). Linear in the node's runs."""
    nr_pages = np.zeros(largest_owner + 1, np.int64)
    owned.count_owned(node.arrays, nr_pages)
    return nr_pages


def mark_used(node: Node, first: int, end: int, used: NDArray[np.uint8]) -> None:
    """Sets used[n] to 1 where pageblock first + n of [first, end) has a page in use; leaves the others."""
    order = node.geometry.pageblock_order
    owned.mark_used(node.arrays, first << order, end << order, used)


def movable_runs(node: Node, start_pfn: int, end_pfn: int) -> NDArray[np.int64]:
    """Returns (first pfn, kind) of each run in use of [start_pfn, end_pfn) that a migration may try, ascending.

    Gigantic pages are left out: no migration tries them (K-3). Linear in runs.
    """
    table = np.zeros((end_pfn - start_pfn, 3), np.int64)
    runs = table[: int(walk.collect_runs(node.arrays, start_pfn, end_pfn, table))]
    kinds = runs[:, 1] & 15
    is_movable = np.isin(kinds, _MIGRATABLE) & (runs[:, 2] & layout.GIGANTIC == 0)
    return np.stack((runs[is_movable, 0], kinds[is_movable]), axis=1)


def set_kinds(node: Node, runs: NDArray[np.int64]) -> None:
    """Gives runs their kind, where they are; runs: rows of (first pfn, kind)."""
    for kind in np.unique(runs[:, 1]).tolist():
        pfns = np.ascontiguousarray(runs[runs[:, 1] == kind, 0])
        owned.set_kind_of_runs(node.arrays, pfns, int(kind))
