"""Loading a node from elsewhere: types, memmaps, counters and marks land where they belong."""

import numpy as np

from app.mm import hotplug, load
from app.mm.checks.invariants import verify
from app.mm.geometry import preset
from app.mm.kernels import layout
from app.mm.node import Node
from app.mm.outcome import Errno
from app.mm.page import Migratetype, PageKind
from app.mm.policies.policy import policy
from app.mm.watermark import Watermarks
from app.mm.zone import ZoneId
from tests.mm.small_nodes import toy_node


def test_set_watermarks_keeps_marks_and_reserves() -> None:
    """The marks are those given, until somebody computes them anew."""
    node = toy_node()
    load.set_watermarks(node, ZoneId.NORMAL, Watermarks(3, 5, 9), [1, 2, 3, 4])
    zone = node.zones[ZoneId.NORMAL]
    assert zone.watermarks == (3, 5, 9)
    assert [zone.lowmem_reserve(highest) for highest in ZoneId] == [1, 2, 3, 4]
    node.recompute_watermarks()
    assert zone.watermarks != (3, 5, 9)


def test_set_pageblock_types_writes_from_the_first_on() -> None:
    """Pageblocks behind those given keep their type."""
    node = toy_node()
    load.set_pageblock_types(node, np.array([Migratetype.UNMOVABLE, Migratetype.RECLAIMABLE], np.uint8))
    assert node.arrays.block_type[:3].tolist() == [
        Migratetype.UNMOVABLE,
        Migratetype.RECLAIMABLE,
        Migratetype.MOVABLE,
    ]


def test_set_run_makes_managed_pages_of_an_owner() -> None:
    """A run stands where nothing was yet, and its zone manages it."""
    node = Node(preset("toy"), policy("linux-5.19"), nr_pages=64)
    hotplug.boot_memory(node, 0, 64, ZoneId.NORMAL)
    load.set_run(node, 8, 3, kind=PageKind.THP, owner=5)
    assert node.owned_pfns(5).tolist() == [8]
    assert node.zones[ZoneId.NORMAL].managed == 8


def test_memmap_goes_away_with_its_memory_block() -> None:
    """Runs that were said to be a block's memmap are free again once the block is removed."""
    node = toy_node(3)
    order = node.geometry.pageblock_order
    size = node.geometry.memory_block_nr_pages
    pfns = [0, 1 << order]
    for pfn in pfns:
        assert node.alloc_at(pfn, order, PageKind.UNMOVABLE_PAGES, owner=0)
    load.set_memmap(node, 2, pfns)
    assert hotplug.offline_and_remove_memory(node, 2 * size, 3 * size).result is Errno.OK
    assert node.zones[ZoneId.NORMAL].nr_free == 2 * size
    assert [node.kind_of(pfn) for pfn in pfns] == [PageKind.FREE] * 2
    assert verify(node) == []


def test_set_managed_writes_the_counter() -> None:
    """What a zone manages is as said."""
    node = toy_node()
    load.set_managed(node, ZoneId.NORMAL, 77)
    assert node.zones[ZoneId.NORMAL].managed == 77


def test_set_reserved_highatomic_writes_the_counter() -> None:
    """The reserve counts what it is said to count."""
    node = toy_node()
    load.set_reserved_highatomic(node, ZoneId.NORMAL, 8)
    assert node.stat[ZoneId.NORMAL, layout.S_NR_RESERVED_HIGHATOMIC] == 8


def test_find_runs_returns_first_pages_ascending() -> None:
    """Runs of one kind, whatever their order; none is an empty array."""
    node = toy_node()
    assert node.alloc_at(8, 3, PageKind.THP, owner=5)
    assert node.alloc_at(3, 0, PageKind.THP, owner=5)
    assert load.find_runs(node, PageKind.THP).tolist() == [3, 8]
    assert load.find_runs(node, PageKind.HWPOISON).tolist() == []


def test_find_pcp_pages_remembers_what_a_drain_frees() -> None:
    """Pages of kind PCP wait until they are drained."""
    node = toy_node()
    assert node.alloc_at(5, 0, PageKind.PCP, owner=0)
    load.find_pcp_pages(node)
    assert node.pcp_pfns.tolist() == [5]
    assert node.drain_pcp() == 1
    assert node.kind_of(5) is PageKind.FREE
    assert verify(node) == []
