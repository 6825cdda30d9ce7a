"""Free lists and the buddy allocator proper: take, expand, merge.

Mirrors the free and allocation paths of mm/page_alloc.c (semantics B-1 .. B-9, B-18 .. B-20).
Invariants kept here: INV-1, INV-3, INV-5, INV-8.
Left out: which lists a request may turn to (kernels.allocation).
"""

from app.mm.kernels._jit import inlined, int64, internal, kernel
from app.mm.kernels.layout import (
    AT_HEAD,
    AT_TAIL,
    CMA,
    FREE,
    HIGHATOMIC,
    HIGHATOMIC_FREE,
    ISOLATE,
    ISOLATED_BIT,
    MERGE_ANY,
    MERGE_ISOLATE_ONLY,
    NOBODY,
    RECLAIMABLE,
    RETYPE_FULL,
    RETYPE_NO,
    S_NR_FREE,
    S_NR_FREE_CMA,
    S_NR_FREE_HIGHATOMIC,
    S_NR_ISOLATE,
    S_NR_RESERVED_HIGHATOMIC,
    S_RESERVE,
    S_WMARK_MIN,
    USES_CMA,
    USES_HIGHATOMIC,
    NodeArrays,
    block_type_of,
    cell,
    clear_head,
    covering_head,
    first_run_from,
    has_buddy,
    head_at,
    id_of_zone,
    join_rows,
    last_row,
    next_row,
    pfn_of_row,
    piece_order,
    retype_block,
    row_of,
    set_head,
    set_owner,
    span,
    zone_of,
)


@inlined
def sentinel(m: NodeArrays, zone: int, order: int, migratetype: int) -> int:
    """Returns the row that opens and closes a free list."""
    return m.geo.sentinels + ((((zone << 4) | order) << 3) | migratetype)


@inlined
def first_free(m: NodeArrays, zone: int, order: int, migratetype: int) -> int:
    """Returns the pfn at the head of a free list, or -1."""
    opener = sentinel(m, zone, order, migratetype)
    row = next_row(m, opener)
    return int64(-1) if row == opener else pfn_of_row(m, row)


@inlined
def is_list_empty(m: NodeArrays, zone: int, order: int, migratetype: int) -> bool:
    """Returns whether a free list has no entry."""
    opener = sentinel(m, zone, order, migratetype)
    return next_row(m, opener) == opener


@inlined
def link_between(m: NodeArrays, row: int, before: int, after: int) -> None:
    """Puts `row` between two neighbouring rows of a list."""
    join_rows(m, before, row)
    join_rows(m, row, after)


@inlined
def unlink(m: NodeArrays, row: int) -> None:
    """Takes `row` out of its list."""
    join_rows(m, last_row(m, row), next_row(m, row))


@inlined
def add_free(m: NodeArrays, zone: int, pfn: int, order: int, migratetype: int, place: int) -> None:
    """Makes [pfn, pfn + 2**order) a free block and puts it at the head or the tail of its list."""
    set_head(m, pfn, FREE, order)
    row = row_of(m, pfn)
    opener = sentinel(m, zone, order, migratetype)
    if place == AT_TAIL:
        link_between(m, row, last_row(m, opener), opener)
    else:
        link_between(m, row, opener, next_row(m, opener))
    m.nr_free[cell(zone, order)] += 1


@inlined
def remove_free(m: NodeArrays, zone: int, pfn: int, order: int) -> None:
    """Takes a free block out of its list; its pages belong to the caller, its head byte is 0."""
    unlink(m, row_of(m, pfn))
    clear_head(m, pfn)
    m.nr_free[cell(zone, order)] -= 1


@inlined
def move_free(m: NodeArrays, zone: int, pfn: int, order: int, migratetype: int) -> None:
    """Moves a free block to the tail of another type's list (B-3)."""
    row = row_of(m, pfn)
    unlink(m, row)
    opener = sentinel(m, zone, order, migratetype)
    link_between(m, row, last_row(m, opener), opener)


@inlined
def account_free(m: NodeArrays, zone: int, nr_pages: int, migratetype: int) -> None:
    """Counts pages as free (negative: as taken) under `migratetype`; isolated ones are not counted (B-8)."""
    if migratetype == ISOLATE:
        return
    m.stat[cell(zone, S_NR_FREE)] += nr_pages
    if migratetype == CMA:
        m.stat[cell(zone, S_NR_FREE_CMA)] += nr_pages
    elif migratetype == HIGHATOMIC:
        m.stat[cell(zone, S_NR_FREE_HIGHATOMIC)] += nr_pages


@inlined
def may_merge(m: NodeArrays, zone: int, mine: int, theirs: int) -> bool:
    """Returns whether two free blocks of at least a pageblock, of these types, may become one (B-5)."""
    rule = m.geo.merge_rule
    if mine == theirs or rule == MERGE_ANY:
        return True
    if rule == MERGE_ISOLATE_ONLY:
        return m.stat[cell(zone, S_NR_ISOLATE)] == 0 or ISOLATE not in (mine, theirs)
    return mine <= RECLAIMABLE and theirs <= RECLAIMABLE


