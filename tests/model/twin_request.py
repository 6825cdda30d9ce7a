"""A naive twin of requests for pages: where they may come from, whom they are stolen from, and the reserve.

Written from semantics B-10 to B-16, B-20 and B-22 to B-24, not from the kernels.
Left out: the watermark boost (B-17), per-cpu lists.
"""

from typing import NamedTuple

from app.mm.page import Migratetype, PageKind, Request
from app.mm.policies.switches import HighatomicRule, StealRule
from tests.model.observed import Run
from tests.model.twin_buddy import (
    CMA,
    FALLBACKS,
    HIGHATOMIC,
    LRU_KINDS,
    MOVABLE,
    MOVABLE_KINDS,
    MOVABLE_ZONE,
    NORMAL_ZONE,
    RECLAIMABLE,
    UNMOVABLE,
    ZONES_PER_NODE,
    Memory,
)

_MIN, _LOW = 0, 1


class Wanted(NamedTuple):
    """What somebody asks for (B-10)."""

    order: int
    migratetype: int
    highest_zone: int
    may_use_cma: bool
    may_use_reserve: bool = False
    # NUMA nodes, the preferred one first.
    nodes: tuple[int, ...] = (0,)

    @property
    def zones(self) -> list[int]:
        """Where it looks: node by node, from the highest zone down (B-10)."""
        return [
            node * ZONES_PER_NODE + zone for node in self.nodes for zone in range(self.highest_zone, -1, -1)
        ]

    @property
    def is_highatomic(self) -> bool:
        """Whether it tries the HIGHATOMIC lists, and is reserved for (B-12, B-22)."""
        return self.may_use_reserve and self.order > 0


def wanted_by(kind: PageKind, order: int, request: Request = Request.NONE) -> Wanted:
    """What an allocation of a kind asks for."""
    migratetype = RECLAIMABLE if kind == PageKind.RECLAIMABLE else UNMOVABLE
    if kind in MOVABLE_KINDS:
        migratetype = MOVABLE
    may_use_cma = migratetype == MOVABLE and kind != PageKind.PINNED and Request.NO_CMA not in request
    highest_zone = MOVABLE_ZONE if migratetype == MOVABLE else NORMAL_ZONE
    return Wanted(order, migratetype, highest_zone, may_use_cma, Request.HIGHATOMIC in request)


