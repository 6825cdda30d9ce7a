"""Recounting a node from its bytes: one walk over pages, one over lists, and what is wrong on the way.

Mirrors semantics section 10, as far as it is about single pages, runs and list entries.
Kept here: both walks end and stay inside the arrays whatever bytes these hold; no counter is read.
Left out: which law a finding breaks, the sentences, and the counters' own laws (app.mm.invariants).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.mm.kernels._jit import inlined, inlined_kernel, int64, internal, kernel
from app.mm.kernels.buddy import sentinel
from app.mm.kernels.layout import (
    FREE,
    HIGHATOMIC,
    ISOLATE,
    NONE,
    NR_TYPES,
    NR_ZONES,
    RECLAIMABLE,
    NodeArrays,
    block_type_of,
    head_at,
    index_of,
    last_row,
    next_row,
    owner_at,
    pfn_of_row,
    row_of,
    span,
    zone_of,
)


def _number(number: int) -> int:
    # As in layout.py: numba would compile a kernel anew for every Python literal that it is called with.
    return int64(number)


# What a finding says where there is nothing more to say.
NOTHING = _number(0)
NOWHERE = _number(-1)

# --- what can be found; each has room for MOST_PLACES places
F_FREE_MISPLACED = _number(0)  # a free head misaligned, too large, or reaching out of its zone
F_USED_MISPLACED = _number(1)  # the same of any other head
F_GAP = _number(2)  # an online page that belongs to no run
F_FREE_OWNED = _number(3)  # a free head that belongs to an allocation
F_BUDDIES = _number(4)  # two free buddies below the pageblock order
F_MIXED = _number(5)  # a free head over pageblocks whose types may not merge
F_LINK = _number(6)  # neighbours in a list that do not name each other
F_ENTRY = _number(7)  # a list entry that is no free head of the list's order and zone
F_LIST_TYPE = _number(8)  # an entry over a pageblock of another type than the list's
F_LIST_ISOLATE = _number(9)  # an entry that is isolated while its list is not, or the other way round
F_LIST_HIGHATOMIC = _number(10)  # an entry of a HIGHATOMIC list outside HIGHATOMIC pageblocks
F_UNLISTED = _number(11)  # a free head on no list
F_STRAY_HEAD = _number(12)  # a head byte inside a run, or where no memory is online
F_STRAY_OWNER = _number(13)  # an owner there
NR_FINDINGS = 14
MOST_PLACES = 8


class Findings(NamedTuple):
    """What is wrong, and where.

    nr: int64[NR_FINDINGS], how often; places: int64[NR_FINDINGS, MOST_PLACES, 3], the first of them: the pfn
    (F_LINK: the row), and two numbers that say more: for a page its head byte and a pfn or owner; for a list
    its number and what was found there.
    """

    nr: NDArray[np.int64]
    places: NDArray[np.int64]


class Recount(NamedTuple):
    """What the two walks counted.

    kinds: int64[zone, kind], pages; free: int64[zone, type], free pages by the type of their own pageblock;
    heads: int64[zone, order], free heads; entries: int64[zone, order], sound list entries;
    runs: int64[2], head bytes that begin a run, and those of them that have an owner.
    """

    kinds: NDArray[np.int64]
    free: NDArray[np.int64]
    heads: NDArray[np.int64]
    entries: NDArray[np.int64]
    runs: NDArray[np.int64]


@inlined
def note(f: Findings, what: int, pfn: int, more: int, found: int) -> None:
    """Adds a finding; its place is kept while there is room."""
    number = f.nr[what]
    if number < MOST_PLACES:
        f.places[what, number, 0] = pfn
        f.places[what, number, 1] = more
        f.places[what, number, 2] = found
    f.nr[what] = number + 1


@inlined
def sound_zone_of(m: NodeArrays, pfn: int) -> int:
    """Returns the zone of `pfn`; -1 where no memory is online, or where the byte names no zone."""
    zone = zone_of(m, pfn)
    return zone if zone < NR_ZONES else NOWHERE


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
    recount.kinds[zone, head & 15] += span(head >> 4)
    if (head & 15) == FREE:
        count_free(m, zone, pfn, recount, f)


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
            first_type = own_type


@inlined
def list_number(zone: int, order: int, migratetype: int) -> int:
    """Returns the number that stands for a list in findings: zone, order and type in four bits each."""
    return (((zone << 4) | order) << 4) | migratetype


@inlined_kernel
def zone_of_list(number: int) -> int:
    """Returns the zone of a list."""
    return number >> 8


@inlined_kernel
def order_of_list(number: int) -> int:
    """Returns the order of a list."""
    return (number >> 4) & 15


@inlined_kernel
def type_of_list(number: int) -> int:
    """Returns the type of a list."""
    return number & 15


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


@kernel
def walk_lists(m: NodeArrays, is_strict: int, recount: Recount, f: Findings) -> None:
    """Follows every free list from its sentinel and back to it. Linear in entries.

    is_strict: an entry's type must equal its list's; otherwise types that fall back to each other may mix.
    """
    for zone in range(NR_ZONES):
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
    recount.entries[zone_of_list(number), order_of_list(number)] += 1
    other = other_type(m, pfn, number, is_strict)
    if other == NOWHERE:
        return
    list_type = type_of_list(number)
    note(f, F_LIST_TYPE, pfn, number, other)
    if ISOLATE in (other, list_type):
        note(f, F_LIST_ISOLATE, pfn, number, other)
    if list_type == HIGHATOMIC:
        note(f, F_LIST_HIGHATOMIC, pfn, number, other)


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


@kernel
def mark_entries(m: NodeArrays, is_listed: NDArray[np.uint8]) -> None:
    """Marks is_listed[index] for the page of every sound entry, as far as the lists can be followed."""
    for zone in range(NR_ZONES):
        for order in range(m.geo.max_order + 1):
            for migratetype in range(NR_TYPES):
                mark_list(m, list_number(zone, order, migratetype), is_listed)


@internal
def mark_list(m: NodeArrays, number: int, is_listed: NDArray[np.uint8]) -> None:
    """Marks the pages of one list's entries."""
    row = follower(m, opener_of_list(m, number))
    while 0 <= row < m.geo.sentinels:
        if is_entry(m, row, number):
            is_listed[index_of(m, pfn_of_row(m, row))] = 1
        row = follower(m, row)


