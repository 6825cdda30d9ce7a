"""The way of an allocation through lists, zones and watermarks."""

import pytest

from app.mm import hotplug
from app.mm.checks.invariants import verify
from app.mm.geometry import Geometry
from app.mm.kernels import allocation, layout
from app.mm.node import Node
from app.mm.page import PageKind, Request
from app.mm.policies.policy import POLICIES, policy
from app.mm.zone import ZoneId
from app.scenario.picture import draw
from app.units import KIB
from tests.model.observed import observe_lists
from tests.model.pictures import Style, parse

pytestmark = pytest.mark.interpreted

GEOMETRY = Geometry("zones", 4 * KIB, 4, 3, 64 * KIB, 64 * KIB)
ALL = pytest.mark.parametrize("name", sorted(POLICIES))


def node_of_zones(*zones: ZoneId, numa_nodes: tuple[int, ...] = ()) -> Node:
    """One memory block, two pageblocks, in each of these zones, all of it free; numa_nodes: the node of each."""
    nodes = numa_nodes or (0,) * len(zones)
    node = Node(GEOMETRY, policy("linux-5.19"), nr_pages=16 * len(zones), nr_numa_nodes=max(nodes) + 1)
    for number, (zone, numa_node) in enumerate(zip(zones, nodes, strict=True)):
        hotplug.boot_memory(node, 16 * number, 16 * number + 16, zone, numa_node=numa_node)
        node.set_free(16 * number, 16 * number + 16)
    return node


def test_allocation_prefers_the_highest_zone_it_may_use() -> None:
    """B-10: movable requests begin with ZONE_MOVABLE, all others with Normal; then lower ones."""
    node = node_of_zones(ZoneId.DMA32, ZoneId.NORMAL, ZoneId.MOVABLE)
    assert [node.alloc_page(PageKind.ANON, 4, 1) for _ in range(4)] == [32, 16, 0, -1]
    node = node_of_zones(ZoneId.DMA32, ZoneId.NORMAL, ZoneId.MOVABLE)
    assert [node.alloc_page(PageKind.UNMOVABLE, 4, 1) for _ in range(3)] == [16, 0, -1]
    assert verify(node) == []


# Zones of two NUMA nodes, and of three without a zone below Normal.
TWO_NODES = (ZoneId.DMA32, ZoneId.NORMAL, ZoneId.NORMAL, ZoneId.MOVABLE)
THREE_NODES = (ZoneId.NORMAL, ZoneId.NORMAL, ZoneId.NORMAL)


@pytest.mark.parametrize(
    ("kind", "numa_node", "pfns"),
    [
        (PageKind.ANON, 0, [16, 0, 48, 32, -1]),
        (PageKind.ANON, 1, [48, 32, 16, 0, -1]),
        (PageKind.UNMOVABLE, 0, [16, 0, 32, -1]),
        (PageKind.UNMOVABLE, 1, [32, 16, 0, -1]),
    ],
)
def test_allocation_takes_all_zones_of_a_node_before_another_s(
    kind: PageKind, numa_node: int, pfns: list[int]
) -> None:
    """B-10: the preferred node from its highest zone down; then the other one in the same way."""
    node = node_of_zones(*TWO_NODES, numa_nodes=(0, 0, 1, 1))
    assert [node.alloc_page(kind, 4, 1, numa_node=numa_node) for _ in pfns] == pfns
    assert verify(node) == []


@pytest.mark.parametrize(("numa_node", "pfns"), [(0, [0, 16, 32]), (1, [16, 32, 0]), (2, [32, 0, 16])])
def test_allocation_goes_around_the_nodes(numa_node: int, pfns: list[int]) -> None:
    """Nodes are as far from each other as their numbers: behind the last one comes the first."""
    node = node_of_zones(*THREE_NODES, numa_nodes=(0, 1, 2))
    assert [node.alloc_page(PageKind.ANON, 4, 1, numa_node=numa_node) for _ in pfns] == pfns


