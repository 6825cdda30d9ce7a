"""Isolating a range of pageblocks, whichever way the policy does it.

Mirrors start_isolate_page_range() of mm/page_isolation.c (semantics 4.3, I-7); the lock sections are
app.mm.kernels.isolation's.
Invariants kept here: INV-10, INV-11.
Left out: CMA callers, the isolate bit.
"""

from app.mm.kernels import isolation, layout, migrate
from app.mm.node import Node
from app.mm.page import Migratetype
from app.mm.switches import Boundary


def start_isolate_page_range(node: Node, start_pfn: int, end_pfn: int, mode: int) -> int:
    """Isolates [start_pfn, end_pfn), whole pageblocks, or none; returns -1 or the page that stops it.

    mode: isolation.ORDINARY or MEMORY_OFFLINE. A movable compound over an outer boundary is migrated away first.
    """
    obstacle = int(isolation.isolate_range(node.arrays, start_pfn, end_pfn, mode))
    if (
        obstacle >= 0
        and node.policy.boundary is Boundary.MIGRATE
        and _straddles(node, obstacle, start_pfn, end_pfn)
    ):
        if not _migrate_straddler(node, obstacle):
            return obstacle
        # Two boundaries: at most one more compound lies over the other one.
        return start_isolate_page_range(node, start_pfn, end_pfn, mode)
    return obstacle


def undo_isolate_page_range(node: Node, start_pfn: int, end_pfn: int) -> None:
    """Gives the isolated pageblocks of [start_pfn, end_pfn) back, as MOVABLE, the caller's type (I-10)."""
    isolation.unisolate_range(node.arrays, start_pfn, end_pfn, int(Migratetype.MOVABLE))


def _straddles(node: Node, pfn: int, start_pfn: int, end_pfn: int) -> bool:
    """Returns whether a run that can be migrated starts at `pfn` and lies over an outer boundary."""
    head = int(layout.head_at(node.arrays, pfn))
    last_pfn = pfn + (1 << (head >> 4)) - 1
    is_over_edge = pfn < start_pfn <= last_pfn or pfn < end_pfn <= last_pfn
    return is_over_edge and bool(migrate.is_migratable(head & 15))


def _migrate_straddler(node: Node, pfn: int) -> bool:
    """Migrates a compound, its first pageblock isolated meanwhile so that nobody grabs what it frees."""
    old_type = int(layout.block_type_of(node.arrays, pfn))
    if isolation.isolate_pageblock(node.arrays, pfn, isolation.ORDINARY) >= 0:
        return False
    end_pfn = pfn + (1 << (int(layout.head_at(node.arrays, pfn)) >> 4))
    result = int(migrate.migrate_range(node.arrays, pfn, end_pfn, node.tally))
    isolation.unisolate_pageblock(node.arrays, pfn, old_type)
    return result == migrate.DONE
