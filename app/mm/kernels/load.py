"""Making a node's pages what a page map says they are.

Invariants kept here: INV-1, INV-2, INV-3, INV-4, INV-7.
Left out: what the map's flags mean (app.guest.capture.kinds).
"""

import numpy as np
from numpy.typing import NDArray

from app.mm.kernels._jit import int64, internal, kernel
from app.mm.kernels.buddy import free_block
from app.mm.kernels.layout import (
    AT_TAIL,
    FREE,
    NONE,
    OFFLINE,
    PCP,
    RESERVED,
    NodeArrays,
    block_type_of,
    head_at,
    piece_order,
    set_head,
    set_owner,
    span,
    zone_of,
)


@internal
def end_of_kind(m: NodeArrays, start_pfn: int, kinds: NDArray[np.uint8], first: int) -> int:
    """Returns the index behind the pages of one kind and one zone that begin at index `first`."""
    zone = zone_of(m, start_pfn + first)
    index = first + 1
    while index < kinds.shape[0] and kinds[index] == kinds[first] and zone_of(m, start_pfn + index) == zone:
        index += 1
    return int64(index)


@internal
def end_of_compound(m: NodeArrays, start_pfn: int, tails: NDArray[np.uint8], first: int) -> int:
    """Returns the index behind the compound page whose head, or first known page, is at index `first`.

    It ends with its zone, whatever the tails say.
    """
    zone = zone_of(m, start_pfn + first)
    index = first + 1
    while index < tails.shape[0] and tails[index] and zone_of(m, start_pfn + index) == zone:
        index += 1
    return int64(index)


@internal
def load_free(m: NodeArrays, pfn: int, order: int) -> None:
    """Frees [pfn, pfn + 2**order), each pageblock under its own type where they differ: merging decides then (B-5)."""
    end, step = pfn + span(order), order
    for block in range(pfn >> m.geo.pageblock_order, end >> m.geo.pageblock_order):
        if block_type_of(m, block << m.geo.pageblock_order) != block_type_of(m, pfn):
            step = int64(m.geo.pageblock_order)
    while pfn < end:
        free_block(m, pfn, step, block_type_of(m, pfn), AT_TAIL)
        pfn += span(step)


@internal
def load_extent(m: NodeArrays, pfn: int, end_pfn: int, kind: int) -> None:
    """Makes an extent free, offline or reserved, in the largest aligned pieces."""
    while pfn < end_pfn:
        order = piece_order(m, pfn, end_pfn - pfn)
        if kind == FREE:
            load_free(m, pfn, order)
        else:
            set_head(m, pfn, kind, order)
        pfn += span(order)


@internal
def load_compound(m: NodeArrays, pfn: int, end_pfn: int, kind_owner: int) -> None:
    """Makes [pfn, end_pfn) used: one run when it is an aligned power of two, else single pages.

    kind_owner is `owner << 4 | kind`. A compound above the maximum order becomes runs of that order.
    """
    nr_pages = end_pfn - pfn
    order = piece_order(m, pfn, nr_pages)
    is_gigantic = order == m.geo.max_order and nr_pages & (span(order) - 1) == 0
    if nr_pages != span(order) and not is_gigantic:
        order = int64(0)
    while pfn < end_pfn:
        set_head(m, pfn, kind_owner & 15, order)
        set_owner(m, pfn, kind_owner >> 4)
        pfn += span(order)


@kernel
def load_pages(
    m: NodeArrays,
    start_pfn: int,
    kinds: NDArray[np.uint8],
    tails: NDArray[np.uint8],
    owners: NDArray[np.int64],
) -> None:
    """Makes pages of online, still empty pageblocks what kinds[] says, from start_pfn on.

    tails: not 0 where a page continues the compound before it. owners: the owner of used pages, by kind.
    """
    index = int64(0)
    while index < kinds.shape[0]:
        pfn = start_pfn + index
        kind = int64(kinds[index])
        if kind == NONE or zone_of(m, pfn) < 0:
            index += 1
            continue
        if kind in (FREE, OFFLINE, RESERVED):
            end = end_of_kind(m, start_pfn, kinds, index)
            load_extent(m, pfn, start_pfn + end, kind)
        else:
            # Per-cpu lists are drained page by page.
            end = index + 1 if kind == PCP else end_of_compound(m, start_pfn, tails, index)
            load_compound(m, pfn, start_pfn + end, (owners[kind] << 4) | kind)
        index = end


@kernel
def find_kind(m: NodeArrays, kind: int, pfns: NDArray[np.int64]) -> int:
    """Writes the first pfn of every run of `kind` into pfns, as far as it holds; returns how many there are."""
    count = 0
    pfn = int64(0)
    while pfn < m.geo.nr_pages:
        if zone_of(m, pfn) < 0:
            pfn += span(m.geo.pageblock_order)
            continue
        head = head_at(m, pfn)
        if (head & 15) == kind:
            if count < pfns.shape[0]:
                pfns[count] = pfn
            count += 1
        pfn += span(head >> 4)
    return count