def test_kernel_request_breaks_up_a_near_pageblock_before_it_goes_to_another_node() -> None:
    """B-14, no-fragment: a whole pageblock of another node does not keep this one's from being stolen from."""
    node = node_of_zones(*TWO_NODES, numa_nodes=(0, 0, 1, 1))
    for pfn in (0, 8, 16, 24):
        assert node.alloc_at(pfn, 0, PageKind.ANON, owner=1)
    assert 16 <= node.alloc_page(PageKind.UNMOVABLE, 0, 2) < 32
    # Two nodes, and nothing below Normal: no care is taken, not even of near zones.
    node = node_of_zones(ZoneId.NORMAL, ZoneId.DMA32, numa_nodes=(1, 0))
    for pfn in (0, 8):
        assert node.alloc_at(pfn, 0, PageKind.ANON, owner=1)
    assert 0 <= node.alloc_page(PageKind.UNMOVABLE, 0, 2, numa_node=1) < 16


def test_allocation_keeps_reserves_and_marks_of_each_node() -> None:
    """B-20: a zone keeps its reserve from requests that could go above it, whatever node they prefer."""
    node = node_of_zones(*TWO_NODES, numa_nodes=(0, 0, 1, 1))
    node.stat[6, layout.S_RESERVE + ZoneId.MOVABLE] = 10
    node.stat[7, layout.S_WMARK_MIN : layout.S_WMARK_MIN + 3] = 4
    taken = [node.alloc_page(PageKind.ANON, 0, 1, numa_node=1) for _ in range(19)]
    assert [pfn >= 48 for pfn in taken] == [True] * 12 + [False] * 7
    assert [32 <= pfn < 48 for pfn in taken] == [False] * 12 + [True] * 6 + [False]


def test_kernel_request_avoids_breaking_pageblocks_of_any_zone_at_first() -> None:
    """B-14, no-fragment: a whole pageblock of a lower zone comes before a part of one in Normal."""
    node = node_of_zones(ZoneId.DMA32, ZoneId.NORMAL)
    assert node.alloc_at(16, 0, PageKind.ANON, owner=1)
    assert node.alloc_at(24, 0, PageKind.ANON, owner=1)
    assert node.alloc_page(PageKind.UNMOVABLE, 0, 2) == 0
    # With DMA32 broken up as well, Normal is asked first again.
    node = node_of_zones(ZoneId.DMA32, ZoneId.NORMAL)
    for pfn in (0, 8, 16, 24):
        assert node.alloc_at(pfn, 0, PageKind.ANON, owner=1)
    assert 16 <= node.alloc_page(PageKind.UNMOVABLE, 0, 2) < 32


def test_movable_request_with_populated_zone_movable_breaks_pageblocks() -> None:
    """No-fragment is for requests that prefer Normal: others take Normal's parts before a lower zone's block."""
    node = node_of_zones(ZoneId.DMA32, ZoneId.NORMAL, ZoneId.MOVABLE)
    node.arrays.block_type[2:4] = layout.UNMOVABLE
    node.free_runs(node.owned_pfns(1))
    for pfn in (16, 24):
        assert node.alloc_at(pfn, 0, PageKind.UNMOVABLE, owner=1)
    assert node.alloc_page(PageKind.ANON, 4, 2) == 32
    assert 16 <= node.alloc_page(PageKind.ANON, 0, 2) < 32


def test_watermarks_are_low_at_first_and_min_at_last() -> None:
    """B-20: a zone between min and low is asked when no other zone is above low."""
    node = node_of_zones(ZoneId.DMA32, ZoneId.NORMAL)
    node.stat[ZoneId.NORMAL, layout.S_WMARK_MIN : layout.S_WMARK_MIN + 2] = (4, 16)
    node.stat[ZoneId.DMA32, layout.S_WMARK_MIN : layout.S_WMARK_MIN + 2] = (8, 12)
    taken = [node.alloc_page(PageKind.ANON, 0, 1) for _ in range(22)]
    assert [pfn < 16 for pfn in taken[:4]] == [True] * 4
    assert [pfn < 16 for pfn in taken[4:16]] == [False] * 12
    assert [pfn < 16 for pfn in taken[16:20]] == [True] * 4
    assert taken[20:] == [-1, -1]


