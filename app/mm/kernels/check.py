"""Recounting all memory from its bytes: pageblocks, pages and lists, and what is wrong on the way.

Mirrors semantics section 10, as far as it is about single pages, runs and list entries.
Kept here: every walk ends and stays inside the arrays whatever bytes these hold; no counter is believed.
Left out: which law a finding breaks, the sentences, and the counters' own laws (app.mm.checks.invariants).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.mm.kernels._jit import inlined, int64, internal, kernel
from app.mm.kernels.buddy import sentinel
from app.mm.kernels.findings import (
    F_BUDDIES,
    F_ENTRY,
    F_FREE_MISPLACED,
    F_FREE_OWNED,
    F_GAP,
    F_KERNEL_IN_CMA,
    F_KERNEL_IN_MOVABLE,
    F_LINK,
    F_LIST_HIGHATOMIC,
    F_LIST_ISOLATE,
    F_LIST_TYPE,
    F_MIXED,
    F_TYPE_BYTE,
    F_USED_MISPLACED,
    F_ZONE_BYTE,
    NOTHING,
    NOWHERE,
    Findings,
    list_number,
    note,
    order_of_list,
    type_of_list,
    zone_of_list,
)
from app.mm.kernels.layout import (
    CMA,
    FREE,
    HIGHATOMIC,
    HIGHATOMIC_RESERVED,
    ISOLATE,
    ISOLATED_BIT,
    NONE,
    NR_KINDS,
    NR_TYPES,
    OFFLINE,
    RECLAIMABLE,
    RECLAIMABLE_PAGE,
    RESERVED,
    S_END_PFN,
    S_MANAGED,
    S_NR_FREE,
    S_NR_FREE_CMA,
    S_NR_FREE_HIGHATOMIC,
    S_NR_ISOLATE,
    S_NR_RESERVED_HIGHATOMIC,
    S_PRESENT,
    S_START_PFN,
    UNMOVABLE_PAGE,
    ZONE_MOVABLE,
    NodeArrays,
    block_type_of,
    head_at,
    id_of_zone,
    kept_type_of,
    last_row,
    next_row,
    owner_at,
    pfn_of_row,
    row_of,
    span,
    zone_of,
)

# An owner with this bit has pages that were wanted where they are, not chosen by the allocator (INV-15).
PLACED = int64(0x40000000)
# Owner of memmap pages, which the allocator chose like any kernel pages.
MEMMAP_OWNER = int64(-1)


class Recount(NamedTuple):
    """What was counted; by zone first, if not said otherwise.

    kinds: int64[zone, kind], pages; free: int64[zone, type], free pages by the type of their own pageblock;
    listed: int64[zone, type], pages of sound list entries; heads: int64[zone, order], free heads; entries:
    int64[zone, order], sound list entries; blocks: int64[zone, type], pageblocks, isolated ones by the type that they
    keep; runs: int64[2], head bytes that begin a run, and those of them that have an owner.
    stat: int64[zone, S_...], a copy of the node's, in which everything countable becomes what it should be.
    """

    kinds: NDArray[np.int64]
    free: NDArray[np.int64]
    listed: NDArray[np.int64]
    heads: NDArray[np.int64]
    entries: NDArray[np.int64]
    blocks: NDArray[np.int64]
    runs: NDArray[np.int64]
    stat: NDArray[np.int64]


@inlined
def sound_zone_of(m: NodeArrays, pfn: int) -> int:
    """Returns the zone of `pfn`; -1 where no memory is online, or where the byte names no zone."""
    zone = zone_of(m, pfn)
    return zone if zone < m.geo.nr_zones else NOWHERE


@internal
def fits(m: NodeArrays, zone: int, pfn: int, head: int) -> bool:
    """Returns whether a head is aligned, not too large, and reaches over pages of its own zone only."""
    order = head >> 4
    if (head & 15) == NONE or order > m.geo.max_order or pfn & (span(order) - 1):
        return False
    # An aligned run ends inside the node, which is whole chunks.
    last_block = (pfn + span(order) - 1) >> m.geo.pageblock_order
    for block in range(pfn >> m.geo.pageblock_order, last_block + 1):
        if zone_of(m, block << m.geo.pageblock_order) != zone:
            return False
    return True


@inlined
def is_one_class(mine: int, theirs: int) -> bool:
    """Returns whether two types are equal, or both of those that fall back to each other."""
    return mine == theirs or (mine <= RECLAIMABLE and theirs <= RECLAIMABLE)


@kernel
def recount_node(m: NodeArrays, is_strict: int, recount: Recount, f: Findings) -> None:
    """Counts everything anew, and notes what is wrong. Linear in pageblocks, runs and pages of gaps.

    is_strict: a list entry's type must equal its list's; otherwise types that fall back to each other may mix.
    """
    walk_pageblocks(m, recount, f)
    walk_pages(m, recount, f)
    walk_lists(m, is_strict, recount, f)
    sum_up(m, recount)


@internal
def names_type(m: NodeArrays, byte: int) -> bool:
    """Returns whether a pageblock's byte is a type, isolated in the way of the policy or not."""
    if m.geo.isolate_bit:
        return (byte & ~ISOLATED_BIT) < ISOLATE
    return byte < NR_TYPES