def wanted_by_migration(memory: Memory, pfn: int, *, leaves_node: bool) -> Wanted:
    """What a page that migrates asks for: a movable page, no higher than where it is (C-5), of its node if it can.

    leaves_node: of other nodes alone, if there is memory on any.
    """
    zone = memory.zone_of(pfn)
    assert zone is not None
    highest_zone = MOVABLE_ZONE if zone % ZONES_PER_NODE == MOVABLE_ZONE else NORMAL_ZONE
    nodes = nodes_from(memory, zone // ZONES_PER_NODE)
    if leaves_node and any(
        memory.zone[there].present for there in memory.zone if there // ZONES_PER_NODE != nodes[0]
    ):
        nodes = nodes[1:]
    return Wanted(memory.runs[pfn].order, MOVABLE, highest_zone, may_use_cma=True, nodes=nodes)


def nodes_from(memory: Memory, node: int) -> tuple[int, ...]:
    """All NUMA nodes, as far from `node` as their numbers are, and around."""
    return tuple((node + distance) % memory.nr_numa_nodes for distance in range(memory.nr_numa_nodes))


def alloc_page(
    memory: Memory,
    kind: PageKind,
    order: int,
    owner: int,
    request: Request = Request.NONE,
    *,
    numa_node: int = 0,
) -> int | None:
    """Allocates one run of a kind, on a NUMA node if it can."""
    wanted = wanted_by(kind, order, request)
    pfn = get_page(memory, wanted._replace(nodes=nodes_from(memory, numa_node)))
    if pfn is not None:
        memory.runs[pfn] = Run(kind, order, owner)
    return pfn


def alloc_at(memory: Memory, pfn: int, run: Run) -> bool:
    """Takes exactly these pages out of a free page; other halves go under its first pageblock's type."""
    found = memory.run_over(pfn)
    if found is None or found[1].kind != PageKind.FREE or found[1].order < run.order:
        return False
    first, whole = found
    migratetype, zone = memory.type_of(first), memory.zone_of(first)
    assert zone is not None
    memory.unlist(first)
    for half in reversed(range(run.order, whole.order)):
        lower, upper = first, first + (1 << half)
        first, other = (upper, lower) if pfn >= upper else (lower, upper)
        memory.enlist(other, half, migratetype, at_tail=False)
    memory.account_by_caller(zone, -(1 << run.order), migratetype)
    memory.runs[pfn] = run
    return True


# ------------------------------------------------------------------------------- B-10 to B-12, B-20: where from


def get_page(memory: Memory, wanted: Wanted) -> int | None:
    """Zones from the preferred one down; without polluting, if Normal is preferred, then with; then the reserve."""
    zones = [zone for zone in wanted.zones if memory.zone[zone].present]
    if zones and _is_careful(memory, zones[0]):
        near = [zone for zone in zones if zone // ZONES_PER_NODE == zones[0] // ZONES_PER_NODE]
        pfn = _try_zones(memory, near, wanted, _LOW, no_fragment=True)
        if pfn is not None:
            return pfn
    for mark in (_LOW, _MIN):
        pfn = _try_zones(memory, zones, wanted, mark, no_fragment=False)
        if pfn is not None:
            return pfn
    for is_forced in (False, True):
        if unreserve(memory, wanted, is_forced=is_forced):
            pfn = _try_zones(memory, zones, wanted, _MIN, no_fragment=False)
            if pfn is not None:
                return pfn
    return None


def _is_careful(memory: Memory, zone: int) -> bool:
    """Whether a request that prefers this zone breaks up no foreign pageblock at first (B-14).

    With several nodes it does so only where DMA32 has memory.
    """
    has_lower = memory.nr_numa_nodes == 1 or bool(memory.zone[zone - 1].present)
    return zone % ZONES_PER_NODE == NORMAL_ZONE and has_lower


def _try_zones(
    memory: Memory, zones: list[int], wanted: Wanted, mark: int, *, no_fragment: bool
) -> int | None:
    for zone in zones:
        if is_above_mark(memory, zone, wanted, mark):
            pfn = _get_page_from(memory, zone, wanted, no_fragment=no_fragment)
            if pfn is not None:
                if wanted.is_highatomic:
                    reserve(memory, zone, pfn, wanted.order)
                return pfn
    return None


def is_above_mark(memory: Memory, zone: int, wanted: Wanted, mark: int) -> bool:
    """B-20."""
    counted = memory.zone[zone]
    free = counted.nr_free - ((1 << wanted.order) - 1)
    lists = list(FALLBACKS)
    if wanted.may_use_reserve:
        lists.append(HIGHATOMIC)
    elif memory.policy.highatomic_rule is HighatomicRule.FREE:
        free -= counted.nr_free_highatomic
    else:
        free -= counted.nr_reserved_highatomic
    if wanted.may_use_cma:
        lists.append(CMA)
    else:
        free -= counted.nr_free_cma
    if free <= counted.marks[mark] + counted.reserve[wanted.highest_zone]:
        return False
    orders = range(wanted.order, memory.max_order + 1)
    return wanted.order == 0 or any(
        memory.lists[zone, order, migratetype] for order in orders for migratetype in lists
    )


def _get_page_from(memory: Memory, zone: int, wanted: Wanted, *, no_fragment: bool) -> int | None:
    """The reserve of atomic requests, own lists and CMA, then others' lists."""
    counted = memory.zone[zone]
    lists: list[int] = [wanted.migratetype]
    if wanted.may_use_cma:
        is_cma_first = 2 * counted.nr_free_cma > counted.nr_free
        lists = [CMA, wanted.migratetype] if is_cma_first else [wanted.migratetype, CMA]
    if wanted.is_highatomic:
        lists.insert(0, HIGHATOMIC)
    for migratetype in lists:
        pfn = memory.take(zone, wanted.order, migratetype)
        if pfn is not None:
            return pfn
    return steal(memory, zone, wanted, no_fragment=no_fragment)


# ------------------------------------------------------------------------------- B-13 to B-16: stealing


def steal(memory: Memory, zone: int, wanted: Wanted, *, no_fragment: bool) -> int | None:
    """Takes from the lists of types that the request falls back to, as the policy has it."""
    smallest = max(wanted.order, memory.pageblock_order) if no_fragment else wanted.order
    downward = range(memory.max_order, smallest - 1, -1)
    if memory.policy.steal_rule is StealRule.STEPPED:
        return _steal_stepped(memory, zone, wanted, downward, no_fragment=no_fragment)
    for order in downward:
        pfn = fallback_page(memory, zone, order, wanted.migratetype)
        if pfn is None:
            continue
        is_claimable = can_claim(memory, order, wanted.migratetype)
        if wanted.migratetype == MOVABLE and order > wanted.order and not is_claimable:
            # Pollute as little as possible: the smallest page instead.
            upward = range(wanted.order, order + 1)
            pfn = next(
                page
                for other in upward
                if (page := fallback_page(memory, zone, other, wanted.migratetype)) is not None
            )
        if memory.policy.steal_rule is StealRule.MOVE_THEN_DECIDE:
            _move_then_decide(memory, pfn, wanted.migratetype)
            return memory.take(zone, wanted.order, wanted.migratetype)
        return _take_all_or_nothing(memory, zone, pfn, wanted)
    return None


def fallback_page(memory: Memory, zone: int, order: int, migratetype: int) -> int | None:
    """The first page of exactly this order of a type to fall back to (B-13)."""
    for other in FALLBACKS[Migratetype(migratetype)]:
        if memory.lists[zone, order, other]:
            return memory.lists[zone, order, other][0]
    return None


def can_claim(memory: Memory, order: int, migratetype: int) -> bool:
    """B-14."""
    return order >= memory.pageblock_order // 2 or migratetype in (UNMOVABLE, RECLAIMABLE)


def _move_then_decide(memory: Memory, pfn: int, migratetype: int) -> None:
    """B-14, claim: the whole pageblock, or this one page; free pages move though the pageblock may not follow."""
    order = memory.runs[pfn].order
    block = memory.block_of(pfn)
    is_reserved = memory.type_of(pfn) == HIGHATOMIC
    if order >= memory.pageblock_order and not is_reserved:
        memory.retype(pfn, order, migratetype)
        memory.move(pfn, migratetype)
    elif is_reserved or not can_claim(memory, order, migratetype):
        memory.move(pfn, migratetype)
    else:
        is_alike = is_mostly_alike(memory, block, migratetype)
        memory.move_free_pages(block, migratetype)
        if is_alike:
            memory.retype(pfn, order, migratetype)


def is_mostly_alike(memory: Memory, block: int, migratetype: int) -> bool:
    """Whether half of a pageblock is free or used as the request will use it."""
    free = sum(1 << memory.runs[pfn].order for pfn in memory.free_heads(block))
    alike = movable = count_movable(memory, block)
    if migratetype != MOVABLE:
        alike = memory.nr_block_pages - free - movable if memory.block_type(block) == MOVABLE else 0
    return free + alike >= memory.nr_block_pages // 2


def count_movable(memory: Memory, block: int) -> int:
    """The used pages of a pageblock that lie on the LRU or have movable operations."""
    runs = (memory.run_over(pfn) for pfn in memory.pages_of(block))
    return sum(1 for run in runs if run and run[1].kind in LRU_KINDS | {PageKind.MOVABLE_OPS})


def _claim(memory: Memory, zone: int, pfn: int, wanted: Wanted) -> int | None:
    """B-15, all: the pages of a pageblock that the request makes its own; None if too little of it is alike."""
    order = memory.runs[pfn].order
    block = memory.block_of(pfn)
    if memory.type_of(pfn) == HIGHATOMIC:
        return None
    if order >= memory.pageblock_order:
        memory.retype(pfn, order, wanted.migratetype)
        return memory.take_from(pfn, wanted.order, wanted.migratetype)
    if not is_mostly_alike(memory, block, wanted.migratetype):
        return None
    memory.retype(pfn, order, wanted.migratetype)
    memory.move_free_pages(block, wanted.migratetype)
    return memory.take(zone, wanted.order, wanted.migratetype)


def _take_all_or_nothing(memory: Memory, zone: int, pfn: int, wanted: Wanted) -> int:
    """B-15: the whole pageblock, or exactly one page; what is left of it stays with the pageblock's type."""
    order = memory.runs[pfn].order
    taken = None
    if can_claim(memory, order, wanted.migratetype):
        taken = _claim(memory, zone, pfn, wanted)
    return memory.take_from(pfn, wanted.order, memory.type_of(pfn)) if taken is None else taken


def _steal_stepped(
    memory: Memory, zone: int, wanted: Wanted, downward: range, *, no_fragment: bool
) -> int | None:
    """B-16: claims, the largest first; then steals the smallest, whose rest stays on the lists it came from."""
    for order in downward:
        if not can_claim(memory, order, wanted.migratetype):
            break
        pfn = fallback_page(memory, zone, order, wanted.migratetype)
        taken = None if pfn is None else _claim(memory, zone, pfn, wanted)
        if taken is not None:
            return taken
    if no_fragment:
        return None
    for order in reversed(downward):
        pfn = fallback_page(memory, zone, order, wanted.migratetype)
        if pfn is not None:
            return memory.take_from(pfn, wanted.order, memory.name_of[pfn][2])
    return None


# ------------------------------------------------------------------------------- B-22 to B-24: the reserve


def reserve(memory: Memory, zone: int, pfn: int, order: int) -> None:
    """B-22, B-24: the pageblock of an atomic allocation becomes HIGHATOMIC, if the limit allows."""
    counted = memory.zone[zone]
    if counted.nr_reserved_highatomic >= reserve_limit(memory, zone):
        return
    if memory.type_of(pfn) not in FALLBACKS:
        return
    size = memory.nr_block_pages
    if order >= memory.pageblock_order and _counts_by_order(memory):
        size = 1 << order
        memory.retype(pfn, order, HIGHATOMIC)
    else:
        memory.retype(pfn, 0, HIGHATOMIC)
        memory.move_free_pages(memory.block_of(pfn), HIGHATOMIC)
    counted.nr_reserved_highatomic += size


def reserve_limit(memory: Memory, zone: int) -> int:
    """B-22: pages from which on nothing more is reserved."""
    hundredth, size = memory.zone[zone].managed // 100, memory.nr_block_pages
    if memory.policy.highatomic_rule is not HighatomicRule.FREE:
        return hundredth + size
    return -(-hundredth // size) * size if hundredth >= size else 0


def _counts_by_order(memory: Memory) -> bool:
    """B-24."""
    return memory.policy.highatomic_rule is not HighatomicRule.RESERVED


def unreserve(memory: Memory, wanted: Wanted, *, is_forced: bool) -> bool:
    """B-23: one pageblock goes to the request's type; without force, one of the zone's stays."""
    for zone in wanted.zones:
        if not is_forced and memory.zone[zone].nr_reserved_highatomic <= memory.nr_block_pages:
            continue
        for order in range(memory.max_order + 1):
            pfns = memory.lists[zone, order, HIGHATOMIC]
            if pfns:
                _unreserve_block(memory, zone, pfns[0], order, wanted.migratetype)
                return True
    return False


def _unreserve_block(memory: Memory, zone: int, pfn: int, order: int, migratetype: int) -> None:
    counted = memory.zone[zone]
    is_larger = _counts_by_order(memory) and order >= memory.pageblock_order
    size = 1 << order if is_larger else memory.nr_block_pages
    counted.nr_reserved_highatomic -= min(size, counted.nr_reserved_highatomic)
    if is_larger:
        memory.retype(pfn, order, migratetype)
        memory.move(pfn, migratetype)
    else:
        memory.retype(pfn, 0, migratetype)
        memory.move_free_pages(memory.block_of(pfn), migratetype)