@kernel
def find_unlisted(m: NodeArrays, is_listed: NDArray[np.uint8], f: Findings) -> None:
    """Notes the free heads that no list holds."""
    pfn = int64(0)
    while pfn < m.geo.nr_pages:
        zone = sound_zone_of(m, pfn)
        head = head_at(m, pfn)
        if zone >= 0 and head and fits(m, zone, pfn, head):
            if (head & 15) == FREE and not is_listed[index_of(m, pfn)]:
                note(f, F_UNLISTED, pfn, head, NOTHING)
            pfn += span(head >> 4)
            continue
        pfn += 1


@kernel
def find_strays(m: NodeArrays, f: Findings) -> None:
    """Notes head bytes and owners where no run begins. Linear in pages."""
    run_end = int64(0)
    first = int64(0)
    for pfn in range(m.geo.nr_pages):
        head = head_at(m, pfn)
        zone = sound_zone_of(m, pfn)
        if pfn >= run_end and zone >= 0 and head:
            first = pfn
            run_end = pfn + (span(head >> 4) if fits(m, zone, pfn, head) else 1)
            continue
        beside = first if pfn < run_end else NOWHERE
        if head:
            note(f, F_STRAY_HEAD, pfn, head, beside)
        if owner_at(m, pfn):
            note(f, F_STRAY_OWNER, pfn, owner_at(m, pfn), beside)
