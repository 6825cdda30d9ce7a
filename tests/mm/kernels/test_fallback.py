"""Stealing between migratetypes, and the way of an allocation through zones and watermarks."""

import pytest

from app.mm import hotplug
from app.mm.geometry import Geometry
from app.mm.invariants import verify
from app.mm.kernels import fallback, layout
from app.mm.node import Node
from app.mm.page import PageKind
from app.mm.policy import policy
from app.mm.zone import ZoneId
from app.units import KIB
from tests.model.observed import observe_lists
from tests.model.pictures import Style, draw, draw_types, parse

pytestmark = pytest.mark.interpreted

BOTH = pytest.mark.parametrize("name", ["linux-5.15", "linux-5.19"])


@BOTH
@pytest.mark.parametrize(
    ("kind", "types", "taken"),
    [
        (PageKind.UNMOVABLE, "MMRR", 8),
        (PageKind.ANON, "UURR", 8),
        (PageKind.RECLAIMABLE, "MMUU", 8),
        (PageKind.UNMOVABLE, "MMMM", 8),
        (PageKind.RECLAIMABLE, "MMMM", 8),
        (PageKind.ANON, "UUUU", 8),
    ],
)
def test_steal_asks_types_in_their_order(kind: PageKind, types: str, taken: int, name: str) -> None:
    """B-13: each request has a first and a second type to fall back to; among equals the list's order decides."""
    picture = "|....|....|....|....|"
    node = parse(
        picture, Style(name, types=types, freed_in_order=(2, 3, 0, 1) if len(set(types)) == 1 else ())
    )
    assert node.alloc_page(kind, 0, 1) == taken
    assert verify(node) == []


@BOTH
@pytest.mark.parametrize("types", ["HHHH", "CCCC", "HHCC"])
@pytest.mark.parametrize("kind", [PageKind.UNMOVABLE, PageKind.ANON, PageKind.RECLAIMABLE])
def test_steal_never_touches_highatomic_and_cma(kind: PageKind, types: str, name: str) -> None:
    """B-13: these have no place in the table."""
    node = parse("|....|....|....|....|", Style(name, types=types))
    assert node.alloc_page(kind, 0, 1) == -1


@BOTH
def test_steal_of_whole_chunk_retypes_every_pageblock(name: str) -> None:
    """B-14: a block of at least a pageblock is claimed as it is; what is left over lies on the new type's lists."""
    node = parse("|....|....|....|....|", Style(name, chunk_shift=2))
    assert node.alloc_page(PageKind.UNMOVABLE, 0, 1) == 0
    assert draw_types(node) == "UUUU"
    assert observe_lists(node) == {(2, 0, 0): [1], (2, 1, 0): [2], (2, 2, 0): [4], (2, 3, 0): [8]}
    assert verify(node) == []


@BOTH
@pytest.mark.parametrize(
    ("picture", "kind", "new_type"),
    [
        # Free and movable pages are half of the block: it becomes MOVABLE.
        ("|MM..UUUU|UUUUUUUU|", PageKind.ANON, "M"),
        # A quarter is not enough: only the free pages go over.
        ("|..UUUUUU|UUUUUUUU|", PageKind.ANON, "U"),
    ],
)
def test_claim_for_movable_counts_movable_pages(
    name: str, picture: str, kind: PageKind, new_type: str
) -> None:
    """B-14, alike: what is free, and what on the block is movable, against half of it."""
    node = parse(picture, Style(name, types="UU"))
    assert node.alloc_page(kind, 0, 99) >= 0
    assert draw_types(node) == new_type + "U"
    assert all(key[2] == layout.MOVABLE for key in observe_lists(node))
    assert verify(node) == []


