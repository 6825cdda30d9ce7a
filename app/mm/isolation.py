"""Isolating a range of pageblocks, whichever way the policy does it: at once, or section by section.

Mirrors start_isolate_page_range() of mm/page_isolation.c (semantics 4.3, I-7); the lock sections are
app.mm.kernels.isolation's. Both forms do the same; a state machine holds them together.
Invariants kept here: INV-10, INV-11, INV-14.
Left out: what a range is isolated for (app.mm.contig, app.mm.hotplug).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.mm.kernels import isolation, layout, migrate
from app.mm.node import Node
from app.mm.outcome import Caller
from app.mm.page import Migratetype
from app.mm.policies.switches import Boundary
from app.mm.sections import Point, Section, Sections, run

_Range = tuple[int, int]


class Want(NamedTuple):
    """What an isolation is for: the pages wanted, and where it counts what it migrates on the way."""

    start_pfn: int
    end_pfn: int
    tally: NDArray[np.int64]


def start_isolate_page_range(
    node: Node, start_pfn: int, end_pfn: int, caller: Caller, *, wanted: _Range | None = None
) -> int:
    """Isolates [start_pfn, end_pfn), whole pageblocks, or none; returns -1 or the page that stops it.

    wanted: the pages that it is for, all by default; remedy b looks at no others (I-6). A movable compound over an
    outer boundary is migrated away, where the policy does that.
    """
    wanted = wanted or (start_pfn, end_pfn)
    obstacle = int(isolation.isolate_range(node.arrays, start_pfn, end_pfn, int(caller), *wanted))
    if obstacle != isolation.STRADDLED:
        return obstacle
    return run(isolate_sections(node, start_pfn, end_pfn, caller, want=Want(*wanted, node.tally)))


def undo_isolate_page_range(node: Node, start_pfn: int, end_pfn: int, caller: Caller) -> None:
    """Gives the isolated pageblocks of [start_pfn, end_pfn) back, as the caller's type or as they were (I-10)."""
    isolation.unisolate_range(node.arrays, start_pfn, end_pfn, _restored(node, caller))


def isolate_sections(
    node: Node, start_pfn: int, end_pfn: int, caller: Caller, *, want: Want | None = None
) -> Sections[int]:
    """Does what start_isolate_page_range() does, one lock section at a time."""
    want = want or Want(start_pfn, end_pfn, node.tally)
    size = node.geometry.pageblock_nr_pages
    inside = range(start_pfn, end_pfn, size)
    last = end_pfn - size
    has_edges = node.policy.boundary is not Boundary.NONE
    if has_edges:
        obstacle = yield from _isolate_edges(node, start_pfn, end_pfn, caller, want)
        if obstacle >= 0:
            return obstacle
        inside = range(start_pfn + size, last, size)
    for pfn in inside:
        if node.zone_at(pfn) is None:
            continue
        obstacle = int(isolation.isolate_pageblock(node.arrays, pfn, int(caller), *want[:2]))
        if obstacle >= 0:
            yield from undo_sections(node, start_pfn, pfn, caller)
            if has_edges:
                yield from undo_sections(node, last, end_pfn, caller)
            return obstacle
        yield Section(Point.ISOLATE, pfn)
    return -1


def undo_sections(node: Node, start_pfn: int, end_pfn: int, caller: Caller) -> Sections[None]:
    """Does what undo_isolate_page_range() does, one pageblock at a time."""
    for pfn in range(start_pfn, end_pfn, node.geometry.pageblock_nr_pages):
        if node.zone_at(pfn) is not None:
            isolation.unisolate_pageblock(node.arrays, pfn, _restored(node, caller))
            yield Section(Point.UNDO, pfn)


def _restored(node: Node, caller: Caller) -> int:
    return int(isolation.restored_type(node.arrays, int(caller)))


def _isolate_edges(node: Node, start_pfn: int, end_pfn: int, caller: Caller, want: Want) -> Sections[int]:
    """Isolates the first and the last pageblock, each with its outer boundary settled; or neither (I-7)."""
    size = node.geometry.pageblock_nr_pages
    done: list[int] = []
    for block, boundary in ((start_pfn, start_pfn), (end_pfn - size, end_pfn)):
        obstacle, is_fresh = -1, block not in done
        if is_fresh:
            obstacle = int(isolation.isolate_edge(node.arrays, block, int(caller), *want[:2]))
            done += [block] * (obstacle < 0)
        if obstacle < 0:
            obstacle = yield from _settle_boundary(node, block, boundary, want.tally, is_fresh=is_fresh)
        if obstacle >= 0:
            for isolated in reversed(done):
                yield from undo_sections(node, isolated, isolated + size, caller)
            return obstacle
    return -1


def _settle_boundary(
    node: Node, block: int, boundary: int, tally: NDArray[np.int64], *, is_fresh: bool
) -> Sections[int]:
    """Migrates what lies over a boundary, if it can, and cuts the free page there; -1, or what stays.

    is_fresh: `block`, the edge inside the boundary, was isolated just now.
    """
    arrays = node.arrays
    if isolation.free_run_over(arrays, boundary) >= 0:
        yield Section(Point.CUT, block)
        isolation.settle_boundary(arrays, boundary)
        is_fresh = True
    if is_fresh:
        yield Section(Point.ISOLATE, block)
    straddler = int(isolation.movable_run_over(arrays, boundary))
    if straddler >= 0:
        is_moved = yield from _migrate_straddler(node, straddler, tally)
        if not is_moved:
            return straddler
        if isolation.free_run_over(arrays, boundary) >= 0:
            yield Section(Point.CUT, block)
    return int(isolation.settle_boundary(arrays, boundary))


def _migrate_straddler(node: Node, pfn: int, tally: NDArray[np.int64]) -> Sections[bool]:
    """Migrates a compound, its first pageblock isolated meanwhile so that nobody grabs what it frees."""
    arrays = node.arrays
    head = int(layout.head_at(arrays, pfn))
    end_pfn = pfn + (1 << (head >> 4))
    old_type = int(layout.block_type_of(arrays, pfn))
    is_ours = old_type != Migratetype.ISOLATE
    # The check is made for the pageblock's own type, so that a CMA pageblock passes whoever asks.
    its_caller = Caller.CMA if old_type == Migratetype.CMA else Caller.ORDINARY
    if is_ours:
        if isolation.isolate_pageblock(arrays, pfn, int(its_caller), pfn, end_pfn) >= 0:
            return False
        yield Section(Point.ISOLATE, pfn)
    result = int(migrate.migrate_range(arrays, pfn, end_pfn, tally))
    yield Section(Point.MIGRATE, pfn)
    if is_ours:
        isolation.unisolate_pageblock(arrays, pfn, old_type)
        yield Section(Point.UNDO, pfn)
    return result == migrate.DONE