@inlined
def is_merge_likely(m: NodeArrays, zone: int, pfn: int, order: int) -> bool:
    """Returns whether the block would soon merge twice: its combined buddy is already free (B-3)."""
    if order >= m.geo.max_order - 1:
        return False
    combined = pfn & ~span(order)
    return has_buddy(m, zone, combined ^ span(order + 1), order + 1)


@internal
def absorb(m: NodeArrays, zone: int, buddy: int, order: int, migratetype: int) -> None:
    """Books a free buddy of another type that merges into a block of type `migratetype` (B-6, B-8)."""
    theirs = block_type_of(m, buddy)
    if m.geo.counts_by_list:
        account_free(m, zone, -span(order), theirs)
        account_free(m, zone, span(order), migratetype)
    if m.geo.retype_rule == RETYPE_NO or ISOLATE in (theirs, migratetype):
        return
    first = buddy >> m.geo.pageblock_order
    count = span(order - m.geo.pageblock_order) if m.geo.retype_rule == RETYPE_FULL else int64(1)
    for block in range(first, first + count):
        retype_block(m, block, migratetype)


@inlined
def free_block(m: NodeArrays, pfn: int, order: int, migratetype: int, place: int) -> None:
    """Frees [pfn, pfn + 2**order) as type `migratetype`, merging upwards (B-4)."""
    zone = zone_of(m, pfn)
    account_free(m, zone, span(order), migratetype)
    clear_head(m, pfn)
    while order < m.geo.max_order:
        buddy = pfn ^ span(order)
        if not has_buddy(m, zone, buddy, order):
            break
        if order >= m.geo.pageblock_order and block_type_of(m, buddy) != migratetype:
            if not may_merge(m, zone, migratetype, block_type_of(m, buddy)):
                break
            absorb(m, zone, buddy, order, migratetype)
        remove_free(m, zone, buddy, order)
        pfn = min(pfn, buddy)
        order += 1
    if is_merge_likely(m, zone, pfn, order):
        place = AT_TAIL
    add_free(m, zone, pfn, order, migratetype, place)


@internal
def put_block(m: NodeArrays, pfn: int, order: int, migratetype: int, place: int) -> None:
    """Frees a block as free_block() does; for where a call costs less than one more copy to compile."""
    free_block(m, pfn, order, migratetype, place)


@internal
def free_by_pageblocks(m: NodeArrays, pfn: int, order: int) -> None:
    """Frees a block larger than a pageblock, each pageblock under its own type; they merge again where they may."""
    clear_head(m, pfn)
    end = pfn + span(order)
    while pfn < end:
        put_block(m, pfn, m.geo.pageblock_order, block_type_of(m, pfn), AT_HEAD)
        pfn += span(m.geo.pageblock_order)


@inlined
def free_by_block_type(m: NodeArrays, pfn: int, order: int) -> None:
    """Frees a block under the type that its first pageblock has now, as the free path does (B-4, B-9, I-11)."""
    set_owner(m, pfn, NOBODY)
    if order > m.geo.pageblock_order and m.geo.splits_free:
        free_by_pageblocks(m, pfn, order)
    else:
        free_block(m, pfn, order, block_type_of(m, pfn), AT_HEAD)


@kernel
def free_range(m: NodeArrays, start_pfn: int, end_pfn: int) -> int:
    """Frees every used run of [start_pfn, end_pfn), ascending; returns how many pages that were.

    Runs must not cross the range's ends.
    """
    pfn = start_pfn
    freed = int64(0)
    while pfn < end_pfn:
        head = head_at(m, pfn)
        order = head >> 4
        if (head & 15) > FREE:
            free_by_block_type(m, pfn, order)
            freed += span(order)
        pfn += span(order)
    return freed


@inlined
def expand(m: NodeArrays, zone: int, pfn: int, have_want: int, migratetype: int) -> None:
    """Gives back the upper halves of a block, halving from order `have` to order `want` (B-2).

    have_want is `have << 4 | want`.
    """
    order = have_want >> 4
    while order > (have_want & 15):
        order -= 1
        add_free(m, zone, pfn + span(order), order, migratetype, AT_HEAD)


@inlined
def take_smallest(m: NodeArrays, zone: int, order: int, migratetype: int) -> int:
    """Takes 2**order pages off one type's lists, smallest sufficient block first; returns its pfn or -1 (B-2)."""
    current = order
    while current <= m.geo.max_order:
        pfn = first_free(m, zone, current, migratetype)
        if pfn >= 0:
            remove_free(m, zone, pfn, current)
            expand(m, zone, pfn, (current << 4) | order, migratetype)
            account_free(m, zone, -span(order), migratetype)
            return pfn
        current += 1
    return int64(-1)


