"""Isolation, one lock section at a time: what stops it, what the test sees, what leaves a zone."""

import pytest

from app.mm.checks.invariants import verify
from app.mm.kernels import isolation, layout
from app.mm.kernels.isolation import MEMORY_OFFLINE, ORDINARY
from app.mm.page import Migratetype, PageKind
from app.mm.zone import ZoneId
from app.scenario.picture import LETTERS, draw, draw_free_blocks, draw_types
from tests.model.observed import observe, observe_lists, observe_runs
from tests.model.pictures import Style, parse

pytestmark = pytest.mark.interpreted

MOVABLE_TYPE = int(Migratetype.MOVABLE)
# Section 3, "movable by isolation", in a kernel zone.
STOPS = {
    PageKind.UNMOVABLE: (True, True),
    PageKind.UNMOVABLE_PAGES: (True, True),
    PageKind.RECLAIMABLE: (True, True),
    PageKind.RESERVED: (True, True),
    PageKind.OFFLINE: (True, False),
    PageKind.HWPOISON: (True, False),
}


@pytest.mark.parametrize("kind", [kind for kind in PageKind if kind is not PageKind.NONE])
@pytest.mark.parametrize("zone", [ZoneId.NORMAL, ZoneId.MOVABLE])
def test_pageblock_with_one_page_is_isolated_or_not(kind: PageKind, zone: ZoneId) -> None:
    """Section 3, 4.2, I-3: by kind, by who asks, and in ZONE_MOVABLE for reserved pages only."""
    for mode in (ORDINARY, MEMORY_OFFLINE):
        node = parse(f"|..{LETTERS[kind]}.|....|", Style(zone=zone))
        stops = STOPS.get(kind, (False, False))[mode]
        if zone is ZoneId.MOVABLE:
            stops = kind is PageKind.RESERVED
        assert int(isolation.isolate_pageblock(node.arrays, 1, mode, 0, node.nr_pages)) == (
            2 if stops else -1
        )
        assert draw_types(node) == ("MM" if stops else "IM")


def test_pageblock_that_is_isolated_answers_its_first_page() -> None:
    """I-2: the second caller is told where the first one is."""
    node = parse("|....|MMMM|")
    assert isolation.isolate_pageblock(node.arrays, 2, ORDINARY, 0, node.nr_pages) == -1
    assert isolation.isolate_pageblock(node.arrays, 2, ORDINARY, 0, node.nr_pages) == 0
    assert node.zones[ZoneId.NORMAL].nr_isolate == 1


@pytest.mark.parametrize("mode", [ORDINARY, MEMORY_OFFLINE])
def test_cma_pageblock_is_refused_to_everybody_here(mode: int) -> None:
    """4.2: ordinary users and offlining must not take CMA."""
    node = parse("|....|....|", Style(types="CM"))
    assert isolation.isolate_pageblock(node.arrays, 0, mode, 0, node.nr_pages) == 0


@pytest.mark.parametrize(("letter", "obstacle"), [("C", 4), ("S", 4), ("K", -1), ("G", -1), ("B", -1)])
def test_pageblock_of_tails_is_judged_by_the_head(letter: str, obstacle: int) -> None:
    """I-4, I-5, K-2: a compound's tail leads to the head; pages without a head show no reference."""
    node = parse(f"|{letter}---|----|")
    assert isolation.isolate_pageblock(node.arrays, 4, ORDINARY, 0, node.nr_pages) == obstacle


def test_pages_behind_tails_are_looked_at_too() -> None:
    """The check goes on where the run ends."""
    node = parse("|....T---|MU......|")
    assert isolation.isolate_pageblock(node.arrays, 8, ORDINARY, 0, node.nr_pages) == 9
    straddling = parse("|........|........|........|........|", Style(chunk_shift=2))
    assert isolation.isolate_pageblock(straddling.arrays, 8, ORDINARY, 0, straddling.nr_pages) == -1


