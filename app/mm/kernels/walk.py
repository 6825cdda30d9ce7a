"""Reading a node's pages: counts by kind, an allocation's runs, lists in order.

Left out: text and names (app.mm.vmstat).
"""

import numpy as np
from numpy.typing import NDArray

from app.mm.kernels._jit import int64, kernel
from app.mm.kernels.allocation import free_run
from app.mm.kernels.buddy import sentinel
from app.mm.kernels.layout import (
    NodeArrays,
    covering_head,
    head_at,
    next_row,
    owner_at,
    pfn_of_row,
    span,
    zone_of,
)


@kernel
def count_kinds(m: NodeArrays, start_pfn: int, end_pfn: int, counts: NDArray[np.int64]) -> None:
    """Adds the pages of each kind to counts[pageblock - first, kind]; the range is whole pageblocks.

    A run larger than a pageblock counts in each pageblock that it covers.
    """
    order = m.geo.pageblock_order
    first = start_pfn >> order
    pfn = start_pfn
    while pfn < end_pfn:
        if zone_of(m, pfn) < 0:
            pfn = ((pfn >> order) + 1) << order
            continue
        head = head_at(m, pfn)
        nr_pages = span(head >> 4)
        if nr_pages <= m.geo.pageblock_mask:
            counts[(pfn >> order) - first, head & 15] += nr_pages
        else:
            for block in range(pfn >> order, min(pfn + nr_pages, end_pfn) >> order):
                counts[block - first, head & 15] += span(order)
        pfn += nr_pages


@kernel
def count_zone_kinds(m: NodeArrays, counts: NDArray[np.int64]) -> None:
    """Adds the pages of each kind to counts[zone, kind]. Linear in runs."""
    order = m.geo.pageblock_order
    pfn = int64(0)
    while pfn < m.geo.nr_pages:
        zone = zone_of(m, pfn)
        if zone < 0:
            pfn = ((pfn >> order) + 1) << order
            continue
        head = head_at(m, pfn)
        counts[zone, head & 15] += span(head >> 4)
        pfn += span(head >> 4)


@kernel
def is_all(m: NodeArrays, start_pfn: int, end_pfn: int, kind: int) -> bool:
    """Returns whether runs of one kind cover all of [start_pfn, end_pfn)."""
    pfn = start_pfn
    while pfn < end_pfn:
        first = covering_head(m, pfn)
        if first < 0 or (head_at(m, first) & 15) != kind:
            return False
        pfn = first + span(head_at(m, first) >> 4)
    return True


@kernel
def collect_runs(m: NodeArrays, start_pfn: int, end_pfn: int, runs: NDArray[np.int64]) -> int:
    """Writes (pfn, head byte, owner) of every run of online memory into runs[n, 3], ascending; returns n.

    Stops when `runs` is full: then runs[n-1] tells where to go on.
    """
    order = m.geo.pageblock_order
    count = 0
    pfn = start_pfn
    while pfn < end_pfn and count < runs.shape[0]:
        if zone_of(m, pfn) < 0:
            pfn = ((pfn >> order) + 1) << order
            continue
        head = head_at(m, pfn)
        runs[count, 0] = pfn
        runs[count, 1] = head
        runs[count, 2] = owner_at(m, pfn)
        count += 1
        pfn += span(head >> 4)
    return count


@kernel
def collect_owned(m: NodeArrays, start_pfn: int, end_pfn: int, owner: int, pfns: NDArray[np.int64]) -> int:
    """Writes the first pfn of every run of `owner` into pfns, ascending; returns how many there are.

    Writes no more than pfns holds.
    """
    order = m.geo.pageblock_order
    count = 0
    pfn = start_pfn
    while pfn < end_pfn:
        if zone_of(m, pfn) < 0:
            pfn = ((pfn >> order) + 1) << order
            continue
        if owner_at(m, pfn) == owner:
            if count < pfns.shape[0]:
                pfns[count] = pfn
            count += 1
        pfn += span(head_at(m, pfn) >> 4)
    return count


@kernel
def free_runs(m: NodeArrays, pfns: NDArray[np.int64]) -> int:
    """Frees the used runs that start at these pfns, in this order; returns their pages."""
    freed = int64(0)
    for position in range(pfns.shape[0]):
        freed += free_run(m, pfns[position])
    return freed


@kernel
def list_pfns(m: NodeArrays, zone: int, order: int, migratetype: int, pfns: NDArray[np.int64]) -> int:
    """Writes the pfns of a free list, head first, into pfns as far as it holds; returns the list's length."""
    opener = sentinel(m, zone, order, migratetype)
    row = next_row(m, opener)
    count = 0
    while row != opener:
        if count < pfns.shape[0]:
            pfns[count] = pfn_of_row(m, row)
        count += 1
        row = next_row(m, row)
    return count
