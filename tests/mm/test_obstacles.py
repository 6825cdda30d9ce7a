"""What stays in a range: the kinds that do not move, gigantic pages and CMA pageblocks, and nothing else."""

import numpy as np

from app.guest.cma_plan import CmaAreaSpec
from app.mm.node import Node
from app.mm.obstacles import STAYING, Blocker, as_blockers, find_blockers, run_at
from app.mm.page import PageKind
from app.units import MIB
from tests.guest.making import toy_guest


def last_chunk(node: Node) -> int:
    """Returns the first of the highest 16 pages that are online, two pageblocks of a toy guest."""
    return int(np.flatnonzero(node.arrays.block_zone)[-1] - 1) * 8 & ~15


def test_find_blockers_tells_what_does_not_move() -> None:
    """Of a run of each kind in one pageblock, those that stay are told, ascending, with their owners."""
    node = toy_guest().node
    kinds = [PageKind.ANON, PageKind.PINNED, PageKind.FILE_CLEAN, PageKind.UNMOVABLE, PageKind.RECLAIMABLE]
    pfn = last_chunk(node)
    for number, kind in enumerate(kinds):
        assert node.alloc_at(pfn + number, 0, kind, owner=number + 1)
    found = as_blockers(find_blockers(node, pfn, pfn + 8))
    assert found == [
        Blocker(pfn + number, kind, 0, number + 1) for number, kind in enumerate(kinds) if kind in STAYING
    ]
    assert run_at(node, pfn + 1) == Blocker(pfn + 1, PageKind.PINNED, 0, 2)


def test_find_blockers_of_nothing() -> None:
    """Free memory and memory that is not there have none."""
    guest = toy_guest()
    assert find_blockers(guest.node, guest.nr_pages - 8, guest.nr_pages).shape == (0, 3)
    assert run_at(guest.node, guest.nr_pages - 1).kind is PageKind.NONE


def test_find_blockers_sees_a_run_that_begins_before() -> None:
    """A compound of the kernel that reaches into the range is told by its own first page."""
    node = toy_guest().node
    first = last_chunk(node)
    assert node.alloc_at(first, 4, PageKind.UNMOVABLE, owner=7)
    assert as_blockers(find_blockers(node, first + 8, first + 16)) == [
        Blocker(first, PageKind.UNMOVABLE, 4, 7)
    ]


def test_find_blockers_sees_a_cma_pageblock_as_one() -> None:
    """Nobody but CMA may have it, whatever its pages are."""
    guest = toy_guest(cma_areas=(CmaAreaSpec(name="dma", size=4 * MIB),))
    (area,) = guest.node.cma_areas.values()
    found = as_blockers(find_blockers(guest.node, area.start_pfn, area.start_pfn + 16))
    assert [(row.pfn, row.order, row.owner) for row in found] == [
        (area.start_pfn, 3, area.owner),
        (area.start_pfn + 8, 3, area.owner),
    ]