def test_unisolate_merges_what_isolation_kept_apart() -> None:
    """4.4: the free block is taken out and freed again, at the tail."""
    node = parse("|....|MMMM|....|....|MMMM|MMMM|", Style())
    assert isolation.isolate_pageblock(node.arrays, 0, ORDINARY, 0, node.nr_pages) == -1
    node.free_runs(node.owned_pfns(5))
    for owner in (6, 7, 8):
        node.free_runs(node.owned_pfns(owner))
    assert draw_free_blocks(node)[:8] == "2   2   "
    isolation.unisolate_pageblock(node.arrays, 0, MOVABLE_TYPE)
    assert observe_lists(node) == {(2, 3, 1): [8, 0]}
    assert verify(node) == []


def test_unisolate_of_pageblock_that_is_not_isolated_does_nothing() -> None:
    """4.4: nothing to give back."""
    node = parse("|..M.|....|", Style(types="RM"))
    before = observe(node)
    isolation.unisolate_pageblock(node.arrays, 0, MOVABLE_TYPE)
    isolation.unisolate_range(node.arrays, 0, 8, MOVABLE_TYPE)
    assert observe(node) == before


def test_unisolate_beside_isolated_pageblock_only_moves() -> None:
    """4.4: what cannot merge yet is moved; the last one merges all."""
    node = parse("|....|....|....|....|", Style(chunk_shift=2))
    for pfn in (0, 4):
        assert isolation.isolate_pageblock(node.arrays, pfn, ORDINARY, 0, node.nr_pages) == -1
    isolation.settle_boundary(node.arrays, 8)
    isolation.unisolate_range(node.arrays, 0, 8, MOVABLE_TYPE)
    assert draw_free_blocks(node).split() == ["4"]
    assert verify(node) == []


def test_isolate_range_skips_holes() -> None:
    """4.3: offline memory inside a range is passed over."""
    node = parse("|....|....|    |    |....|....|", Style("linux-5.15"))
    assert isolation.isolate_range(node.arrays, 0, 24, ORDINARY, 0, 24) == -1
    assert node.zones[ZoneId.NORMAL].nr_isolate == 4
    isolation.unisolate_range(node.arrays, 0, 24, MOVABLE_TYPE)
    assert verify(node) == []


def test_isolate_range_over_movable_compound_asks_for_steps() -> None:
    """I-7: nothing is done, the caller has to migrate it on the way."""
    node = parse("|G---|----|....|....|")
    before = observe(node)
    assert isolation.isolate_range(node.arrays, 4, 8, ORDINARY, 4, 8) == isolation.STRADDLED
    assert isolation.isolate_range(node.arrays, 0, 4, ORDINARY, 0, 4) == isolation.STRADDLED
    assert observe(node) == before


def test_isolate_range_beside_kernel_compound_is_busy() -> None:
    """I-7: what cannot move stays over the boundary; with the last edge, the first comes back as well."""
    for start, end in ((4, 8), (0, 4)):
        node = parse("|B---|----|....|....|", Style(zone=ZoneId.MOVABLE))
        node.arrays.head[0] = int(PageKind.UNMOVABLE) | 3 << 4
        assert isolation.isolate_range(node.arrays, start, end, ORDINARY, start, end) == 0
        assert draw_types(node) == "MMMM"
    node = parse("|....|....|B---|----|", Style(zone=ZoneId.MOVABLE))
    node.arrays.head[1] = int(PageKind.UNMOVABLE) | 3 << 4
    assert isolation.isolate_range(node.arrays, 4, 12, ORDINARY, 4, 12) == 8
    assert node.zones[ZoneId.MOVABLE].nr_isolate == 0
    # A kernel compound in ZONE_MOVABLE is the test's own.
    assert {broken.id for broken in verify(node)} == {"INV-15"}


@pytest.mark.parametrize(
    ("boundary", "blocks"),
    [
        (4, "2   2   3       "),
        (8, "3       3       "),
        (12, "3       2   2   "),
        (0, "4               "),
        (16, "4               "),
    ],
)
def test_settle_boundary_cuts_free_block_into_aligned_pieces(boundary: int, blocks: str) -> None:
    """I-8: piece order = min(alignment, what fits up to the boundary or the end)."""
    node = parse("|....|....|....|....|    |    |    |    |", Style(chunk_shift=2))
    node.arrays.block_type[boundary >> 2 :] = Migratetype.ISOLATE
    node.arrays.block_type[: boundary >> 2] = Migratetype.MOVABLE
    isolation.settle_boundary(node.arrays, boundary)
    assert draw_free_blocks(node)[:16] == blocks


