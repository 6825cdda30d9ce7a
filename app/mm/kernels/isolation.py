"""Pageblock isolation, one zone-lock section a function, and the ranges that are made of them.

Mirrors mm/page_isolation.c (semantics section 4: I-1 .. I-12); switches say what releases do differently.
Invariants kept here: INV-10, INV-11, INV-14.
Left out: what a caller does between the sections (app.mm.sections), hardware poison beyond its page.
"""

from app.mm.kernels._jit import inlined, inlined_kernel, int64, internal, kernel
from app.mm.kernels.buddy import account_free, change_pageblock, put_block, remove_free
from app.mm.kernels.layout import (
    ANON,
    AT_HEAD,
    AT_TAIL,
    BOUNDARY_DEFER,
    BOUNDARY_HUGETLB,
    BOUNDARY_MIGRATE,
    BOUNDARY_NONE,
    CMA,
    FREE,
    HUGETLB,
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
    has_buddy,
    head_at,
    id_of_zone,
    kept_type_of,
    piece_order,
    set_owner,
    span,
    zone_of,
)
from app.mm.kernels.migrate import is_migratable

# Who isolates, as app.mm.outcome.Caller: an ordinary caller, memory offlining (I-3), CMA.
ORDINARY, MEMORY_OFFLINE, FOR_CMA = range(3)
# What isolate_range() answers when a compound over an outer boundary has to be migrated first.
STRADDLED = int64(-2)
# Instead of a type to restore: the one that was kept under the isolate bit.
KEPT = int64(-1)


@inlined_kernel
def restored_type(m: NodeArrays, caller: int) -> int:
    """Returns the type that this caller's undo gives a pageblock, or KEPT (I-10)."""
    if m.geo.keeps_type:
        return KEPT
    return CMA if caller == FOR_CMA else MOVABLE


@inlined
def stops_isolation(kind: int, is_first: bool, zone: int, mode: int) -> bool:
    """Returns whether a page of this kind makes its pageblock unmovable (4.2).

    is_first: the page is the first of its run; later pages of a non-compound run show no reference (K-2).
    """
    if kind == RESERVED:
        return True
    if id_of_zone(zone) == ZONE_MOVABLE or kind <= PCP:
        return False
    if kind in (OFFLINE, HWPOISON):
        return mode != MEMORY_OFFLINE
    if kind == UNMOVABLE_PAGES:
        return is_first
    return not (ANON <= kind <= PINNED or kind == MOVABLE_OPS)


@inlined
def is_compound(kind: int) -> bool:
    """Returns whether runs of this kind have a head that their other pages lead to; not tiles, not K-2."""
    return kind not in (FREE, OFFLINE, RESERVED, UNMOVABLE_PAGES)


@internal
def find_unmovable(m: NodeArrays, start_pfn: int, end_pfn: int, mode: int) -> int:
    """Returns the first page of a window inside one pageblock that cannot move, or -1 (4.2).

    A compound that starts before the window is found by its head, unless the policy skips tails (I-4).
    """
    zone = zone_of(m, start_pfn)
    pfn = start_pfn
    looks_up = m.geo.lookup_head or id_of_zone(zone) == ZONE_MOVABLE
    first = covering_head(m, pfn)
    if 0 <= first < pfn:
        head = head_at(m, first)
        # Tails of a compound have no reference of their own; the pages of a tile have.
        if looks_up or not is_compound(head & 15):
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
def isolate_pageblock(m: NodeArrays, pfn: int, caller: int, wanted_start: int, wanted_end: int) -> int:
    """Isolates pfn's pageblock, in one lock section; returns -1, or the page that stops it (4.1).

    A pageblock that is isolated already answers with its own first page, and so does a CMA pageblock to everybody
    but CMA. Only remedy b looks at no more than the wanted range (I-6).
    """
    nr_pages = span(m.geo.pageblock_order)
    start = pfn & ~(nr_pages - 1)
    old_type = block_type_of(m, start)
    if old_type == ISOLATE or (old_type == CMA and caller != FOR_CMA):
        return start
    if old_type != CMA:
        first, end = start, start + nr_pages
        if m.geo.window_is_interest:
            first, end = max(first, wanted_start), min(end, wanted_end)
        obstacle = find_unmovable(m, first, end, caller) if first < end else int64(-1)
        if obstacle >= 0:
            return obstacle
    zone = zone_of(m, start)
    m.stat[cell(zone, S_NR_ISOLATE)] += 1
    change_pageblock(m, zone, start, ISOLATE if m.geo.isolate_bit == 0 else m.geo.isolate_bit | old_type)
    return int64(-1)


