"""Nodes: memory in zones, and plain allocations on it."""

import numpy as np
import pytest

from app.mm.checks.invariants import verify
from app.mm.geometry import preset
from app.mm.node import Node
from app.mm.page import PageKind
from app.mm.policies.policy import policy
from app.mm.watermark import MinFree
from app.mm.zone import ZoneId
from app.scenario.picture import draw
from app.trace.sink import NullSink
from tests.model.observed import observe_lists
from tests.model.pictures import Style, parse

pytestmark = pytest.mark.interpreted


def test_node_without_memory_is_sound_and_gives_nothing() -> None:
    """Pages exist as numbers only; the span is rounded up to whole memory blocks."""
    node = Node(preset("toy"), policy("linux-5.19"), nr_pages=65)
    assert node.nr_pages == 128
    assert verify(node) == []
    assert node.alloc_page(PageKind.ANON, 0, 1) == -1
    assert node.kind_of(0) is PageKind.NONE
    assert node.zone_at(0) is None
    assert isinstance(node.sink, NullSink)


def test_kind_and_zone_of_any_page_are_found() -> None:
    """Inside a run, in a hole, and outside the node."""
    node = parse("|C---|..M.|    |    |")
    assert [node.kind_of(pfn) for pfn in (0, 3, 4, 6)] == [
        PageKind.UNMOVABLE,
        PageKind.UNMOVABLE,
        PageKind.FREE,
        PageKind.ANON,
    ]
    assert [node.kind_of(pfn) for pfn in (-1, 9, 999)] == [PageKind.NONE] * 3
    zone = node.zone_at(6)
    assert zone is not None
    assert zone.id is ZoneId.NORMAL
    assert node.zone_at(9) is None
    assert node.pageblock_zones().tolist() == [2, 2, -1, -1]


def test_is_one_zone_needs_online_memory_of_one_zone() -> None:
    """Empty, reversed, outside and mixed ranges are none."""
    node = parse("|....|....|....|....|    |    |")
    assert node.is_one_zone(0, 16)
    assert not any(
        node.is_one_zone(*pair) for pair in ((0, 0), (4, 2), (-4, 4), (12, 20), (16, 20), (0, 999))
    )
    node.arrays.block_zone[2:4] = ZoneId.MOVABLE + 1
    assert not node.is_one_zone(4, 12)


def test_is_all_looks_at_every_page() -> None:
    """One page of another kind is enough."""
    node = parse("|....|..M.|")
    assert node.is_all(0, 6, PageKind.FREE)
    assert not node.is_all(0, 8, PageKind.FREE)


def test_alloc_pages_takes_lists_in_their_order() -> None:
    """Smallest sufficient block first, its lower half; the upper halves go back."""
    node = parse("|M.......|........|")
    assert node.alloc_page(PageKind.ANON, 0, 5) == 1
    assert node.alloc_page(PageKind.ANON, 0, 5) == 2
    assert node.alloc_pages(PageKind.ANON, 1, 2, owner=5) == 2
    assert draw(node) == "|MMM.M-M-|........|"
    assert node.owned_pfns(5).tolist() == [1, 2, 4, 6]
    assert verify(node) == []


def test_alloc_pages_without_room_gives_what_there_is() -> None:
    """Nothing is given back: the caller decides."""
    node = parse("|MMMM|MM..|")
    assert node.alloc_pages(PageKind.UNMOVABLE, 0, 5, owner=9) == 2
    assert node.alloc_page(PageKind.UNMOVABLE, 0, 9) == -1
    assert verify(node) == []


def test_alloc_of_kernel_pages_never_uses_zone_movable() -> None:
    """B-10: unmovable and reclaimable classes may not; movable ones may."""
    node = parse("|....|....|", Style(zone=ZoneId.MOVABLE))
    for kind in (PageKind.UNMOVABLE, PageKind.UNMOVABLE_PAGES, PageKind.RECLAIMABLE):
        assert node.alloc_page(kind, 0, 1) == -1
    assert node.alloc_page(PageKind.PINNED, 0, 1) == 0


def test_alloc_below_watermark_is_refused() -> None:
    """B-20: free pages must stay above min and the reserve; a larger order asks for more."""
    node = parse("|........|........|")
    node.stat[ZoneId.NORMAL, 7:10] = (12, 14, 15)
    assert node.alloc_page(PageKind.ANON, 2, 1) == 0
    assert node.alloc_page(PageKind.ANON, 0, 1) == -1
    assert verify(node) == []


def test_alloc_at_takes_exactly_these_pages() -> None:
    """The other halves go to the heads of their lists; used and absent pages are refused."""
    node = parse("|........|........|M.......|........|")
    assert node.alloc_at(12, 1, PageKind.UNMOVABLE, owner=3)
    assert draw(node) == "|........|....U-..|M.......|........|"
    assert observe_lists(node)[2, 1, 1] == [14, 18]
    assert not node.alloc_at(12, 0, PageKind.ANON, owner=3)
    assert not node.alloc_at(16, 3, PageKind.ANON, owner=3)
    assert not node.alloc_at(-8, 0, PageKind.ANON, owner=3)
    assert not node.alloc_at(64, 0, PageKind.ANON, owner=3)
    assert verify(node) == []


def test_free_runs_in_given_order_merges() -> None:
    """Freed pages belong to nobody, and the last one makes the pageblock whole."""
    node = parse("|MMMM|....|")
    assert node.free_runs(np.array([2, 0, 3, 1])) == 4
    assert observe_lists(node) == {(2, 3, 1): [0]}
    assert node.owned_pfns(1).size == 0
    assert verify(node) == []


def test_drain_pcp_gives_cached_pages_back_once() -> None:
    """B-21: pages on per-cpu lists are free again, and forgotten there."""
    node = parse("|cc..|....|")
    node.pcp_pfns = np.array([0, 1])
    assert verify(node) == []
    assert node.drain_pcp() == 2
    assert node.drain_pcp() == 0
    assert draw(node) == "|....|....|"
    assert verify(node) == []


def test_set_kind_tiles_pages_that_the_buddy_never_had() -> None:
    """Reserved pages are present, and not managed."""
    node = Node(preset("toy"), policy("linux-5.19"), nr_pages=64)
    node.put_in_zone(0, 64, ZoneId.NORMAL)
    node.memory_blocks.set_online(0, 1, ZoneId.NORMAL)
    node.set_kind(0, 24, PageKind.RESERVED)
    node.set_free(24, 64)
    assert (node.zones[ZoneId.NORMAL].present, node.zones[ZoneId.NORMAL].managed) == (64, 40)
    assert verify(node) == []


def test_recompute_watermarks_follows_what_zones_manage() -> None:
    """INV-29: min, low and high rise; more pages, higher marks."""
    node = Node(preset("x86-64"), policy("linux-5.19"), nr_pages=1 << 16, min_free=MinFree(user_kbytes=4096))
    node.put_in_zone(0, 1 << 15, ZoneId.NORMAL)
    node.set_free(0, 1 << 15)
    node.recompute_watermarks()
    before = node.zones[ZoneId.NORMAL].watermarks
    assert 0 < before.min < before.low < before.high
    node.put_in_zone(1 << 15, 1 << 16, ZoneId.NORMAL)
    node.set_free(1 << 15, 1 << 16)
    node.recompute_watermarks()
    assert node.zones[ZoneId.NORMAL].watermarks.low > before.low