def test_lowmem_reserve_keeps_pages_from_higher_requests() -> None:
    """B-20: a request that could have been served from Normal leaves DMA32 its reserve."""
    node = node_of_zones(ZoneId.DMA32, ZoneId.NORMAL)
    node.stat[ZoneId.DMA32, layout.S_RESERVE + ZoneId.NORMAL] = 10
    assert node.alloc_pages(PageKind.UNMOVABLE, 0, 99, owner=1) == 16 + 6


def test_watermark_counts_no_cma_and_the_request_itself() -> None:
    """B-20: CMA pages are not for everybody; a large block counts all but one of its pages."""
    node = parse("|........|........|", Style(types="CM"))
    node.stat[ZoneId.NORMAL, layout.S_WMARK_MIN : layout.S_WMARK_MIN + 2] = 4
    assert node.alloc_page(PageKind.ANON, 3, 1, Request.NO_CMA) == -1
    assert node.alloc_page(PageKind.ANON, 2, 1, Request.NO_CMA) == 8
    assert node.alloc_page(PageKind.ANON, 0, 1, Request.NO_CMA) == -1


def test_order_above_every_free_block_is_refused_by_the_watermark() -> None:
    """B-20: enough pages, but none large enough of a type that the request may use."""
    node = parse("|........|M.......|")
    assert node.alloc_page(PageKind.HUGETLB, 4, 1) == -1
    assert node.alloc_page(PageKind.HUGETLB, 3, 1) == 0


@pytest.mark.parametrize(
    ("kind", "migratetype"),
    [
        (PageKind.ANON, layout.MOVABLE),
        (PageKind.FILE_DIRTY, layout.MOVABLE),
        (PageKind.PINNED, layout.MOVABLE),
        (PageKind.MOVABLE_OPS, layout.MOVABLE),
        (PageKind.RECLAIMABLE, layout.RECLAIMABLE),
        (PageKind.UNMOVABLE, layout.UNMOVABLE),
        (PageKind.UNMOVABLE_PAGES, layout.UNMOVABLE),
    ],
)
def test_class_of_an_allocation_follows_its_kind(kind: PageKind, migratetype: int) -> None:
    """Section 3: what can move, what can be reclaimed, and the rest."""
    assert allocation.migratetype_of(int(kind)) == migratetype


@pytest.mark.parametrize("pfn", range(0, 16, 2))
def test_take_free_at_any_place_leaves_the_other_halves(pfn: int) -> None:
    """Every half that is not wanted is one free block; the counter falls by what was taken."""
    node = parse("|........|........|")
    assert node.alloc_at(pfn, 1, PageKind.UNMOVABLE, owner=1)
    assert sorted(len(pfns) for pfns in observe_lists(node).values()) == [1, 1, 1]
    assert draw(node).replace("|", "").index("U") == pfn
    assert verify(node) == []


@ALL
@pytest.mark.parametrize(("types", "first"), [("CCMM", 8), ("CCCCMM", 0)])
def test_movable_request_balances_between_cma_and_its_own_lists(types: str, first: int, name: str) -> None:
    """B-11: CMA comes first when it holds more than half of what is free, else after the request's own lists."""
    node = parse("|" + "....|" * len(types), Style(name, types=types))
    assert node.alloc_page(PageKind.ANON, 0, 1) == first


@ALL
@pytest.mark.parametrize("kind", [PageKind.UNMOVABLE, PageKind.RECLAIMABLE, PageKind.PINNED])
def test_cma_is_for_movable_pages_without_a_long_pin(kind: PageKind, name: str) -> None:
    """B-11: kernel memory, and what is pinned, keeps out."""
    node = parse("|....|....|", Style(name, types="CC"))
    assert node.alloc_page(kind, 0, 1) == -1
    assert node.alloc_page(PageKind.ANON, 0, 1, Request.NO_CMA) == -1
    assert node.alloc_page(PageKind.ANON, 0, 1) == 0
