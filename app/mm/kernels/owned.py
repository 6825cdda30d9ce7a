"""Allocations seen as a whole: how many pages each owner has, bursts of several kinds, and pins.

Left out: the choice of pages and amounts, which the caller draws from its own stream.
"""

import numpy as np
from numpy.typing import NDArray

from app.mm.kernels._jit import int64, kernel
from app.mm.kernels.allocation import alloc_pages, free_run
from app.mm.kernels.layout import (
    FREE,
    NONE,
    OFFLINE,
    NodeArrays,
    head_at,
    owner_at,
    set_head,
    set_owner,
    span,
    zone_of,
)


@kernel
def count_owned(m: NodeArrays, nr_pages: NDArray[np.int64]) -> None:
    """Adds the pages of every owner from 1 to len(nr_pages) - 1 to nr_pages[owner]. Linear in runs."""
    order = m.geo.pageblock_order
    pfn = int64(0)
    while pfn < m.geo.nr_pages:
        if zone_of(m, pfn) < 0:
            pfn = ((pfn >> order) + 1) << order
            continue
        size = span(head_at(m, pfn) >> 4)
        owner = int64(owner_at(m, pfn))
        if 0 < owner < nr_pages.shape[0]:
            nr_pages[owner] += size
        pfn += size


@kernel
def set_owners(m: NodeArrays, start_pfn: int, end_pfn: int, owner: int) -> None:
    """Makes every run that starts in [start_pfn, end_pfn) somebody's, or nobody's (0); start_pfn is a head."""
    pfn = int64(start_pfn)
    while pfn < end_pfn:
        set_owner(m, pfn, owner)
        pfn += span(head_at(m, pfn) >> 4)


@kernel
def alloc_bursts(m: NodeArrays, bursts: NDArray[np.int64], got: NDArray[np.int64]) -> None:
    """Allocates bursts in turn: each row is (head byte, runs, owner, zonelist); got: runs had."""
    for number in range(bursts.shape[0]):
        got[number] = alloc_pages(
            m, bursts[number, 0], bursts[number, 1], bursts[number, 2], bursts[number, 3], int64(0)
        )


@kernel
def set_kind_of_runs(m: NodeArrays, pfns: NDArray[np.int64], kind: int) -> int:
    """Gives the runs that start at pfns another kind, where they are; returns their pages."""
    nr_pages = int64(0)
    for number in range(pfns.shape[0]):
        order = head_at(m, pfns[number]) >> 4
        set_head(m, pfns[number], kind, order)
        nr_pages += span(order)
    return nr_pages


@kernel
def free_drawn(
    m: NodeArrays, owner: int, order: int, drawn: NDArray[np.int64], firsts: NDArray[np.int64]
) -> int:
    """Frees the runs of `owner` and `order` that hold the pages drawn, until `firsts` is full; returns how many.

    Writes where each began. A page whose run has gone already, or belongs to somebody else, counts for nothing.
    """
    count = int64(0)
    for number in range(drawn.shape[0]):
        if count == firsts.shape[0]:
            break
        first = (drawn[number] >> order) << order
        head = head_at(m, first)
        # Inside a run there is no head, and what stands beside it means nothing.
        if (head & 15) > FREE and head >> 4 == order and owner_at(m, first) == owner:
            free_run(m, first)
            firsts[count] = first
            count += 1
    return count


@kernel
def mark_used(m: NodeArrays, start_pfn: int, end_pfn: int, used: NDArray[np.uint8]) -> None:
    """Sets used[pageblock - first] to 1 where a page of the pageblock is in use: neither free nor offline.

    The range is whole pageblocks. Linear in runs.
    """
    order = m.geo.pageblock_order
    first = start_pfn >> order
    pfn = start_pfn
    while pfn < end_pfn:
        if zone_of(m, pfn) < 0:
            pfn = ((pfn >> order) + 1) << order
            continue
        head = head_at(m, pfn)
        kind = head & 15
        next_pfn = pfn + span(head >> 4)
        if kind not in (FREE, OFFLINE, NONE):
            for block in range(pfn >> order, min((next_pfn - 1) >> order, (end_pfn - 1) >> order) + 1):
                used[block - first] = 1
        pfn = next_pfn
