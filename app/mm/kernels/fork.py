"""Copying a node's pages into the arrays of another node, and listing its free blocks anew for a stricter policy.

Mirrors no kernel code: it stands for the same memory on two kernels (B-5, B-7, B-8).
Kept here: memory that was never touched stays untouched in the copy; the original is only read.
Left out: counters and blocks, which are small (app.mm.fork copies them as they are).
"""

from app.mm.kernels._jit import inlined, int64, internal, kernel
from app.mm.kernels.buddy import add_free, empty_lists, sentinel
from app.mm.kernels.layout import (
    AT_TAIL,
    CMA,
    HIGHATOMIC,
    NR_TYPES,
    RECLAIMABLE,
    S_NR_FREE,
    S_NR_FREE_CMA,
    S_NR_FREE_HIGHATOMIC,
    S_NR_RESERVED_HIGHATOMIC,
    NodeArrays,
    block_type_of,
    cell,
    index_of,
    next_row,
    pfn_of_row,
    piece_order,
    span,
    zone_of,
)


@inlined
def copy_row(m: NodeArrays, copy: NodeArrays, index: int) -> None:
    """Copies head, owner and links of the run that starts where index_of() says, a pageblock's first page."""
    copy.head[index] = m.head[index]
    copy.owner[index] = m.owner[index]
    for link in range(2 * index, 2 * index + 2):
        copy.link[link] = m.link[link]


@kernel
def copy_pages(m: NodeArrays, copy: NodeArrays) -> None:
    """Copies heads, owners and links of all online memory into arrays of the same geometry that hold none yet.

    A pageblock that is one run, or a part of one, costs a few bytes; all others are copied whole.
    """
    others = m.geo.others
    for block in range(m.block_zone.shape[0]):
        if m.block_zone[block] == 0:
            continue
        pfn = int64(block) << m.geo.pageblock_order
        first = index_of(m, pfn)
        copy_row(m, copy, first)
        head = int64(m.head[first])
        if head == 0 or (head >> 4) >= m.geo.pageblock_order:
            continue
        size = span(m.geo.pageblock_order)
        for index in range(others + pfn, others + pfn + size):
            copy.head[index] = m.head[index]
            copy.owner[index] = m.owner[index]
        # A pair of pages shares a row of two links.
        for link in range(2 * others + pfn, 2 * others + pfn + size):
            copy.link[link] = m.link[link]
    for link in range(2 * m.geo.sentinels, m.link.shape[0]):
        copy.link[link] = m.link[link]


@inlined
def may_share(one: int, other: int, is_strict: int) -> bool:
    """Returns whether pages of two types may be one free block, or on one list: only equal ones, when strict."""
    return one == other or (is_strict == 0 and one <= RECLAIMABLE and other <= RECLAIMABLE)


@internal
def fitting_order(m: NodeArrays, pfn: int, largest: int, is_strict: int) -> int:
    """Returns the largest order up to `largest` at which the block at `pfn` covers types that may share it."""
    mine = block_type_of(m, pfn)
    order = largest
    while order > m.geo.pageblock_order:
        is_fitting = True
        for page in range(pfn, pfn + span(order), span(m.geo.pageblock_order)):
            if not may_share(mine, block_type_of(m, page), is_strict):
                is_fitting = False
                break
        if is_fitting:
            return order
        order -= 1
    return order


@inlined
def count_listed(copy: NodeArrays, zone: int, nr_pages: int, migratetype: int) -> None:
    """Counts free pages by the type of their own pageblock."""
    copy.stat[cell(zone, S_NR_FREE)] += nr_pages
    if migratetype == CMA:
        copy.stat[cell(zone, S_NR_FREE_CMA)] += nr_pages
    if migratetype == HIGHATOMIC:
        copy.stat[cell(zone, S_NR_FREE_HIGHATOMIC)] += nr_pages


@internal
def list_entry(m: NodeArrays, copy: NodeArrays, pfn: int, order_type: int, is_strict: int) -> None:
    """Puts one free block of the original on the copy's lists, cut where its types may not be together.

    order_type is `order << 4 | list type`. A piece stays on its list if that may hold it, else it goes to its own.
    """
    zone = zone_of(m, pfn)
    end_pfn = pfn + span(order_type >> 4)
    while pfn < end_pfn:
        order = fitting_order(m, pfn, piece_order(m, pfn, end_pfn - pfn), is_strict)
        mine = block_type_of(m, pfn)
        listed = order_type & 15
        if not may_share(mine, listed, is_strict):
            listed = mine
        add_free(copy, zone, pfn, order, listed, AT_TAIL)
        count_listed(copy, zone, span(order), mine)
        pfn += span(order)


@internal
def list_entries(m: NodeArrays, copy: NodeArrays, zone: int, order_type: int, is_strict_moved: int) -> None:
    """Puts a list's entries on the copy's lists: those that stay as they are, or those that are cut or moved.

    is_strict_moved is `is_strict << 4 | is_moved`.
    """
    order, listed, is_strict = order_type >> 4, order_type & 15, is_strict_moved >> 4
    opener = sentinel(m, zone, order, listed)
    row = next_row(m, opener)
    while row != opener:
        pfn = pfn_of_row(m, row)
        is_whole = fitting_order(m, pfn, order, is_strict) == order
        stays = is_whole and may_share(block_type_of(m, pfn), listed, is_strict)
        if stays == (is_strict_moved & 15 == 0):
            list_entry(m, copy, pfn, order_type, is_strict)
        row = next_row(m, row)


@internal
def list_zone(m: NodeArrays, copy: NodeArrays, zone: int, is_strict_moved: int) -> None:
    """Puts the entries of all lists of a zone on the copy's lists, small orders first; see list_entries()."""
    for order in range(m.geo.max_order + 1):
        for listed in range(NR_TYPES):
            list_entries(m, copy, zone, (order << 4) | listed, is_strict_moved)


@kernel
def list_anew(m: NodeArrays, copy: NodeArrays, is_strict: int) -> None:
    """Builds the copy's free lists from the original's and counts what is free; no pageblock may be isolated.

    Entries that may stay keep their order; behind them come those that are cut or moved, small ones first.
    is_strict: a list holds pageblocks of its own type only (B-8); else types that fall back to each other may share
    lists and blocks (B-5).
    """
    empty_lists(copy)
    copy.nr_free[:] = 0
    for zone in range(m.geo.nr_zones):
        for column in (S_NR_FREE, S_NR_FREE_CMA, S_NR_FREE_HIGHATOMIC):
            copy.stat[cell(zone, column)] = 0
        for is_moved in range(2):
            list_zone(m, copy, zone, (is_strict << 4) | is_moved)


@kernel
def count_reserved(copy: NodeArrays) -> None:
    """Makes the HIGHATOMIC reserve of each zone what its pageblocks are (INV-12)."""
    for zone in range(copy.geo.nr_zones):
        copy.stat[cell(zone, S_NR_RESERVED_HIGHATOMIC)] = 0
    for block in range(copy.block_zone.shape[0]):
        zone = int64(copy.block_zone[block]) - 1
        if zone >= 0 and copy.block_type[block] == HIGHATOMIC:
            copy.stat[cell(zone, S_NR_RESERVED_HIGHATOMIC)] += span(copy.geo.pageblock_order)
