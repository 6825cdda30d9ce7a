"""Stealing between migratetypes, and the allocation that walks lists, then fallbacks, then zones.

Mirrors __rmqueue_fallback() and get_page_from_freelist() of mm/page_alloc.c up to 6.9 (B-10, B-13, B-14, B-20).
Invariants kept here: INV-3, INV-8.
Left out: per-cpu lists on the way, CMA balance (B-11), HIGHATOMIC (B-12), the watermark boost (B-17).
"""

from app.mm.kernels._jit import inlined, inlined_kernel, int64, internal, kernel
from app.mm.kernels.buddy import (
    account_free,
    add_free,
    first_free,
    free_by_block_type,
    is_list_empty,
    move_free,
    move_freepages_block,
    remove_free,
    take_smallest,
    watermark_ok,
)
from app.mm.kernels.layout import (
    ANON,
    AT_HEAD,
    AT_LOW,
    AT_MIN,
    FREE,
    HIGHATOMIC,
    HUGETLB,
    MOVABLE,
    MOVABLE_OPS,
    PINNED,
    RECLAIMABLE,
    RECLAIMABLE_PAGE,
    S_PRESENT,
    UNMOVABLE,
    ZONE_NORMAL,
    NodeArrays,
    block_type_of,
    cell,
    covering_head,
    first_run_from,
    head_at,
    set_head,
    set_owner,
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
def claim_block(m: NodeArrays, zone: int, pfn: int, migratetype: int) -> None:
    """Moves the free pages of pfn's pageblock to `migratetype`, and retypes it when half of it is alike (B-14)."""
    pageblock_order = m.geo.pageblock_order
    nr_pages = span(pageblock_order)
    block = pfn >> pageblock_order
    start = block << pageblock_order
    movable = count_movable_used(m, start, start + nr_pages)
    old_type = block_type_of(m, pfn)
    free = move_freepages_block(m, zone, pfn, migratetype)
    if migratetype == MOVABLE:
        alike = movable
    elif old_type == MOVABLE:
        alike = nr_pages - free - movable
    else:
        alike = int64(0)
    if free + alike >= nr_pages // 2:
        m.block_type[block] = migratetype


@kernel
def steal(m: NodeArrays, zone: int, pfn: int, order: int, migratetype: int) -> None:
    """Brings the free block at `pfn` to `migratetype`'s lists, claiming its pageblock where allowed (B-14)."""
    pageblock_order = m.geo.pageblock_order
    if block_type_of(m, pfn) == HIGHATOMIC:
        move_free(m, zone, pfn, order, migratetype)
        return
    if order >= pageblock_order:
        for block in range(pfn >> pageblock_order, (pfn + span(order)) >> pageblock_order):
            m.block_type[block] = migratetype
        move_free(m, zone, pfn, order, migratetype)
        return
    if not can_claim(m, order, migratetype):
        move_free(m, zone, pfn, order, migratetype)
        return
    claim_block(m, zone, pfn, migratetype)


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
    """Returns the lowest order, from `order` on, at which there is a block to steal; there must be one."""
    current = order
    while find_fallback(m, zone, current, migratetype) < 0:
        current += 1
    return current


@internal
def steal_fallback(m: NodeArrays, zone: int, order: int, migratetype: int, min_order: int) -> bool:
    """Steals from another type, largest blocks first; returns whether `migratetype` has a block now (B-14).

    min_order keeps a no-fragment request from touching blocks below the pageblock order.
    """
    current = m.geo.max_order
    while current >= min_order:
        other = find_fallback(m, zone, current, migratetype)
        if other >= 0:
            if migratetype == MOVABLE and current > order and not can_claim(m, current, migratetype):
                # Pollute as little as possible: the smallest block that serves.
                current = smallest_fallback(m, zone, order, migratetype)
                other = find_fallback(m, zone, current, migratetype)
            steal(m, zone, first_free(m, zone, current, other), current, migratetype)
            return True
        current -= 1
    return False


@inlined
def rmqueue(m: NodeArrays, zone: int, order: int, migratetype: int, no_fragment: bool) -> int:
    """Takes 2**order pages from one zone: own lists first, then by stealing; returns the pfn or -1."""
    pfn = take_smallest(m, zone, order, migratetype)
    if pfn >= 0:
        return pfn
    min_order = max(order, m.geo.pageblock_order) if no_fragment else order
    if not steal_fallback(m, zone, order, migratetype, min_order):
        return int64(-1)
    return take_smallest(m, zone, order, migratetype)


@internal
def preferred_zone(m: NodeArrays, highest_zone: int) -> int:
    """Returns the highest populated zone that a request may use, or -1."""
    zone = int64(highest_zone)
    while zone >= 0 and m.stat[cell(zone, S_PRESENT)] == 0:
        zone -= 1
    return zone


@kernel
def get_page(m: NodeArrays, order: int, migratetype: int, highest_zone: int) -> int:
    """Allocates 2**order pages, preferring the highest zone; returns the pfn, or -1 when none may give (B-10).

    highest_zone: the highest zone index that the request may use. Three passes: above the low watermark, and, if
    Normal is preferred, without breaking up a foreign pageblock of any zone; above low; then, as the slow path
    does, above min.
    """
    is_careful = preferred_zone(m, highest_zone) == ZONE_NORMAL
    for attempt in range(3):
        for step in range(highest_zone + 1):
            zone = highest_zone - step
            if not watermark_ok(m, zone, order, AT_MIN if attempt == 2 else AT_LOW, highest_zone):
                continue
            pfn = rmqueue(m, zone, order, migratetype, attempt == 0 and is_careful)
            if pfn >= 0:
                return pfn
    return int64(-1)


@inlined_kernel
def migratetype_of(kind: int) -> int:
    """Returns the class of an allocation of this kind (section 3)."""
    if kind == RECLAIMABLE_PAGE:
        return RECLAIMABLE
    if ANON <= kind <= PINNED or kind == MOVABLE_OPS:
        return MOVABLE
    return UNMOVABLE


@inlined
def take_page(m: NodeArrays, order: int, migratetype: int, highest_zone: int) -> int:
    """Allocates as get_page() does; the usual case, a block of the right type in the first zone, without a call."""
    zone = int64(highest_zone)
    while zone >= 0 and not watermark_ok(m, zone, order, AT_LOW, highest_zone):
        zone -= 1
    if zone >= 0:
        pfn = take_smallest(m, zone, order, migratetype)
        if pfn >= 0:
            return pfn
    return get_page(m, order, migratetype, highest_zone)


@inlined_kernel
def alloc_page(m: NodeArrays, head: int, owner: int, highest_zone: int) -> int:
    """Allocates one run with the head byte `head`; returns its pfn or -1."""
    order = head >> 4
    pfn = take_page(m, order, migratetype_of(head & 15), highest_zone)
    if pfn >= 0:
        set_head(m, pfn, head & 15, order)
        set_owner(m, pfn, owner)
    return pfn


@kernel
def alloc_pages(m: NodeArrays, head: int, count: int, owner: int, highest_zone: int) -> int:
    """Allocates `count` runs with the head byte `head`, one by one; returns how many could be had.

    Nothing is given back when memory runs out: the caller decides.
    """
    for done in range(count):
        if alloc_page(m, head, owner, highest_zone) < 0:
            return int64(done)
    return int64(count)


@kernel
def take_free_at(m: NodeArrays, zone: int, pfn: int, order: int) -> bool:
    """Takes exactly [pfn, pfn + 2**order) out of the free block that holds it; returns False when it is not free.

    Each half that is not wanted goes to the head of its list, as expand() would put it.
    """
    first = covering_head(m, pfn)
    if first < 0:
        return False
    head = head_at(m, first)
    current = head >> 4
    if (head & 15) != FREE or current < order:
        return False
    migratetype = block_type_of(m, first)
    remove_free(m, zone, first, current)
    account_free(m, zone, -span(order), migratetype)
    while current > order:
        current -= 1
        half = first + span(current)
        if pfn >= half:
            add_free(m, zone, first, current, migratetype, AT_HEAD)
            first = half
        else:
            add_free(m, zone, half, current, migratetype, AT_HEAD)
    return True


@inlined
def free_run(m: NodeArrays, pfn: int) -> int:
    """Frees the used run that starts at `pfn`; returns its pages."""
    order = head_at(m, pfn) >> 4
    free_by_block_type(m, pfn, order)
    return span(order)