@internal
def take_block(m: NodeArrays, zone: int, order: int, migratetype: int) -> int:
    """Takes 2**order pages as take_smallest() does; for where a call costs less than one more copy to compile."""
    return take_smallest(m, zone, order, migratetype)


@inlined
def watermark_ok(m: NodeArrays, zone: int, order: int, mark: int, zonelist: int, uses: int) -> bool:
    """Returns whether a request of `order` leaves the zone above watermark `mark` (0 min, 1 low, 2 high; B-20).

    uses: USES_CMA and USES_HIGHATOMIC, as far as the request may turn to them.
    """
    free = m.stat[cell(zone, S_NR_FREE)] - (span(order) - 1)
    if not uses & USES_CMA:
        free -= m.stat[cell(zone, S_NR_FREE_CMA)]
    if not uses & USES_HIGHATOMIC:
        is_counted = m.geo.highatomic_rule == HIGHATOMIC_FREE
        free -= m.stat[cell(zone, S_NR_FREE_HIGHATOMIC if is_counted else S_NR_RESERVED_HIGHATOMIC)]
    reserve = m.stat[cell(zone, S_RESERVE + id_of_zone(zonelist))]
    if free <= m.stat[cell(zone, S_WMARK_MIN + mark)] + reserve:
        return False
    return order == 0 or has_block_for(m, zone, order, uses)


@internal
def has_block_for(m: NodeArrays, zone: int, order: int, uses: int) -> bool:
    """Returns whether some list that a request may turn to holds a block of at least `order` (B-20)."""
    current = order
    while current <= m.geo.max_order:
        for migratetype in range(RECLAIMABLE + 1):
            if not is_list_empty(m, zone, current, migratetype):
                return True
        if uses & USES_CMA and not is_list_empty(m, zone, current, CMA):
            return True
        if uses & USES_HIGHATOMIC and not is_list_empty(m, zone, current, HIGHATOMIC):
            return True
        current += 1
    return False


@internal
def move_freepages_block(m: NodeArrays, zone: int, pfn: int, migratetype: int) -> int:
    """Moves the free blocks whose heads lie in pfn's pageblock to `migratetype`'s lists; returns their pages (B-18).

    A block larger than the pageblock moves whole, and is missed when its head lies before: as up to 6.9.
    """
    start = (pfn >> m.geo.pageblock_order) << m.geo.pageblock_order
    end = start + span(m.geo.pageblock_order)
    moved = int64(0)
    page = first_run_from(m, start)
    while page < end:
        head = head_at(m, page)
        order = head >> 4
        if (head & 15) == FREE:
            move_free(m, zone, page, order, migratetype)
            moved += span(order)
        page += span(order)
    return moved


@internal
def free_over_pageblock(m: NodeArrays, start: int) -> int:
    """Returns the first pfn of the free block larger than a pageblock that covers the one at `start`, or -1."""
    first = covering_head(m, start)
    if first < 0:
        return int64(-1)
    head = head_at(m, first)
    return first if (head & 15) == FREE and (head >> 4) > m.geo.pageblock_order else int64(-1)


@internal
def change_pageblock(m: NodeArrays, zone: int, start: int, byte: int) -> None:
    """Gives the pageblock at `start` another byte, and its free pages the lists and counters of what it is then (B-18).

    From 6.10 a free block larger than the pageblock is taken out and freed again pageblock by pageblock; before,
    it moves whole when it begins here, and is missed when it does not.
    """
    first = free_over_pageblock(m, start) if m.geo.cuts_at_once else int64(-1)
    if first >= 0:
        order = head_at(m, first) >> 4
        account_free(m, zone, -span(order), block_type_of(m, first))
        remove_free(m, zone, first, order)
        m.block_type[start >> m.geo.pageblock_order] = byte
        free_by_pageblocks(m, first, order)
        return
    migratetype = ISOLATE if byte & ISOLATED_BIT else byte
    old_type = block_type_of(m, start)
    moved = move_freepages_block(m, zone, start, migratetype)
    m.block_type[start >> m.geo.pageblock_order] = byte
    account_free(m, zone, -moved, old_type)
    account_free(m, zone, moved, migratetype)


@kernel
def free_at_tail(m: NodeArrays, start_pfn: int, end_pfn: int) -> None:
    """Gives fresh pages to the buddy, ascending, in the largest aligned pieces, each at its list's tail (HP-4)."""
    pfn = start_pfn
    while pfn < end_pfn:
        order = piece_order(m, pfn, end_pfn - pfn)
        free_block(m, pfn, order, block_type_of(m, pfn), AT_TAIL)
        pfn += span(order)


@kernel
def empty_lists(m: NodeArrays) -> None:
    """Makes every free list an empty circle."""
    for row in range(m.geo.sentinels, m.link.shape[0] >> 1):
        join_rows(m, row, row)