@internal
def walk_pageblocks(m: NodeArrays, recount: Recount, f: Findings) -> None:
    """Counts pageblocks by zone and type; one of no known type counts as the first."""
    for zone in range(m.geo.nr_zones):
        recount.stat[zone, S_NR_ISOLATE] = 0
    for block in range(m.block_zone.shape[0]):
        pfn = block << m.geo.pageblock_order
        zone = zone_of(m, pfn)
        if zone < 0:
            continue
        if zone >= m.geo.nr_zones:
            note(f, F_ZONE_BYTE, pfn, zone + 1, NOTHING)
            continue
        kept_type = kept_type_of(m, pfn)
        byte = int64(m.block_type[block])
        if not names_type(m, byte):
            note(f, F_TYPE_BYTE, pfn, byte, NOTHING)
            kept_type = int64(0)
        elif block_type_of(m, pfn) == ISOLATE:
            recount.stat[zone, S_NR_ISOLATE] += 1
        recount.blocks[zone, kept_type] += 1
        # A span may be larger than what is in the zone.
        stat = recount.stat[zone]
        stat[S_START_PFN] = min(stat[S_START_PFN], pfn)
        stat[S_END_PFN] = max(stat[S_END_PFN], pfn + span(m.geo.pageblock_order))


@internal
def sum_up(m: NodeArrays, recount: Recount) -> None:
    """Writes what the counters should be (B-8, B-22, HP-8); kernels before 6.10 have no nr_free_highatomic."""
    order = m.geo.pageblock_order
    for zone in range(m.geo.nr_zones):
        stat = recount.stat[zone]
        stat[S_NR_FREE] = stat[S_PRESENT] = stat[S_MANAGED] = 0
        for migratetype in range(NR_TYPES):
            stat[S_NR_FREE] += recount.free[zone, migratetype] if migratetype != ISOLATE else 0
            stat[S_PRESENT] += recount.blocks[zone, migratetype] << order
        for kind in range(NR_KINDS):
            stat[S_MANAGED] += recount.kinds[zone, kind] if kind not in (RESERVED, OFFLINE) else 0
        stat[S_NR_FREE_CMA] = recount.free[zone, CMA]
        stat[S_NR_RESERVED_HIGHATOMIC] = recount.blocks[zone, HIGHATOMIC] << order
        if m.geo.highatomic_rule != HIGHATOMIC_RESERVED:
            stat[S_NR_FREE_HIGHATOMIC] = recount.free[zone, HIGHATOMIC]