@kernel
def unisolate_pageblock(m: NodeArrays, pfn: int, migratetype: int) -> None:
    """Gives pfn's pageblock back as `migratetype`, or as it was (KEPT), in one lock section (4.4, I-10).

    A free block that isolation kept from merging with its buddy is taken out and freed again, at the tail.
    """
    pageblock_order = m.geo.pageblock_order
    start = (pfn >> pageblock_order) << pageblock_order
    if block_type_of(m, start) != ISOLATE:
        return
    if migratetype == KEPT:
        migratetype = kept_type_of(m, start)
    zone = zone_of(m, start)
    head = head_at(m, start)
    order = head >> 4
    again = False
    if (head & 15) == FREE and pageblock_order <= order < m.geo.max_order:
        buddy = start ^ span(order)
        again = zone_of(m, buddy) == zone and block_type_of(m, buddy) != ISOLATE
        # Later releases take it out only if it will merge.
        again = again and (m.geo.boundary == BOUNDARY_NONE or has_buddy(m, zone, buddy, order))
    m.stat[cell(zone, S_NR_ISOLATE)] -= 1
    if not again:
        change_pageblock(m, zone, start, migratetype)
        return
    remove_free(m, zone, start, order)
    m.block_type[start >> pageblock_order] = migratetype
    put_block(m, start, order, migratetype, AT_TAIL)


@internal
def cut_free_block(m: NodeArrays, pfn: int, order: int, boundary: int) -> None:
    """Splits a free block at `boundary`; every piece is freed again under its own pageblock's type (I-8)."""
    zone = zone_of(m, pfn)
    account_free(m, zone, -span(order), block_type_of(m, pfn))
    remove_free(m, zone, pfn, order)
    end = pfn + span(order)
    while pfn < end:
        piece = piece_order(m, pfn, (boundary if pfn < boundary else end) - pfn)
        put_block(m, pfn, piece, block_type_of(m, pfn), AT_HEAD)
        pfn += span(piece)


@kernel
def run_over(m: NodeArrays, boundary: int) -> int:
    """Returns the first pfn of the run that lies over `boundary`, a pageblock edge inside one zone, or -1."""
    if boundary <= 0 or boundary >= m.geo.nr_pages or zone_of(m, boundary) != zone_of(m, boundary - 1):
        return int64(-1)
    first = covering_head(m, boundary)
    return first if first < boundary else int64(-1)


@kernel
def free_run_over(m: NodeArrays, boundary: int) -> int:
    """Returns the free block over `boundary` that the policy cuts in a section of its own, or -1 (I-9a)."""
    if m.geo.boundary == BOUNDARY_NONE or m.geo.cuts_at_once:
        return int64(-1)
    first = run_over(m, boundary)
    return first if first >= 0 and (head_at(m, first) & 15) == FREE else int64(-1)


@kernel
def movable_run_over(m: NodeArrays, boundary: int) -> int:
    """Returns the run in use over `boundary` that the policy migrates before it goes on, or -1 (I-7)."""
    first = run_over(m, boundary)
    if first < 0:
        return int64(-1)
    kind = head_at(m, first) & 15
    if m.geo.boundary == BOUNDARY_MIGRATE and is_migratable(kind):
        return first
    return first if m.geo.boundary == BOUNDARY_HUGETLB and kind == HUGETLB else int64(-1)


@kernel
def settle_boundary(m: NodeArrays, boundary: int) -> int:
    """Makes sure that nothing straddles `boundary`, a pageblock edge; returns -1 or the compound that does (I-7).

    A free block is cut, where that was not done when its pageblock was isolated. Runs that are no compounds do not
    matter: kernel pages without a head (K-2), and offline or reserved ranges, which the model only tiles. From 6.12
    a huge page is left to the migration step.
    """
    if m.geo.boundary == BOUNDARY_NONE:
        return int64(-1)
    first = free_run_over(m, boundary)
    if first >= 0:
        cut_free_block(m, first, head_at(m, first) >> 4, boundary)
        return int64(-1)
    first = run_over(m, boundary)
    if first < 0:
        return int64(-1)
    kind = head_at(m, first) & 15
    is_left = m.geo.boundary == BOUNDARY_DEFER and kind == HUGETLB
    return first if is_compound(kind) and not is_left else int64(-1)


@kernel
def unisolate_range(m: NodeArrays, start_pfn: int, end_pfn: int, migratetype: int) -> None:
    """Gives back every isolated pageblock of [start_pfn, end_pfn), ascending."""
    pfn = start_pfn
    while pfn < end_pfn:
        if zone_of(m, pfn) >= 0:
            unisolate_pageblock(m, pfn, migratetype)
        pfn += span(m.geo.pageblock_order)


