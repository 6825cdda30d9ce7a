"""The HIGHATOMIC reserve: pageblocks kept for atomic requests above order 0, and given up under pressure.

Mirrors reserve_highatomic_pageblock() and unreserve_highatomic_pageblock() of mm/page_alloc.c (B-22 .. B-24).
Invariants kept here: INV-12, as far as the policy's merge rule and undo let it hold.
Left out: who may turn to the reserve (kernels.allocation).
"""

from app.mm.kernels._jit import int64, internal, kernel
from app.mm.kernels.buddy import change_pageblock, first_free, move_free, move_freepages_block
from app.mm.kernels.layout import (
    FREE,
    HIGHATOMIC,
    HIGHATOMIC_FREE,
    HIGHATOMIC_RESERVED,
    RECLAIMABLE,
    S_MANAGED,
    S_NR_FREE_HIGHATOMIC,
    S_NR_RESERVED_HIGHATOMIC,
    NodeArrays,
    block_type_of,
    cell,
    first_zone,
    head_at,
    next_zone,
    retype_block,
    span,
)


@internal
def reserve_limit(m: NodeArrays, zone: int) -> int:
    """Returns how many pages of a zone may be reserved before no further pageblock is (B-22)."""
    nr_pageblock_pages = span(m.geo.pageblock_order)
    hundredth = m.stat[cell(zone, S_MANAGED)] // 100
    if m.geo.highatomic_rule != HIGHATOMIC_FREE:
        return hundredth + nr_pageblock_pages
    if hundredth < nr_pageblock_pages:
        return int64(0)
    return (hundredth + nr_pageblock_pages - 1) & ~(nr_pageblock_pages - 1)


@internal
def change_run(m: NodeArrays, zone: int, pfn: int, order: int, migratetype: int) -> None:
    """Changes every pageblock of a run larger than one, and, if it is free, the list that it is on (B-24)."""
    if (head_at(m, pfn) & 15) == FREE:
        move_free(m, zone, pfn, order, migratetype)
        m.stat[cell(zone, S_NR_FREE_HIGHATOMIC)] += span(order) if migratetype == HIGHATOMIC else -span(order)
    for block in range(pfn >> m.geo.pageblock_order, (pfn + span(order)) >> m.geo.pageblock_order):
        retype_block(m, block, migratetype)


@internal
def change_block(m: NodeArrays, zone: int, start: int, migratetype: int) -> None:
    """Changes the pageblock at `start`; up to 6.9 its free pages change lists, and no counter moves (B-8)."""
    if m.geo.cuts_at_once:
        change_pageblock(m, zone, start, migratetype)
        return
    moved = move_freepages_block(m, zone, start, migratetype)
    m.block_type[start >> m.geo.pageblock_order] = migratetype
    m.stat[cell(zone, S_NR_FREE_HIGHATOMIC)] += moved if migratetype == HIGHATOMIC else -moved


@internal
def reserve(m: NodeArrays, zone: int, pfn: int, order: int) -> None:
    """Reserves the pageblock in which an atomic request was served, while there is room for it (B-22)."""
    if m.stat[cell(zone, S_NR_RESERVED_HIGHATOMIC)] >= reserve_limit(m, zone):
        return
    if block_type_of(m, pfn) > RECLAIMABLE:
        return
    nr_pages = span(m.geo.pageblock_order)
    if order >= m.geo.pageblock_order and m.geo.highatomic_rule != HIGHATOMIC_RESERVED:
        change_run(m, zone, pfn, order, HIGHATOMIC)
        nr_pages = span(order)
    else:
        change_block(m, zone, pfn & ~(nr_pages - 1), HIGHATOMIC)
    m.stat[cell(zone, S_NR_RESERVED_HIGHATOMIC)] += nr_pages


@internal
def first_reserved(m: NodeArrays, zone: int) -> int:
    """Returns the first free block of the reserve, smallest orders first, or -1."""
    for order in range(m.geo.max_order + 1):
        pfn = first_free(m, zone, order, HIGHATOMIC)
        if pfn >= 0:
            return pfn
    return int64(-1)


@internal
def unreserve_from(m: NodeArrays, zone: int, pfn: int, migratetype: int) -> None:
    """Gives the pageblock of a free block of the reserve to another type (B-23)."""
    order = head_at(m, pfn) >> 4
    nr_pages = span(m.geo.pageblock_order)
    start = pfn & ~(nr_pages - 1)
    if order >= m.geo.pageblock_order and m.geo.highatomic_rule != HIGHATOMIC_RESERVED:
        change_run(m, zone, pfn, order, migratetype)
        nr_pages = span(order)
    else:
        change_block(m, zone, start, migratetype)
    reserved = m.stat[cell(zone, S_NR_RESERVED_HIGHATOMIC)]
    # After a mixed merge the reserve may count less than lies on its lists (S27).
    m.stat[cell(zone, S_NR_RESERVED_HIGHATOMIC)] = reserved - min(nr_pages, reserved)


@kernel
def unreserve(m: NodeArrays, zonelist: int, migratetype: int, is_forced: int) -> bool:
    """Gives one pageblock of the reserve to a request under pressure; returns whether there was one (B-23).

    Unless forced, each zone keeps one pageblock.
    """
    zone = first_zone(zonelist)
    while zone >= 0:
        # Forced, the lists are looked at even where nothing is counted as reserved (S27).
        if is_forced or m.stat[cell(zone, S_NR_RESERVED_HIGHATOMIC)] > span(m.geo.pageblock_order):
            pfn = first_reserved(m, zone)
            if pfn >= 0:
                unreserve_from(m, zone, pfn, migratetype)
                return True
        zone = next_zone(m, zone, zonelist)
    return False
