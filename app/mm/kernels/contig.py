"""The last steps of alloc_contig_range(): finding its first free block, and taking the free pages out.

Mirrors alloc_contig_range() of mm/page_alloc.c, steps 6 and 8 (semantics 5.1).
Invariants kept here: INV-2, INV-23.
Left out: isolation, migration and the test (kernels.isolation, kernels.migrate).
"""

from app.mm.kernels._jit import internal, kernel
from app.mm.kernels.buddy import account_free, free_by_block_type, remove_free
from app.mm.kernels.layout import (
    FREE,
    HUGETLB,
    OFFLINE,
    NodeArrays,
    block_type_of,
    covering_head,
    head_at,
    owner_at,
    piece_order,
    set_head,
    set_owner,
    span,
    zone_of,
)


@kernel
def find_outer_start(m: NodeArrays, start_pfn: int) -> int:
    """Returns the head of the free block that reaches over `start_pfn`, or start_pfn itself (step 6)."""
    first = covering_head(m, start_pfn)
    if first >= 0 and (head_at(m, first) & 15) == FREE:
        return first
    return start_pfn


@kernel
def tile(m: NodeArrays, start_pfn: int, end_pfn: int, kind: int, largest: int) -> None:
    """Covers [start_pfn, end_pfn) with heads of `kind`, each aligned and of at most order `largest`."""
    pfn = start_pfn
    while pfn < end_pfn:
        order = min(largest, piece_order(m, pfn, end_pfn - pfn))
        set_head(m, pfn, kind, order)
        pfn += span(order)


@kernel
def take_free_pages(m: NodeArrays, outer_start: int, end_pfn: int) -> int:
    """Takes the free blocks from outer_start until end_pfn is covered; returns where the last one ends (step 8).

    Ends early, before a page that is not free.
    """
    pfn = outer_start
    while pfn < end_pfn and (head_at(m, pfn) & 15) == FREE:
        order = head_at(m, pfn) >> 4
        account_free(m, zone_of(m, pfn), -span(order), block_type_of(m, pfn))
        remove_free(m, zone_of(m, pfn), pfn, order)
        pfn += span(order)
    return pfn


@internal
def give_back(m: NodeArrays, start_pfn: int, end_pfn: int) -> None:
    """Frees pages that were taken beyond the wanted range, ascending, each under its own pageblock's type.

    Linux frees page by page; pieces up to a pageblock merge to the same blocks.
    """
    pfn = start_pfn
    while pfn < end_pfn:
        order = min(m.geo.pageblock_order, piece_order(m, pfn, end_pfn - pfn))
        free_by_block_type(m, pfn, order)
        pfn += span(order)


@kernel
def own_runs(m: NodeArrays, start_pfn: int, end_pfn: int, owner: int) -> None:
    """Makes every run that starts in [start_pfn, end_pfn) somebody's."""
    pfn = start_pfn
    while pfn < end_pfn:
        set_owner(m, pfn, owner)
        pfn += span(head_at(m, pfn) >> 4)


@kernel
def take_range(m: NodeArrays, start_pfn: int, end_pfn: int, kind: int, owner: int) -> None:
    """Takes [start_pfn, end_pfn), all free, for `owner`; what had to be taken around it is given back.

    Pages become single pages (C-2); offline and gigantic pages, which nobody frees one by one, are tiled.
    """
    outer_start = find_outer_start(m, start_pfn)
    outer_end = take_free_pages(m, outer_start, end_pfn)
    tile(m, start_pfn, end_pfn, kind, 15 if kind in (OFFLINE, HUGETLB) else 0)
    if owner:
        own_runs(m, start_pfn, end_pfn, owner)
    give_back(m, outer_start, start_pfn)
    give_back(m, end_pfn, outer_end)


@kernel
def has_only(m: NodeArrays, start_pfn: int, end_pfn: int, kind: int, owner: int) -> bool:
    """Returns whether [start_pfn, end_pfn) consists of whole runs of one kind and owner."""
    pfn = start_pfn
    while pfn < end_pfn:
        head = head_at(m, pfn)
        if (head & 15) != kind or owner_at(m, pfn) != owner:
            return False
        pfn += span(head >> 4)
    return pfn == end_pfn
