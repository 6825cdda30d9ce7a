"""Pageblock isolation, one zone-lock section a function, and the ranges that are made of them.

Mirrors mm/page_isolation.c of 5.15 and 5.19 (semantics section 4: I-1 .. I-12).
Invariants kept here: INV-10, INV-11.
Left out: the isolate bit of 6.17, atomic cutting of 6.10, CMA callers: refused above.
"""

from app.mm.kernels._jit import inlined, int64, internal, kernel
from app.mm.kernels.buddy import account_free, free_block, move_freepages_block, remove_free
from app.mm.kernels.layout import (
    ANON,
    AT_HEAD,
    AT_TAIL,
    CMA,
    FREE,
    HWPOISON,
    ISOLATE,
    MOVABLE,
    MOVABLE_OPS,
    NOBODY,
    NONE,
    OFFLINE,
    PCP,
    PINNED,
    RESERVED,
    S_NR_ISOLATE,
    UNMOVABLE_PAGES,
    ZONE_MOVABLE,
    NodeArrays,
    block_type_of,
    cell,
    clear_head,
    covering_head,
    head_at,
    piece_order,
    set_owner,
    span,
    zone_of,
)
from app.mm.kernels.migrate import is_migratable

# Who isolates: an ordinary alloc_contig_range() caller, or memory offlining (I-3).
ORDINARY, MEMORY_OFFLINE = range(2)
# What isolate_range() answers when a compound over an outer boundary has to be migrated first.
STRADDLED = int64(-2)


@inlined
def stops_isolation(kind: int, is_first: bool, zone: int, mode: int) -> bool:
    """Returns whether a page of this kind makes its pageblock unmovable (4.2).

    is_first: the page is the first of its run; later pages of a non-compound run show no reference (K-2).
    """
    if kind == RESERVED:
        return True
    if zone == ZONE_MOVABLE or kind <= PCP:
        return False
    if kind in (OFFLINE, HWPOISON):
        return mode != MEMORY_OFFLINE
    if kind == UNMOVABLE_PAGES:
        return is_first
    return not (ANON <= kind <= PINNED or kind == MOVABLE_OPS)


@internal
def find_unmovable(m: NodeArrays, start_pfn: int, end_pfn: int, mode: int) -> int:
    """Returns the first page of a window inside one pageblock that cannot move, or -1 (4.2).

    A compound that starts before the window is found by its head, unless the policy skips tails (I-4).
    """
    zone = zone_of(m, start_pfn)
    if block_type_of(m, start_pfn) == CMA:
        return start_pfn
    pfn = start_pfn
    looks_up = m.geo.lookup_head or zone == ZONE_MOVABLE or head_at(m, pfn)
    first = covering_head(m, pfn) if looks_up else int64(-1)
    if first >= 0 and first < pfn:
        head = head_at(m, first)
        if stops_isolation(head & 15, False, zone, mode):
            return pfn
        pfn = first + span(head >> 4)
    while pfn < end_pfn:
        head = head_at(m, pfn)
        if head != NONE and stops_isolation(head & 15, True, zone, mode):
            return pfn
        pfn += span(head >> 4)
    return int64(-1)


@kernel
def isolate_pageblock(m: NodeArrays, pfn: int, mode: int) -> int:
    """Isolates pfn's pageblock, in one lock section; returns -1, or the page that stops it (4.1).

    A pageblock that is isolated already answers with its own first page.
    """
    start = (pfn >> m.geo.pageblock_order) << m.geo.pageblock_order
    old_type = block_type_of(m, start)
    if old_type == ISOLATE:
        return start
    obstacle = find_unmovable(m, start, start + span(m.geo.pageblock_order), mode)
    if obstacle >= 0:
        return obstacle
    zone = zone_of(m, start)
    m.stat[cell(zone, S_NR_ISOLATE)] += 1
    m.block_type[start >> m.geo.pageblock_order] = ISOLATE
    moved = move_freepages_block(m, zone, start, ISOLATE)
    account_free(m, zone, -moved, old_type)
    return int64(-1)


