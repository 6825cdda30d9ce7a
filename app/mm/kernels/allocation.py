"""Allocation: the lists that a request may turn to, zone by zone, and the watermarks that it must leave.

Mirrors __rmqueue() and get_page_from_freelist() of mm/page_alloc.c (B-10 to B-12, B-20, B-23).
Invariants kept here: INV-3, INV-8, INV-15.
Left out: per-cpu lists on the way, stealing (kernels.fallback), the reserve's size (kernels.highatomic).
"""

from app.mm.kernels._jit import inlined, inlined_kernel, int64, internal, kernel
from app.mm.kernels.buddy import (
    account_free,
    add_free,
    free_by_block_type,
    remove_free,
    take_block,
    take_smallest,
    watermark_ok,
)
from app.mm.kernels.fallback import steal_largest, steal_stepped
from app.mm.kernels.highatomic import reserve, unreserve
from app.mm.kernels.layout import (
    ANON,
    AT_HEAD,
    AT_LOW,
    AT_MIN,
    CMA,
    FREE,
    HIGHATOMIC,
    MOVABLE,
    MOVABLE_OPS,
    PINNED,
    RECLAIMABLE,
    RECLAIMABLE_PAGE,
    S_NR_FREE,
    S_NR_FREE_CMA,
    S_PRESENT,
    STEAL_STEPPED,
    UNMOVABLE,
    USES_CMA,
    USES_HIGHATOMIC,
    ZONE_NORMAL,
    ZONES_PER_NODE,
    NodeArrays,
    block_type_of,
    cell,
    covering_head,
    first_zone,
    head_at,
    id_of_zone,
    next_zone,
    node_of_zone,
    set_head,
    set_owner,
    span,
)

# Bits of a request, as app.mm.page.Request: USES_HIGHATOMIC is the other one.
NO_CMA = int64(2)


@internal
def take_from_cma(m: NodeArrays, zone: int, order: int, migratetype: int) -> int:
    """Takes from the CMA lists what a movable request may, first if they hold most free pages (B-11); else -1."""
    pfn = int64(-1)
    if m.stat[cell(zone, S_NR_FREE_CMA)] <= m.stat[cell(zone, S_NR_FREE)] // 2:
        pfn = take_block(m, zone, order, migratetype)
    return pfn if pfn >= 0 else take_block(m, zone, order, CMA)


@inlined
def rmqueue(m: NodeArrays, zone: int, order: int, migratetype: int, uses: int, no_fragment: bool) -> int:
    """Takes 2**order pages from one zone: own lists first, then by stealing; returns the pfn or -1.

    uses: whether it may turn to the HIGHATOMIC reserve (B-12) and to CMA (B-11).
    """
    pfn = int64(-1)
    if uses & USES_HIGHATOMIC and order > 0:
        pfn = take_block(m, zone, order, HIGHATOMIC)
    if pfn < 0 and uses & USES_CMA:
        pfn = take_from_cma(m, zone, order, migratetype)
    if pfn < 0:
        pfn = take_block(m, zone, order, migratetype)
    if pfn >= 0:
        return pfn
    if m.geo.steal_rule == STEAL_STEPPED:
        return steal_stepped(m, zone, order, migratetype, no_fragment)
    min_order = max(order, m.geo.pageblock_order) if no_fragment else order
    return steal_largest(m, zone, order, migratetype, min_order)


@internal
def preferred_zone(m: NodeArrays, zonelist: int) -> int:
    """Returns the first populated zone of a zonelist, or -1."""
    zone = first_zone(zonelist)
    while zone >= 0 and m.stat[cell(zone, S_PRESENT)] == 0:
        zone = next_zone(m, zone, zonelist)
    return zone


@internal
def careful_zone(m: NodeArrays, zonelist: int) -> int:
    """Returns the zone on whose node a request first breaks up no foreign pageblock, or -1 (B-13).

    That is a preferred zone Normal; on machines of several nodes only where there is a zone below it.
    """
    zone = preferred_zone(m, zonelist)
    if id_of_zone(zone) != ZONE_NORMAL or (
        m.geo.nr_zones > ZONES_PER_NODE and not m.stat[cell(zone - 1, S_PRESENT)]
    ):
        return int64(-1)
    return zone