def test_settle_boundary_lists_pieces_at_the_head() -> None:
    """I-8: pieces are freed as any other page is."""
    node = parse("|....|MMMM|....|....|")
    node.arrays.block_type[3] = Migratetype.ISOLATE
    isolation.settle_boundary(node.arrays, 12)
    assert observe_lists(node) == {(2, 2, 1): [8, 0], (2, 2, 5): [12]}


@pytest.mark.parametrize("letter", ["K", "O", "R"])
def test_settle_boundary_ignores_what_is_no_compound(letter: str) -> None:
    """K-2; offline and reserved ranges are tiles."""
    pages = "K---|----" if letter == "K" else f"{letter * 4}|{letter * 4}"
    node = parse(f"|{pages}|....|....|")
    assert isolation.settle_boundary(node.arrays, 4) == -1
    assert draw(node) == f"|{pages}|....|....|"


@pytest.mark.parametrize(
    ("boundary", "first"), [(0, -1), (4, 0), (8, -1), (12, -1), (16, -1), (20, -1), (32, -1)]
)
def test_run_over_boundary_lies_on_both_sides_in_one_zone(boundary: int, first: int) -> None:
    """The node's ends, holes and other zones have nothing over them."""
    node = parse("|C---|----|....|M...|    |    |....|....|")
    node.arrays.block_zone[3] = ZoneId.MOVABLE + 1
    assert isolation.run_over(node.arrays, boundary) == first


@pytest.mark.parametrize(
    ("picture", "mode", "found"),
    [
        ("|....|....|", ORDINARY, -1),
        ("|....|..M.|", ORDINARY, 6),
        ("|....|.O..|", ORDINARY, 5),
        ("|....|.O..|", MEMORY_OFFLINE, -1),
        ("|....|..W.|", MEMORY_OFFLINE, -1),
        ("|....|..c.|", MEMORY_OFFLINE, 6),
        ("|K---|----|", ORDINARY, 0),
    ],
)
def test_find_not_isolated_passes_free_and_offline_pages(picture: str, mode: int, found: int) -> None:
    """I-12: everything isolated and free, or tolerated in memory-offline mode."""
    node = parse(picture)
    node.arrays.block_type[:] = Migratetype.ISOLATE
    assert int(isolation.find_not_isolated(node.arrays, 0, 8, mode)) == found


def test_find_not_isolated_from_inside_a_run_judges_the_run() -> None:
    """A free block that begins before is walked over; a used one stops at the first page asked for."""
    node = parse("|....|....|")
    node.arrays.block_type[:] = Migratetype.ISOLATE
    assert isolation.find_not_isolated(node.arrays, 5, 8, ORDINARY) == -1
    node = parse("|K---|----|")
    node.arrays.block_type[:] = Migratetype.ISOLATE
    assert isolation.find_not_isolated(node.arrays, 5, 8, ORDINARY) == 5


def test_find_not_isolated_meets_ordinary_pageblock() -> None:
    """I-12: every pageblock must be isolated."""
    node = parse("|M...|....|")
    node.arrays.block_type[1] = Migratetype.ISOLATE
    assert isolation.find_not_isolated(node.arrays, 1, 8, ORDINARY) == 1


def test_forget_range_counts_what_the_zone_managed() -> None:
    """HP-8: free and poisoned pages, not those that virtio-mem held; no byte and no owner is left."""
    node = parse("|..WW|OOOO|....|M...|")
    assert isolation.isolate_range(node.arrays, 0, 8, MEMORY_OFFLINE, 0, 8) == -1
    assert int(isolation.forget_range(node.arrays, 0, 8)) == 4
    assert not any(pfn < 8 for pfn in observe_lists(node).get((2, 1, 5), []))
    assert not any(layout.owner_at(node.arrays, pfn) for pfn in range(8))
    node.arrays.block_zone[:2] = 0
    assert all(pfn >= 8 for pfn in observe_runs(node))