@kernel
def unisolate_pageblock(m: NodeArrays, pfn: int, migratetype: int) -> None:
    """Gives pfn's pageblock back as `migratetype`, in one lock section (4.4, I-10).

    A free block that isolation kept from merging with its buddy is taken out and freed again, at the tail.
    """
    pageblock_order = m.geo.pageblock_order
    start = (pfn >> pageblock_order) << pageblock_order
    if block_type_of(m, start) != ISOLATE:
        return
    zone = zone_of(m, start)
    head = head_at(m, start)
    order = head >> 4
    again = False
    if (head & 15) == FREE and pageblock_order <= order < m.geo.max_order:
        buddy = start ^ span(order)
        again = zone_of(m, buddy) == zone and block_type_of(m, buddy) != ISOLATE
    m.stat[cell(zone, S_NR_ISOLATE)] -= 1
    if again:
        remove_free(m, zone, start, order)
        m.block_type[start >> pageblock_order] = migratetype
        free_block(m, start, order, migratetype, AT_TAIL)
        return
    moved = move_freepages_block(m, zone, start, migratetype)
    m.block_type[start >> pageblock_order] = migratetype
    account_free(m, zone, moved, migratetype)


@internal
def cut_free_block(m: NodeArrays, pfn: int, order: int, boundary: int) -> None:
    """Splits a free block at `boundary`; every piece is freed again under its own pageblock's type (I-8)."""
    zone = zone_of(m, pfn)
    account_free(m, zone, -span(order), block_type_of(m, pfn))
    remove_free(m, zone, pfn, order)
    end = pfn + span(order)
    while pfn < end:
        piece = piece_order(m, pfn, (boundary if pfn < boundary else end) - pfn)
        free_block(m, pfn, piece, block_type_of(m, pfn), AT_HEAD)
        pfn += span(piece)


@kernel
def run_over(m: NodeArrays, boundary: int) -> int:
    """Returns the first pfn of the run that lies over `boundary`, a pageblock edge inside one zone, or -1."""
    if boundary <= 0 or boundary >= m.geo.nr_pages or zone_of(m, boundary) != zone_of(m, boundary - 1):
        return int64(-1)
    first = covering_head(m, boundary)
    return first if first < boundary else int64(-1)


@kernel
def settle_boundary(m: NodeArrays, boundary: int) -> int:
    """Makes sure that nothing straddles `boundary`, a pageblock edge; returns -1 or the run that does (I-7, 5.19).

    A free block is cut. Runs that are no compounds do not matter: kernel pages without a head (K-2), and offline
    or reserved ranges, which the model only tiles.
    """
    first = run_over(m, boundary)
    if first < 0:
        return int64(-1)
    head = head_at(m, first)
    kind = head & 15
    if kind in (OFFLINE, RESERVED, UNMOVABLE_PAGES):
        return int64(-1)
    if kind != FREE:
        return first
    cut_free_block(m, first, head >> 4, boundary)
    return int64(-1)


@kernel
def unisolate_range(m: NodeArrays, start_pfn: int, end_pfn: int, migratetype: int) -> None:
    """Gives back every isolated pageblock of [start_pfn, end_pfn), ascending."""
    pfn = start_pfn
    while pfn < end_pfn:
        if zone_of(m, pfn) >= 0:
            unisolate_pageblock(m, pfn, migratetype)
        pfn += span(m.geo.pageblock_order)


@internal
def isolate_blocks(m: NodeArrays, start_pfn: int, end_pfn: int, mode: int) -> int:
    """Isolates the pageblocks of [start_pfn, end_pfn) ascending, until one stops it; returns -1 or its obstacle."""
    pfn = start_pfn
    while pfn < end_pfn:
        if zone_of(m, pfn) >= 0:
            obstacle = isolate_pageblock(m, pfn, mode)
            if obstacle >= 0:
                return obstacle
        pfn += span(m.geo.pageblock_order)
    return int64(-1)


@internal
def isolate_edge(m: NodeArrays, block: int, boundary: int, mode: int) -> int:
    """Isolates an edge pageblock and settles its outer boundary; returns -1 or the obstacle (I-7).

    The pageblock comes back MOVABLE, the caller's type, when something straddles the boundary (I-10).
    """
    obstacle = isolate_pageblock(m, block, mode)
    if obstacle >= 0:
        return obstacle
    obstacle = settle_boundary(m, boundary)
    if obstacle >= 0:
        unisolate_pageblock(m, block, MOVABLE)
    return obstacle


