"""Stealing between migratetypes: what a request takes when its own lists are empty.

Mirrors the three ways of __rmqueue_fallback() and its successors in mm/page_alloc.c (B-13 to B-16); the policy's
steal rule says which.
Invariants kept here: INV-3, INV-8.
Left out: the request's own lists, CMA and zones (kernels.allocation), the watermark boost (B-17).
"""

from app.mm.kernels._jit import inlined, int64, internal, kernel
from app.mm.kernels.buddy import (
    account_free,
    expand,
    first_free,
    is_list_empty,
    move_free,
    move_freepages_block,
    remove_free,
    take_block,
)
from app.mm.kernels.layout import (
    ANON,
    FREE,
    HIGHATOMIC,
    HUGETLB,
    MOVABLE,
    MOVABLE_OPS,
    PINNED,
    RECLAIMABLE,
    STEAL_MOVE_THEN_DECIDE,
    UNMOVABLE,
    NodeArrays,
    block_type_of,
    first_run_from,
    head_at,
    retype_block,
    span,
)


@inlined
def fallback_type(migratetype: int, choice: int) -> int:
    """Returns the first (choice 0) or second (1) type that a request falls back to (B-13)."""
    if migratetype == UNMOVABLE:
        return RECLAIMABLE if choice == 0 else MOVABLE
    if migratetype == MOVABLE:
        return RECLAIMABLE if choice == 0 else UNMOVABLE
    return UNMOVABLE if choice == 0 else MOVABLE


@inlined
def can_claim(m: NodeArrays, order: int, migratetype: int) -> bool:
    """Returns whether a found block of `order` may be claimed as a whole pageblock (B-14)."""
    return order >= m.geo.pageblock_order // 2 or migratetype != MOVABLE


@internal
def count_movable_used(m: NodeArrays, start_pfn: int, end_pfn: int) -> int:
    """Returns how many used pages of a pageblock can move: they lie on the LRU or have movable operations."""
    pfn = first_run_from(m, start_pfn)
    movable = int64(0)
    while pfn < end_pfn:
        head = head_at(m, pfn)
        kind = head & 15
        if (ANON <= kind <= PINNED and kind != HUGETLB) or kind == MOVABLE_OPS:
            movable += span(head >> 4)
        pfn += span(head >> 4)
    return min(movable, end_pfn - start_pfn)


@internal
def count_free(m: NodeArrays, start_pfn: int, end_pfn: int) -> int:
    """Returns how many free pages begin their run in [start_pfn, end_pfn), whole runs counted."""
    pfn = first_run_from(m, start_pfn)
    free = int64(0)
    while pfn < end_pfn:
        head = head_at(m, pfn)
        if (head & 15) == FREE:
            free += span(head >> 4)
        pfn += span(head >> 4)
    return free


@internal
def is_half_alike(m: NodeArrays, pfn: int, migratetype: int) -> bool:
    """Returns whether half of pfn's pageblock is free or used as `migratetype`'s pages are (B-14)."""
    nr_pages = span(m.geo.pageblock_order)
    start = pfn & ~(nr_pages - 1)
    free = count_free(m, start, start + nr_pages)
    movable = count_movable_used(m, start, start + nr_pages)
    alike = int64(0)
    if migratetype == MOVABLE:
        alike = movable
    elif block_type_of(m, pfn) == MOVABLE:
        alike = nr_pages - free - movable
    return free + alike >= nr_pages // 2


@internal
def retype_run(m: NodeArrays, pfn: int, order: int, migratetype: int) -> None:
    """Gives every pageblock of a run of at least a pageblock another type."""
    for block in range(pfn >> m.geo.pageblock_order, (pfn + span(order)) >> m.geo.pageblock_order):
        retype_block(m, block, migratetype)


@kernel
def steal(m: NodeArrays, zone: int, pfn: int, order: int, migratetype: int) -> None:
    """Brings the free block at `pfn` to `migratetype`'s lists, claiming its pageblock where allowed (B-14).

    The pageblock's free pages move even when it keeps its type.
    """
    is_reserved = block_type_of(m, pfn) == HIGHATOMIC
    if order >= m.geo.pageblock_order and not is_reserved:
        retype_run(m, pfn, order, migratetype)
        move_free(m, zone, pfn, order, migratetype)
        return
    if is_reserved or not can_claim(m, order, migratetype):
        move_free(m, zone, pfn, order, migratetype)
        return
    is_claimed = is_half_alike(m, pfn, migratetype)
    move_freepages_block(m, zone, pfn, migratetype)
    if is_claimed:
        retype_block(m, pfn >> m.geo.pageblock_order, migratetype)