@internal
def walk_pages(m: NodeArrays, recount: Recount, f: Findings) -> None:
    """Counts every run of online memory; finds what does not tile it. Linear in runs and in pages of gaps."""
    pfn = int64(0)
    is_lost = False
    while pfn < m.geo.nr_pages:
        zone = sound_zone_of(m, pfn)
        if zone < 0:
            is_lost = False
            pfn = ((pfn >> m.geo.pageblock_order) + 1) << m.geo.pageblock_order
            continue
        head = head_at(m, pfn)
        if head and fits(m, zone, pfn, head):
            is_lost = False
            count_run(m, zone, pfn, recount, f)
            pfn += span(head >> 4)
            continue
        if head:
            recount.runs[0] += 1
            recount.runs[1] += owner_at(m, pfn) != 0
            note(f, F_FREE_MISPLACED if (head & 15) == FREE else F_USED_MISPLACED, pfn, head, NOTHING)
        elif not is_lost:
            note(f, F_GAP, pfn, NOTHING, NOTHING)
        # One gap is one finding, and so is a head together with the pages that it claims.
        is_lost = True
        pfn += 1


@internal
def count_run(m: NodeArrays, zone: int, pfn: int, recount: Recount, f: Findings) -> None:
    """Counts one sound run."""
    head = head_at(m, pfn)
    recount.runs[0] += 1
    recount.runs[1] += owner_at(m, pfn) != 0
    kind = head & 15
    recount.kinds[zone, kind] += span(head >> 4)
    if kind == FREE:
        count_free(m, zone, pfn, recount, f)
    elif UNMOVABLE_PAGE <= kind <= RECLAIMABLE_PAGE:
        check_kernel_run(m, zone, pfn, f)


@internal
def check_kernel_run(m: NodeArrays, zone: int, pfn: int, f: Findings) -> None:
    """Notes a run of kernel pages that the allocator should not have put here (B-10, B-11)."""
    owner = owner_at(m, pfn)
    if (owner <= 0 and owner != MEMMAP_OWNER) or (owner > 0 and owner & PLACED):
        return
    head = head_at(m, pfn)
    if id_of_zone(zone) == ZONE_MOVABLE:
        note(f, F_KERNEL_IN_MOVABLE, pfn, head, owner)
        return
    order = m.geo.pageblock_order
    for block in range(pfn >> order, ((pfn + span(head >> 4) - 1) >> order) + 1):
        if kept_type_of(m, block << order) == CMA:
            note(f, F_KERNEL_IN_CMA, pfn, head, owner)
            return


@internal
def count_free(m: NodeArrays, zone: int, pfn: int, recount: Recount, f: Findings) -> None:
    """Counts one free run, page by page under the type of each page's own pageblock."""
    head = head_at(m, pfn)
    order = head >> 4
    pageblock_order = m.geo.pageblock_order
    recount.heads[zone, order] += 1
    if owner_at(m, pfn):
        note(f, F_FREE_OWNED, pfn, head, owner_at(m, pfn))
    if order < pageblock_order and not pfn & span(order) and head_at(m, pfn + span(order)) == head:
        note(f, F_BUDDIES, pfn, head, pfn + span(order))
    first_type = block_type_of(m, pfn)
    for block in range(pfn >> pageblock_order, ((pfn + span(order) - 1) >> pageblock_order) + 1):
        own_type = block_type_of(m, block << pageblock_order)
        if own_type < NR_TYPES:
            recount.free[zone, own_type] += span(min(order, pageblock_order))
        if not is_one_class(first_type, own_type):
            note(f, F_MIXED, pfn, head, block << pageblock_order)


@inlined
def opener_of_list(m: NodeArrays, number: int) -> int:
    """Returns the row that opens a list."""
    return sentinel(m, zone_of_list(number), order_of_list(number), type_of_list(number))