@internal
def isolate_blocks(
    m: NodeArrays, start_pfn: int, end_pfn: int, caller: int, wanted_start: int, wanted_end: int
) -> int:
    """Isolates the pageblocks of [start_pfn, end_pfn) ascending, until one stops it; returns -1 or its obstacle."""
    pfn = start_pfn
    while pfn < end_pfn:
        if zone_of(m, pfn) >= 0:
            obstacle = isolate_pageblock(m, pfn, caller, wanted_start, wanted_end)
            if obstacle >= 0:
                return obstacle
        pfn += span(m.geo.pageblock_order)
    return int64(-1)


@kernel
def isolate_edge(m: NodeArrays, block: int, caller: int, wanted_start: int, wanted_end: int) -> int:
    """Isolates an edge pageblock, as isolate_pageblock() does; 5.19.0 lets everybody isolate CMA there (I-9b)."""
    if m.geo.edge_ignores_cma and block_type_of(m, block) == CMA:
        caller = FOR_CMA
    return isolate_pageblock(m, block, caller, wanted_start, wanted_end)


@internal
def isolate_and_settle(
    m: NodeArrays, block: int, boundary: int, caller: int, wanted_start: int, wanted_end: int
) -> int:
    """Isolates an edge pageblock and settles its outer boundary; returns -1 or the obstacle (I-7).

    The pageblock comes back as the caller's type when something straddles the boundary (I-10).
    """
    obstacle = isolate_edge(m, block, caller, wanted_start, wanted_end)
    if obstacle >= 0:
        return obstacle
    obstacle = settle_boundary(m, boundary)
    if obstacle >= 0:
        unisolate_pageblock(m, block, restored_type(m, caller))
    return obstacle


@kernel
def isolate_inside(
    m: NodeArrays, start_pfn: int, end_pfn: int, caller: int, wanted_start: int, wanted_end: int
) -> int:
    """Isolates what lies between two isolated edges; when it cannot, all is given back, the last edge last."""
    nr_pages = span(m.geo.pageblock_order)
    last = end_pfn - nr_pages
    obstacle = isolate_blocks(m, start_pfn + nr_pages, last, caller, wanted_start, wanted_end)
    if obstacle >= 0:
        unisolate_range(m, start_pfn, obstacle & ~(nr_pages - 1), restored_type(m, caller))
        unisolate_pageblock(m, last, restored_type(m, caller))
    return obstacle


@kernel
def isolate_range(
    m: NodeArrays, start_pfn: int, end_pfn: int, caller: int, wanted_start: int, wanted_end: int
) -> int:
    """Isolates [start_pfn, end_pfn), whole pageblocks, or none; returns -1 or the obstacle (4.3).

    Up to 5.15 the pageblocks in order; from 5.19 the first and the last one first, with their outer boundaries: then
    STRADDLED, with nothing done, asks the caller to go section by section and migrate a compound on the way.
    What was isolated before a failure comes back as the caller's type, or as it was (I-10).
    """
    nr_pages = span(m.geo.pageblock_order)
    if m.geo.boundary == BOUNDARY_NONE:
        obstacle = isolate_blocks(m, start_pfn, end_pfn, caller, wanted_start, wanted_end)
        if obstacle >= 0:
            unisolate_range(m, start_pfn, obstacle & ~(nr_pages - 1), restored_type(m, caller))
        return obstacle
    if movable_run_over(m, start_pfn) >= 0 or movable_run_over(m, end_pfn) >= 0:
        return STRADDLED
    obstacle = isolate_and_settle(m, start_pfn, start_pfn, caller, wanted_start, wanted_end)
    if obstacle >= 0:
        return obstacle
    last = end_pfn - nr_pages
    if last > start_pfn:
        obstacle = isolate_and_settle(m, last, end_pfn, caller, wanted_start, wanted_end)
    else:
        obstacle = settle_boundary(m, end_pfn)
    if obstacle >= 0:
        unisolate_pageblock(m, start_pfn, restored_type(m, caller))
        return obstacle
    return isolate_inside(m, start_pfn, end_pfn, caller, wanted_start, wanted_end)


@kernel
def find_not_isolated(m: NodeArrays, start_pfn: int, end_pfn: int, mode: int) -> int:
    """Returns the first page of the range that is not isolated and free, or -1: the test of I-12.

    Every pageblock must be isolated; on which list a free page is does not matter. Memory offlining also passes
    pages that virtio-mem holds, and poisoned ones.
    """
    for block in range(start_pfn >> m.geo.pageblock_order, ((end_pfn - 1) >> m.geo.pageblock_order) + 1):
        if block_type_of(m, block << m.geo.pageblock_order) != ISOLATE:
            return max(start_pfn, block << m.geo.pageblock_order)
    pfn = start_pfn
    while pfn < end_pfn:
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