@internal
def search_zones(
    m: NodeArrays, order: int, migratetype: int, zonelist: int, uses: int, mark: int, careful: int
) -> int:
    """Takes 2**order pages from the first zone that stays above `mark` and can give them; returns the pfn or -1.

    careful: the zone from careful_zone(), when no foreign pageblock may be broken up; then other nodes give nothing.
    """
    zone = first_zone(zonelist)
    while zone >= 0:
        is_near = careful < 0 or node_of_zone(zone) == node_of_zone(careful)
        pfn = int64(-1)
        if is_near and watermark_ok(m, zone, order, mark, zonelist, uses):
            pfn = rmqueue(m, zone, order, migratetype, uses, careful >= 0)
        if pfn >= 0:
            if uses & USES_HIGHATOMIC and order > 0:
                reserve(m, zone, pfn, order)
            return pfn
        zone = next_zone(m, zone, zonelist)
    return int64(-1)


@kernel
def get_page(m: NodeArrays, order: int, migratetype: int, zonelist: int, uses: int) -> int:
    """Allocates 2**order pages, preferring the first zone; returns the pfn, or -1 when none may give (B-10).

    Three passes: above the low watermark, and, if Normal is preferred, without breaking up a foreign pageblock of any
    zone; above low; then, as the slow path does, above min. What is left then is the HIGHATOMIC reserve, but for one
    pageblock, and then all of it (B-23).
    """
    careful = careful_zone(m, zonelist)
    for attempt in range(5):
        if attempt >= 3 and not unreserve(m, zonelist, migratetype, attempt - 3):
            continue
        mark = AT_LOW if attempt < 2 else AT_MIN
        pfn = search_zones(
            m, order, migratetype, zonelist, uses, mark, careful if attempt == 0 else int64(-1)
        )
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
def take_page(m: NodeArrays, order: int, migratetype: int, zonelist: int, uses: int) -> int:
    """Allocates as get_page() does; the usual case, a block of the right type in the first zone, without a call."""
    zone = first_zone(zonelist)
    while zone >= 0 and not watermark_ok(m, zone, order, AT_LOW, zonelist, uses):
        zone = next_zone(m, zone, zonelist)
    if zone >= 0 and not uses & USES_HIGHATOMIC and m.stat[cell(zone, S_NR_FREE_CMA)] == 0:
        pfn = take_smallest(m, zone, order, migratetype)
        if pfn >= 0:
            return pfn
    return get_page(m, order, migratetype, zonelist, uses)


@inlined
def uses_of(kind: int, request: int) -> int:
    """Returns which lists besides its own a request for pages of this kind may use (B-11, B-12).

    A pinned page keeps out of CMA: a pin for long moves a page out of it first.
    """
    uses = request & USES_HIGHATOMIC
    is_movable = migratetype_of(kind) == MOVABLE and kind != PINNED
    return uses | USES_CMA if is_movable and not request & NO_CMA else uses


@inlined_kernel
def alloc_page(m: NodeArrays, head: int, owner: int, zonelist: int, request: int) -> int:
    """Allocates one run with the head byte `head`; returns its pfn or -1. request: bits of app.mm.page.Request."""
    order = head >> 4
    kind = head & 15
    pfn = take_page(m, order, migratetype_of(kind), zonelist, uses_of(kind, request))
    if pfn >= 0:
        set_head(m, pfn, kind, order)
        set_owner(m, pfn, owner)
    return pfn


@kernel
def alloc_pages(m: NodeArrays, head: int, count: int, owner: int, zonelist: int, request: int) -> int:
    """Allocates `count` runs with the head byte `head`, one by one; returns how many could be had.

    Nothing is given back when memory runs out: the caller decides.
    """
    for done in range(count):
        if alloc_page(m, head, owner, zonelist, request) < 0:
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