@internal
def find_fallback(m: NodeArrays, zone: int, order: int, migratetype: int) -> int:
    """Returns a type that has a free block of exactly `order` and from which to steal, or -1 (B-13)."""
    for choice in range(2):
        other = fallback_type(migratetype, choice)
        if not is_list_empty(m, zone, order, other):
            return other
    return -1


@internal
def smallest_fallback(m: NodeArrays, zone: int, order: int, migratetype: int) -> int:
    """Returns the lowest order, from `order` on, at which there is a block to steal; above the maximum if none."""
    current = order
    while current <= m.geo.max_order and find_fallback(m, zone, current, migratetype) < 0:
        current += 1
    return current


@internal
def take_first(m: NodeArrays, zone: int, order: int, other: int, have: int) -> int:
    """Takes 2**order pages of the first block of order `have` of type `other`; the rest stays with that type."""
    pfn = first_free(m, zone, have, other)
    remove_free(m, zone, pfn, have)
    expand(m, zone, pfn, (have << 4) | order, other)
    account_free(m, zone, -span(order), other)
    return pfn


@internal
def take_by_claim(m: NodeArrays, zone: int, order: int, migratetype: int, have: int) -> int:
    """Claims the pageblock of the first block of order `have` to steal, and takes 2**order pages (B-15).

    Returns -1, with nothing done, when less than half of the pageblock is alike.
    """
    other = find_fallback(m, zone, have, migratetype)
    pfn = first_free(m, zone, have, other)
    if block_type_of(m, pfn) == HIGHATOMIC:
        return int64(-1)
    if have >= m.geo.pageblock_order:
        remove_free(m, zone, pfn, have)
        retype_run(m, pfn, have, migratetype)
        expand(m, zone, pfn, (have << 4) | order, migratetype)
        account_free(m, zone, -span(order), migratetype)
        return pfn
    if not can_claim(m, have, migratetype) or not is_half_alike(m, pfn, migratetype):
        return int64(-1)
    move_freepages_block(m, zone, pfn, migratetype)
    retype_block(m, pfn >> m.geo.pageblock_order, migratetype)
    return take_block(m, zone, order, migratetype)


@internal
def steal_largest(m: NodeArrays, zone: int, order: int, migratetype: int, min_order: int) -> int:
    """Steals from another type, largest blocks first, and takes 2**order pages; returns the pfn or -1 (B-14, B-15).

    min_order keeps a no-fragment request from touching blocks below the pageblock order.
    """
    current = m.geo.max_order
    while current >= min_order and find_fallback(m, zone, current, migratetype) < 0:
        current -= 1
    if current < min_order:
        return int64(-1)
    if migratetype == MOVABLE and current > order and not can_claim(m, current, migratetype):
        # Pollute as little as possible: the smallest block that serves.
        current = smallest_fallback(m, zone, order, migratetype)
    other = find_fallback(m, zone, current, migratetype)
    if m.geo.steal_rule == STEAL_MOVE_THEN_DECIDE:
        steal(m, zone, first_free(m, zone, current, other), current, migratetype)
        return take_block(m, zone, order, migratetype)
    pfn = take_by_claim(m, zone, order, migratetype, current)
    return pfn if pfn >= 0 else take_first(m, zone, order, other, current)


@internal
def steal_stepped(m: NodeArrays, zone: int, order: int, migratetype: int, no_fragment: bool) -> int:
    """Claims a pageblock, the largest blocks first; else takes from the smallest block that serves (B-16)."""
    min_order = max(order, m.geo.pageblock_order) if no_fragment else order
    current = m.geo.max_order
    while current >= min_order and can_claim(m, current, migratetype):
        if find_fallback(m, zone, current, migratetype) >= 0:
            pfn = take_by_claim(m, zone, order, migratetype, current)
            if pfn >= 0:
                return pfn
        current -= 1
    current = m.geo.max_order + 1 if no_fragment else smallest_fallback(m, zone, order, migratetype)
    if current > m.geo.max_order:
        return int64(-1)
    return take_first(m, zone, order, find_fallback(m, zone, current, migratetype), current)
