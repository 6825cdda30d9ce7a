"""Page migration: moves used pages of a range elsewhere, with real targets and real failure.

Mirrors __alloc_contig_migrate_range() of mm/page_alloc.c and the target choice of mm/migrate.c (5.2, C-4 .. C-6).
Invariants kept here: INV-7, and that an allocation's pages keep their owner.
Left out: what a copy costs (app.guest.cost), hugetlb pools.
"""

import numpy as np
from numpy.typing import NDArray

from app.mm.kernels._jit import inlined, inlined_kernel, int64, internal, kernel
from app.mm.kernels.allocation import take_page
from app.mm.kernels.buddy import free_by_block_type
from app.mm.kernels.layout import (
    ANON,
    FILE_CLEAN,
    GIGANTIC,
    HUGETLB,
    MOVABLE,
    MOVABLE_OPS,
    PINNED,
    SINGLE,
    THP,
    USES_CMA,
    ZONE_MOVABLE,
    ZONE_NORMAL,
    ZONELIST_SHIFT,
    ZONES_PER_NODE,
    NodeArrays,
    covering_head,
    head_at,
    id_of_zone,
    node_of_zone,
    owner_at,
    set_head,
    set_owner,
    span,
    zone_of,
)

# A batch ends when it holds this many pages; a compound counts as its pages (C-4).
BATCH_PAGES = 32

# What migrate_range() adds up, in pages except the last two.
T_MIGRATED_BASE, T_MIGRATED_HUGE, T_DROPPED, T_OBSTACLE_PFN, T_HUGE_RUNS = range(5)
NR_TALLY = 5
DONE, BUSY, NO_MEMORY = range(3)
# Where a page goes: to its own NUMA node if it can, or to none but the others.
STAYS_NEAR, LEAVES_NODE = int64(0), int64(1)


@inlined_kernel
def is_migratable(kind: int) -> bool:
    """Returns whether migration collects pages of this kind at all; a pinned page is collected, and then fails."""
    return ANON <= kind <= PINNED or kind == MOVABLE_OPS