@BOTH
@pytest.mark.parametrize(
    ("picture", "types", "new_type"),
    [
        # From a MOVABLE block everything that is not movable is alike.
        ("|.UUUMMMM|MMMMMMMM|", "MM", "U"),
        ("|.UUMMMMM|MMMMMMMM|", "MM", "M"),
        # From any other block nothing is: only free pages count.
        ("|....SSSS|SSSSSSSS|", "RR", "U"),
        ("|..SSSSSS|SSSSSSSS|", "RR", "R"),
        # Hugetlb pages do not lie on the LRU, so they count as kernel pages.
        ("|..G-MMMM|MMMMMMMM|", "MM", "U"),
        # A huge page counts with all its pages, also those of movable operations.
        ("|.UUBT---|MMMMMMMM|", "MM", "M"),
    ],
)
def test_claim_for_unmovable_counts_what_is_alike(name: str, picture: str, types: str, new_type: str) -> None:
    """B-14, alike: for a kernel request it depends on the block's old type."""
    node = parse(picture, Style(name, types=types))
    assert node.alloc_page(PageKind.UNMOVABLE, 0, 99) == 0
    assert draw_types(node)[0] == new_type
    assert verify(node) == []


@BOTH
def test_movable_request_that_cannot_claim_takes_the_smallest(name: str) -> None:
    """B-14: pollute as little as possible: the smallest page instead of the largest, and only that one."""
    blocks = ["U" * 16 + "." + "U" * 15, "U" * 16 + ".." + "U" * 14]
    node = parse(f"|{'|'.join(blocks)}|", Style(name, types="UU"))
    assert node.alloc_page(PageKind.ANON, 0, 99) == 16
    assert observe_lists(node) == {(2, 1, 0): [48]}
    assert draw_types(node) == "UU"


@BOTH
def test_mixed_highatomic_page_is_never_claimed_as_a_block(name: str) -> None:
    """B-14, B-25: that one page moves, its pageblock's type stays."""
    node = parse("|....|UUUU|", Style(name, types="MU"))
    node.arrays.block_type[0] = layout.HIGHATOMIC
    assert node.alloc_page(PageKind.UNMOVABLE, 0, 99) == 0
    assert draw_types(node) == "HU"


GEOMETRY = Geometry("zones", 4 * KIB, 4, 3, 64 * KIB, 64 * KIB)


def node_of_zones(*zones: ZoneId) -> Node:
    """A node with one memory block, two pageblocks, in each of these zones, all of it free."""
    node = Node(GEOMETRY, policy("linux-5.19"), nr_pages=16 * len(zones))
    for number, zone in enumerate(zones):
        hotplug.boot_memory(node, 16 * number, 16 * number + 16, zone)
        node.set_free(16 * number, 16 * number + 16)
    return node


def test_allocation_prefers_the_highest_zone_it_may_use() -> None:
    """B-10: movable requests begin with ZONE_MOVABLE, all others with Normal; then lower ones."""
    node = node_of_zones(ZoneId.DMA32, ZoneId.NORMAL, ZoneId.MOVABLE)
    assert [node.alloc_page(PageKind.ANON, 4, 1) for _ in range(4)] == [32, 16, 0, -1]
    node = node_of_zones(ZoneId.DMA32, ZoneId.NORMAL, ZoneId.MOVABLE)
    assert [node.alloc_page(PageKind.UNMOVABLE, 4, 1) for _ in range(3)] == [16, 0, -1]
    assert verify(node) == []


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
    assert node.alloc_page(PageKind.ANON, 3, 1) == -1
    assert node.alloc_page(PageKind.ANON, 2, 1) == 8
    assert node.alloc_page(PageKind.ANON, 0, 1) == -1


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
    assert fallback.migratetype_of(int(kind)) == migratetype


@pytest.mark.parametrize("pfn", range(0, 16, 2))
def test_take_free_at_any_place_leaves_the_other_halves(pfn: int) -> None:
    """Every half that is not wanted is one free block; the counter falls by what was taken."""
    node = parse("|........|........|")
    assert node.alloc_at(pfn, 1, PageKind.UNMOVABLE, owner=1)
    assert sorted(len(pfns) for pfns in observe_lists(node).values()) == [1, 1, 1]
    assert draw(node).replace("|", "").index("U") == pfn
    assert verify(node) == []