@kernel
def isolate_inside(m: NodeArrays, start_pfn: int, end_pfn: int, mode: int) -> int:
    """Isolates what lies between two isolated edges; when it cannot, all comes back MOVABLE, the last edge last."""
    nr_pages = span(m.geo.pageblock_order)
    last = end_pfn - nr_pages
    obstacle = isolate_blocks(m, start_pfn + nr_pages, last, mode)
    if obstacle >= 0:
        unisolate_range(m, start_pfn, obstacle & ~(nr_pages - 1), MOVABLE)
        unisolate_pageblock(m, last, MOVABLE)
    return obstacle


@kernel
def isolate_range(m: NodeArrays, start_pfn: int, end_pfn: int, mode: int) -> int:
    """Isolates [start_pfn, end_pfn), whole pageblocks, or none; returns -1 or the obstacle (4.3).

    Up to 5.15 the pageblocks in order; from 5.19 the first and the last one first, with their outer boundaries: then
    STRADDLED, with nothing done, asks the caller to go step by step and migrate a compound on the way.
    What was isolated before a failure comes back MOVABLE, the caller's type (I-10).
    """
    nr_pages = span(m.geo.pageblock_order)
    if not m.geo.settles_boundary:
        obstacle = isolate_blocks(m, start_pfn, end_pfn, mode)
        if obstacle >= 0:
            unisolate_range(m, start_pfn, obstacle & ~(nr_pages - 1), MOVABLE)
        return obstacle
    if has_movable_over(m, start_pfn) or has_movable_over(m, end_pfn):
        return STRADDLED
    obstacle = isolate_edge(m, start_pfn, start_pfn, mode)
    if obstacle >= 0:
        return obstacle
    last = end_pfn - nr_pages
    obstacle = isolate_edge(m, last, end_pfn, mode) if last > start_pfn else settle_boundary(m, end_pfn)
    if obstacle >= 0:
        unisolate_pageblock(m, start_pfn, MOVABLE)
        return obstacle
    return isolate_inside(m, start_pfn, end_pfn, mode)


@internal
def has_movable_over(m: NodeArrays, boundary: int) -> bool:
    """Returns whether a used run that can be migrated lies over `boundary`."""
    first = run_over(m, boundary)
    return first >= 0 and is_migratable(head_at(m, first) & 15)


@kernel
def find_not_isolated(m: NodeArrays, start_pfn: int, end_pfn: int, mode: int) -> int:
    """Returns the first page of the range that is not isolated and free, or -1: the test of I-12.

    Memory offlining also passes pages that virtio-mem holds, and poisoned ones.
    """
    pfn = start_pfn
    while pfn < end_pfn:
        if block_type_of(m, pfn) != ISOLATE:
            return pfn
        head = head_at(m, pfn)
        kind = head & 15
        if kind == NONE:  # the range begins inside a run
            head = head_at(m, covering_head(m, pfn))
            if (head & 15) != FREE:
                return pfn
            pfn = covering_head(m, pfn) + span(head >> 4)
            continue
        if kind != FREE and not (mode == MEMORY_OFFLINE and kind in (OFFLINE, HWPOISON)):
            return pfn
        pfn += span(head >> 4)
    return int64(-1)


@kernel
def forget_range(m: NodeArrays, start_pfn: int, end_pfn: int) -> int:
    """Clears every head byte of an isolated range that leaves its zone; returns how many pages the zone managed."""
    pfn = start_pfn
    managed = int64(0)
    while pfn < end_pfn:
        head = head_at(m, pfn)
        if (head & 15) == FREE:
            remove_free(m, zone_of(m, pfn), pfn, head >> 4)
        else:
            set_owner(m, pfn, NOBODY)
            clear_head(m, pfn)
        if (head & 15) != OFFLINE:
            managed += span(head >> 4)
        pfn += span(head >> 4)
    return managed