@inlined
def target_zones(m: NodeArrays, pfn: int, leaves_node: int) -> int:
    """Returns the zonelist of where the page at `pfn` may move (C-5): its own node's zones first, or only others'.

    Pages of ZONE_MOVABLE may go to any zone, pages of kernel zones only to kernel zones.
    """
    zone = zone_of(m, pfn)
    highest = ZONE_MOVABLE if id_of_zone(zone) == ZONE_MOVABLE else ZONE_NORMAL
    node = node_of_zone(zone)
    first_node = (node + 1) % (m.geo.nr_zones // ZONES_PER_NODE) if leaves_node else node
    return (node << ZONELIST_SHIFT) | (first_node * ZONES_PER_NODE + highest)


@internal
def migrate_run(m: NodeArrays, pfn: int, leaves_node: int) -> int:
    """Moves the run at `pfn` to a new place of the same order; returns the new pfn, or -1 without a target (C-5)."""
    head = head_at(m, pfn)
    target = take_page(m, head >> 4, MOVABLE, target_zones(m, pfn, leaves_node), USES_CMA)
    if target < 0:
        return int64(-1)
    set_head(m, target, head & 15, head >> 4)
    set_owner(m, target, owner_at(m, pfn))
    free_by_block_type(m, pfn, head >> 4)
    return target


@internal
def split_thp(m: NodeArrays, pfn: int, order: int) -> None:
    """Turns a huge page into base pages of the same owner: what is done when there is no huge target."""
    owner = owner_at(m, pfn)
    for page in range(pfn, pfn + span(order)):
        set_head(m, page, ANON, SINGLE)
        set_owner(m, page, owner)


@internal
def evacuate(m: NodeArrays, pfn: int, leaves_node: int, tally: NDArray[np.int64]) -> int:
    """Empties the movable run at `pfn`: moves it, or fails; returns DONE, BUSY or NO_MEMORY.

    A huge page without a huge target is split, and DONE is returned with its base pages still in place.
    """
    head = head_at(m, pfn)
    order = head >> 4
    kind = head & 15
    if kind == PINNED:
        tally[T_OBSTACLE_PFN] = pfn
        return BUSY
    # One gigantic page is freed, and had, only as a whole: the kernel does not try (K-3).
    is_gigantic = kind == HUGETLB and owner_at(m, pfn) > 0 and owner_at(m, pfn) & GIGANTIC != 0
    if is_gigantic or migrate_run(m, pfn, leaves_node) < 0:
        if kind == THP and order > 0:
            split_thp(m, pfn, order)
            return DONE
        tally[T_OBSTACLE_PFN] = pfn
        return NO_MEMORY
    if order == 0:
        tally[T_MIGRATED_BASE] += 1
    else:
        tally[T_MIGRATED_HUGE] += span(order)
        tally[T_HUGE_RUNS] += 1
    return DONE


@kernel
def end_of_batch(m: NodeArrays, start_pfn: int, end_pfn: int) -> int:
    """Returns the pfn behind the runs from start_pfn on that are collected together (C-4)."""
    pfn = start_pfn
    nr_pages = int64(0)
    while pfn < end_pfn and nr_pages < BATCH_PAGES:
        head = head_at(m, pfn)
        if is_migratable(head & 15):
            nr_pages += span(head >> 4)
        pfn += span(head >> 4)
    return pfn


@kernel
def drop_clean(m: NodeArrays, start_pfn: int, end_pfn: int, tally: NDArray[np.int64]) -> None:
    """Frees a batch's clean page cache, before anything of it is moved."""
    pfn = start_pfn
    while pfn < end_pfn:
        head = head_at(m, pfn)
        if (head & 15) == FILE_CLEAN:
            free_by_block_type(m, pfn, head >> 4)
            tally[T_DROPPED] += span(head >> 4)
        pfn += span(head >> 4)


@inlined_kernel
def next_movable(m: NodeArrays, pfn: int, end_pfn: int) -> int:
    """Returns where the first movable run that starts in [pfn, end_pfn) is; end_pfn or more when there is none."""
    while pfn < end_pfn and not is_migratable(head_at(m, pfn) & 15):
        pfn += span(head_at(m, pfn) >> 4)
    return pfn


@inlined_kernel
def migrate_one(m: NodeArrays, pfn: int, leaves_node: int, tally: NDArray[np.int64]) -> int:
    """Moves the movable run at `pfn`; returns `where to go on << 2 | DONE, BUSY (it is pinned) or NO_MEMORY`.

    leaves_node: 1 when no page of its own NUMA node will do, as memory offlining has it.
    """
    head = head_at(m, pfn)
    result = evacuate(m, pfn, leaves_node, tally)
    if result != DONE or not is_migratable(head_at(m, pfn) & 15):
        pfn += span(head >> 4)
    # Else it was split: its base pages are next.
    return (pfn << 2) | result


@kernel
def migrate_batch(
    m: NodeArrays, start_pfn: int, end_pfn: int, leaves_node: int, tally: NDArray[np.int64]
) -> int:
    """Moves every run that starts in a range; returns DONE, BUSY (a pin; the rest was moved) or NO_MEMORY, at once.

    leaves_node: as in migrate_one().
    """
    pfn = next_movable(m, start_pfn, end_pfn)
    is_stuck = False
    while pfn < end_pfn:
        step = migrate_one(m, pfn, leaves_node, tally)
        pfn = next_movable(m, step >> 2, end_pfn)
        if step & 3 == NO_MEMORY:
            return NO_MEMORY
        if step & 3 == BUSY:
            is_stuck = True
    return BUSY if is_stuck else DONE


@kernel
def first_to_migrate(m: NodeArrays, start_pfn: int) -> int:
    """Returns where migration of a range begins: with a movable compound that reaches into it, or at its start."""
    first = covering_head(m, start_pfn)
    return first if first >= 0 and is_migratable(head_at(m, first) & 15) else start_pfn


@kernel
def migrate_range(m: NodeArrays, start_pfn: int, end_pfn: int, tally: NDArray[np.int64]) -> int:
    """Migrates everything movable of [start_pfn, end_pfn); returns DONE, BUSY (a pin) or NO_MEMORY.

    A movable compound that reaches into the range goes as a whole (K-1). What cannot move is skipped: the test
    that follows finds it. A batch with a pinned page is the last one, after five tries (C-4).
    tally: int64[NR_TALLY], added to.
    """
    pfn = first_to_migrate(m, start_pfn)
    while pfn < end_pfn:
        batch_end = end_of_batch(m, pfn, end_pfn)
        drop_clean(m, pfn, batch_end, tally)
        result = migrate_batch(m, pfn, batch_end, STAYS_NEAR, tally)
        if result != DONE:
            return result
        pfn = batch_end
    return DONE
