"""Isolating a range of pageblocks, whichever way the policy does it.

Mirrors start_isolate_page_range() of mm/page_isolation.c (semantics 4.3, I-7); the lock sections are
app.mm.kernels.isolation's.
Invariants kept here: INV-10, INV-11.
Left out: CMA callers, the isolate bit.
"""

from app.mm.kernels import isolation, layout, migrate
from app.mm.node import Node
from app.mm.page import Migratetype


def start_isolate_page_range(node: Node, start_pfn: int, end_pfn: int, mode: int) -> int:
    """Isolates [start_pfn, end_pfn), whole pageblocks, or none; returns -1 or the page that stops it.

    mode: isolation.ORDINARY or MEMORY_OFFLINE. A movable compound over an outer boundary is migrated away.
    """
    obstacle = int(isolation.isolate_range(node.arrays, start_pfn, end_pfn, mode))
    if obstacle != isolation.STRADDLED:
        return obstacle
    return _isolate_by_steps(node, start_pfn, end_pfn, mode=mode)


def undo_isolate_page_range(node: Node, start_pfn: int, end_pfn: int) -> None:
    """Gives the isolated pageblocks of [start_pfn, end_pfn) back, as MOVABLE, the caller's type (I-10)."""
    isolation.unisolate_range(node.arrays, start_pfn, end_pfn, int(Migratetype.MOVABLE))


def _isolate_by_steps(node: Node, start_pfn: int, end_pfn: int, *, mode: int) -> int:
    """Isolates the edges, a compound over them being migrated while they are isolated, and then the inside."""
    last = end_pfn - node.geometry.pageblock_nr_pages
    done: list[int] = []
    for block, boundary in ((start_pfn, start_pfn), (last, end_pfn)):
        obstacle = -1
        if block not in done:
            obstacle = int(isolation.isolate_pageblock(node.arrays, block, mode))
            done += [block] * (obstacle < 0)
        if obstacle < 0:
            obstacle = _settle_boundary(node, boundary)
        if obstacle >= 0:
            for isolated in reversed(done):
                isolation.unisolate_pageblock(node.arrays, isolated, int(Migratetype.MOVABLE))
            return obstacle
    return int(isolation.isolate_inside(node.arrays, start_pfn, end_pfn, mode))


def _settle_boundary(node: Node, boundary: int) -> int:
    """Migrates what lies over a boundary, if it can, and cuts the free block that it leaves; -1, or what stays."""
    straddler = int(isolation.settle_boundary(node.arrays, boundary))
    if straddler < 0 or not _migrate_straddler(node, straddler):
        return straddler
    return int(isolation.settle_boundary(node.arrays, boundary))


def _migrate_straddler(node: Node, pfn: int) -> bool:
    """Migrates a compound, its first pageblock isolated meanwhile so that nobody grabs what it frees."""
    arrays = node.arrays
    head = int(layout.head_at(arrays, pfn))
    if not migrate.is_migratable(head & 15):
        return False
    old_type = int(layout.block_type_of(arrays, pfn))
    is_ours = old_type != Migratetype.ISOLATE
    if is_ours and isolation.isolate_pageblock(arrays, pfn, isolation.ORDINARY) >= 0:
        return False
    result = int(migrate.migrate_range(arrays, pfn, pfn + (1 << (head >> 4)), node.tally))
    if is_ours:
        isolation.unisolate_pageblock(arrays, pfn, old_type)
    return result == migrate.DONE