@inlined
def follower(m: NodeArrays, row: int) -> int:
    """Returns the row behind `row` in its list, or -1 when that row does not exist or does not name `row`."""
    after = next_row(m, row)
    if after < 0 or after >= m.link.shape[0] >> 1 or last_row(m, after) != row:
        return NOWHERE
    return after


@internal
def walk_lists(m: NodeArrays, is_strict: int, recount: Recount, f: Findings) -> None:
    """Follows every free list from its sentinel and back to it. Linear in entries."""
    for zone in range(m.geo.nr_zones):
        for order in range(m.geo.max_order + 1):
            for migratetype in range(NR_TYPES):
                walk_list(m, list_number(zone, order, migratetype), is_strict, recount, f)


@internal
def walk_list(m: NodeArrays, number: int, is_strict: int, recount: Recount, f: Findings) -> None:
    """Follows one list, up to the first two neighbours that do not name each other.

    It ends: a row that names its predecessor is reached from that one only, so every circle holds the sentinel.
    """
    opener = opener_of_list(m, number)
    row = opener
    while True:
        after = follower(m, row)
        if after == opener:
            return
        if after < 0 or after >= m.geo.sentinels:
            note(f, F_LINK, row, number, next_row(m, row))
            return
        row = after
        check_entry(m, row, number, is_strict, recount, f)


@internal
def is_entry(m: NodeArrays, row: int, number: int) -> bool:
    """Returns whether a row holds a free head of the order and the zone of list `number`."""
    pfn = pfn_of_row(m, row)
    if row_of(m, pfn) != row or head_at(m, pfn) != (FREE | (order_of_list(number) << 4)):
        return False
    return zone_of(m, pfn) == zone_of_list(number)


@internal
def check_entry(m: NodeArrays, row: int, number: int, is_strict: int, recount: Recount, f: Findings) -> None:
    """Counts a sound entry, and compares its types; notes any other."""
    pfn = pfn_of_row(m, row)
    if not is_entry(m, row, number):
        note(f, F_ENTRY, pfn, number, head_at(m, pfn))
        return
    zone, order, list_type = zone_of_list(number), order_of_list(number), type_of_list(number)
    recount.entries[zone, order] += 1
    recount.listed[zone, list_type] += span(order)
    other = other_type(m, pfn, number, is_strict)
    if other != NOWHERE:
        note(f, F_LIST_TYPE, pfn, number, other)
        if list_type == HIGHATOMIC:
            note(f, F_LIST_HIGHATOMIC, pfn, number, other)
    other = otherwise_isolated(m, pfn, number)
    if other != NOWHERE:
        note(f, F_LIST_ISOLATE, pfn, number, other)


@internal
def other_type(m: NodeArrays, pfn: int, number: int, is_strict: int) -> int:
    """Returns the type of a pageblock that an entry covers and its list may not hold, or -1."""
    list_type = type_of_list(number)
    pageblock_order = m.geo.pageblock_order
    last_block = (pfn + span(order_of_list(number)) - 1) >> pageblock_order
    for block in range(pfn >> pageblock_order, min(last_block + 1, m.block_type.shape[0])):
        own_type = block_type_of(m, block << pageblock_order)
        if own_type != list_type and (is_strict or not is_one_class(own_type, list_type)):
            return own_type
    return NOWHERE


@internal
def otherwise_isolated(m: NodeArrays, pfn: int, number: int) -> int:
    """Returns the type of a pageblock that an entry covers and that is isolated while its list is not, or the reverse.

    -1 when there is none.
    """
    is_isolated = type_of_list(number) == ISOLATE
    last_block = (pfn + span(order_of_list(number)) - 1) >> m.geo.pageblock_order
    for block in range(pfn >> m.geo.pageblock_order, min(last_block + 1, m.block_type.shape[0])):
        own_type = block_type_of(m, block << m.geo.pageblock_order)
        if (own_type == ISOLATE) != is_isolated:
            return own_type
    return NOWHERE
