"""Invariants: a sound node breaks none, each law broken in the arrays is reported, and nothing hangs the checker."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mm.checks.invariants import verify, verify_reserves, verify_watermarks
from app.mm.checks.laws import Weight
from app.mm.checks.violation import Violation
from app.mm.cma import declare_area
from app.mm.contig import contig_sections
from app.mm.isolation import start_isolate_page_range
from app.mm.kernels import allocation, buddy, layout
from app.mm.kernels.findings import MOST_PLACES
from app.mm.node import Node
from app.mm.outcome import Caller
from app.mm.page import Migratetype, PageKind
from app.mm.sections import Point
from app.mm.zone import ZoneId
from tests.mm.small_nodes import toy_node, two_nodes
from tests.model.pictures import Style, parse

pytestmark = pytest.mark.interpreted

# Free: a pageblock (pfn 0), one page and blocks of 1 and 2 (pfns 9, 10, 12), a chunk (pfn 16).
PICTURE = "|........|M.......|........|........|"
NORMAL = ZoneId.NORMAL


def ids_of(broken: list[Violation]) -> set[str]:
    """Returns which laws are broken."""
    return {violation.id for violation in broken}


def set_type(node: Node, block: int, migratetype: int) -> None:
    """Writes a pageblock's type, and nothing that goes with it."""
    node.arrays.block_type[block] = migratetype


def set_stat(node: Node, column: int, change: int) -> None:
    """Changes one counter of zone Normal."""
    node.stat[NORMAL, column] += change


def leave_buddies_unmerged(node: Node) -> None:
    """Two free blocks of order 1 side by side, both listed and counted."""
    assert allocation.take_free_at(node.arrays, int(NORMAL), 12, 1)
    set_stat(node, layout.S_NR_FREE, 2)
    layout.set_head(node.arrays, 14, int(PageKind.ANON), 1)
    set_stat(node, layout.S_NR_FREE, -2)
    buddy.free_at_tail(node.arrays, 12, 14)
    layout.set_head(node.arrays, 14, int(PageKind.FREE), 1)


def unlist_chunk(node: Node) -> None:
    """The chunk at 16 is on no list: its neighbours name each other."""
    row = 2 * 1
    after, before = int(node.arrays.link[row]), int(node.arrays.link[row + 1])
    node.arrays.link[2 * before] = after
    node.arrays.link[2 * after + 1] = before


def misalign_free(node: Node) -> None:
    """The free block at 10 begins one page later."""
    layout.clear_head(node.arrays, 10)
    layout.set_head(node.arrays, 11, int(PageKind.FREE), 1)


def give_chunk_two_zones(node: Node) -> None:
    """The second half of the chunk at 16 is in another zone."""
    node.arrays.block_zone[3] = ZoneId.MOVABLE + 1


def list_as_highatomic(node: Node) -> None:
    """The pageblock at 0 is on a HIGHATOMIC list, and MOVABLE."""
    set_type(node, 0, Migratetype.HIGHATOMIC)
    assert node.alloc_at(0, 3, PageKind.ANON, owner=1)
    node.free_runs(np.array([0]))
    set_type(node, 0, Migratetype.MOVABLE)


def put_slab(node: Node, migratetype: Migratetype) -> None:
    """The page in use becomes slab, in a pageblock of this type, whose free pages are on its lists."""
    for pfn, order in ((9, 0), (10, 1), (12, 2)):
        assert node.alloc_at(pfn, order, PageKind.ANON, owner=1)
    set_type(node, 1, migratetype)
    for pfn, order in ((9, 0), (10, 1), (12, 2)):
        layout.set_head(node.arrays, pfn, int(PageKind.ANON), order)
    node.free_runs(np.array([9, 10, 12]))
    layout.set_head(node.arrays, 8, int(PageKind.RECLAIMABLE), 0)


def raise_marks(node: Node) -> None:
    """Each mark is a million pages above the one before."""
    for number, column in enumerate((layout.S_WMARK_MIN, layout.S_WMARK_LOW, layout.S_WMARK_HIGH), start=1):
        set_stat(node, column, number * 1_000_000)


# Free pages that are not where lists and counters have them: less is free and managed than counted.
LOST_FREE = {"INV-3", "INV-8", "INV-9", "INV-13"}
# What breaks, by which act, and every law that is broken then.
BREAKS: tuple[tuple[str, Callable[[Node], object], set[str]], ...] = (
    ("free block misaligned", misalign_free, {"INV-1", "INV-2", *LOST_FREE}),
    (
        "free block too large",
        lambda node: layout.set_head(node.arrays, 0, int(PageKind.FREE), 5),
        {"INV-1", *LOST_FREE},
    ),
    ("free block over two zones", give_chunk_two_zones, {"INV-1", *LOST_FREE}),
    (
        "zone byte names no zone",
        lambda node: node.arrays.block_zone.__setitem__(1, 200),
        {"INV-1", "INV-2", "INV-7", *LOST_FREE},
    ),
    ("page in no run", lambda node: layout.clear_head(node.arrays, 8), {"INV-2", "INV-7", "INV-13"}),
    ("run inside a run", lambda node: layout.set_head(node.arrays, 18, int(PageKind.ANON), 0), {"INV-2"}),
    ("free block that has an owner", lambda node: layout.set_owner(node.arrays, 0, 7), {"INV-2"}),
    (
        "page on a per-cpu list that nobody knows",
        lambda node: layout.set_head(node.arrays, 8, int(PageKind.PCP), 0),
        {"INV-2"},
    ),
    (
        "page known to be on a per-cpu list that is elsewhere",
        lambda node: setattr(node, "pcp_pfns", np.array([8])),
        {"INV-2"},
    ),
    (
        "reserved range misaligned",
        lambda node: layout.set_head(node.arrays, 8, int(PageKind.RESERVED), 4),
        {"INV-2", "INV-13"},
    ),
    ("free block on no list", unlist_chunk, {"INV-3"}),
    ("neighbours in a list apart", lambda node: node.arrays.link.__setitem__(3, 0), {"INV-3"}),
    ("counter of list entries", lambda node: node.nr_free[NORMAL].__setitem__(3, 0), {"INV-3"}),
    (
        "list entry of another order",
        lambda node: layout.set_head(node.arrays, 12, int(PageKind.FREE), 1),
        {"INV-2", *LOST_FREE},
    ),
    (
        "list of another type",
        lambda node: set_type(node, 0, Migratetype.HIGHATOMIC),
        {"INV-4", "INV-12"},
    ),
    ("type byte names no type", lambda node: set_type(node, 1, 77), {"INV-4", "INV-8", "INV-10"}),
    ("buddies unmerged", leave_buddies_unmerged, {"INV-5"}),
    (
        "types merged",
        lambda node: set_type(node, 3, Migratetype.HIGHATOMIC),
        {"INV-4", "INV-6", "INV-12"},
    ),
    (
        "compound misaligned",
        lambda node: layout.set_head(node.arrays, 8, int(PageKind.UNMOVABLE), 4),
        {"INV-7", "INV-13"},
    ),
    ("second owner inside a run", lambda node: layout.set_owner(node.arrays, 18, 7), {"INV-7"}),
    ("NR_FREE", lambda node: set_stat(node, layout.S_NR_FREE, -1), {"INV-8"}),
    ("NR_FREE_CMA", lambda node: set_stat(node, layout.S_NR_FREE_CMA, 1), {"INV-8", "INV-9"}),
    ("NR_FREE below nothing", lambda node: set_stat(node, layout.S_NR_FREE, -100), {"INV-8", "INV-9"}),
    ("NR_FREE above managed", lambda node: set_stat(node, layout.S_NR_FREE, 2), {"INV-8", "INV-9"}),
    (
        "isolated pageblock on an ordinary list",
        lambda node: set_type(node, 0, Migratetype.ISOLATE),
        {"INV-4", "INV-8", "INV-10", "INV-11"},
    ),
    ("nr_isolate", lambda node: set_stat(node, layout.S_NR_ISOLATE, 1), {"INV-11"}),
    (
        "pageblock left isolated",
        lambda node: start_isolate_page_range(node, 0, 8, Caller.ORDINARY),
        {"INV-11"},
    ),
    ("HIGHATOMIC list", list_as_highatomic, {"INV-4", "INV-12"}),
    ("reserve", lambda node: set_stat(node, layout.S_NR_RESERVED_HIGHATOMIC, 8), {"INV-12"}),
    ("managed", lambda node: set_stat(node, layout.S_MANAGED, 1), {"INV-13"}),
    ("present", lambda node: set_stat(node, layout.S_PRESENT, 8), {"INV-13"}),
    ("span", lambda node: set_stat(node, layout.S_END_PFN, -1), {"INV-13"}),
    ("memory block's state", lambda node: node.memory_blocks.set_offline(1), {"INV-13"}),
    ("kernel page in CMA", lambda node: put_slab(node, Migratetype.CMA), {"INV-15"}),
    (
        "watermarks out of order",
        lambda node: set_stat(node, layout.S_WMARK_MIN, 5),
        {"INV-29"},
    ),
    ("minima above what there is to share", raise_marks, {"INV-29"}),
    ("memory block's zone", lambda node: node.memory_blocks.set_online(1, 2, ZoneId.MOVABLE), {"INV-13"}),
)


def test_verify_of_sound_node_finds_nothing() -> None:
    """The picture that the other tests break is sound."""
    assert verify(parse(PICTURE)) == []


@pytest.mark.parametrize(("act", "broken"), [case[1:] for case in BREAKS], ids=[case[0] for case in BREAKS])
def test_verify_of_broken_law_reports_it(act: Callable[[Node], object], broken: set[str]) -> None:
    """Each law is broken in the arrays, and seen; nothing else is reported than what breaks with it."""
    node = parse(PICTURE)
    act(node)
    assert ids_of(verify(node)) == broken


def test_every_law_of_a_state_is_broken_once() -> None:
    """No check is kept that was never seen to fail; INV-16 has tests of its own (test_area_check)."""
    laws = {f"INV-{number}" for number in (*range(1, 14), 15, 29)}
    assert set().union(*(case[2] for case in BREAKS)) == laws


@pytest.mark.parametrize(
    ("name", "blocks", "weights"),
    [
        ("linux-5.19", 1, []),
        ("linux-5.19", 2, [Weight.FAILURE]),
        ("linux-6.10", 2, []),
        ("linux-6.10", 3, [Weight.FAILURE]),
        ("linux-6.12", 1, [Weight.FAILURE]),
    ],
)
def test_verify_reserves_above_limit_is_a_failure(name: str, blocks: int, weights: list[Weight]) -> None:
    """B-22: the last reservation begins below the limit; one of 6.10 takes a chunk, and 6.12 none in a small zone."""
    node = parse(PICTURE, Style(name))
    set_stat(node, layout.S_NR_RESERVED_HIGHATOMIC, 8 * blocks)
    assert [broken.weight for broken in verify_reserves(node)] == weights


def test_verify_reserves_of_zone_that_shrank_is_a_finding() -> None:
    """B-22: the limit is not looked at again when memory goes."""
    node = parse("|" + "........|" * 64, Style("linux-5.19"))
    set_stat(node, layout.S_NR_RESERVED_HIGHATOMIC, 16)
    assert verify_reserves(node) == []
    set_stat(node, layout.S_MANAGED, -500)
    assert [(broken.id, broken.weight) for broken in verify_reserves(node)] == [("INV-12", Weight.FINDING)]


def test_verify_of_hidden_byte_reports_it() -> None:
    """Bytes that no page reads, as the second place of a chunk's first pageblock, must stay 0 too."""
    node = parse(PICTURE)
    node.arrays.head[node.arrays.geo.nr_chunks] = 1
    assert ids_of(verify(node)) == {"INV-2"}


@pytest.mark.parametrize(("name", "weight"), [("linux-5.15", Weight.FINDING), ("linux-6.12", Weight.FAILURE)])
def test_verify_of_mixed_highatomic_is_a_finding_where_releases_mix(name: str, weight: Weight) -> None:
    """B-25: a merged chunk and a mixed list; from 5.19 on no merge does that, and from 6.10 on no reserve."""
    node = parse(PICTURE, Style(name))
    set_type(node, 3, Migratetype.HIGHATOMIC)
    set_stat(node, layout.S_NR_RESERVED_HIGHATOMIC, 8)
    mixed = [broken for broken in verify(node) if broken.id in ("INV-4", "INV-6")]
    assert {broken.id for broken in mixed} == {"INV-4", "INV-6"}
    assert {broken.weight for broken in mixed} == {weight}


def test_verify_of_types_that_fall_back_to_each_other_follows_the_accounting() -> None:
    """INV-4: from 6.10 on, a list holds pageblocks of its own type only."""
    old, new = parse(PICTURE, Style("linux-5.19")), parse(PICTURE, Style("linux-6.12"))
    for node in (old, new):
        set_type(node, 0, Migratetype.RECLAIMABLE)
    assert verify(old) == []
    assert {(broken.id, broken.weight) for broken in verify(new)} == {("INV-4", Weight.FAILURE)}


def test_verify_of_linux_6_10_finds_what_was_freed_under_the_head_type() -> None:
    """S16, B-9: kernel pages over two types go to one list, whole; 6.12 cuts them."""
    for name, weights in (("linux-6.10", {Weight.FINDING}), ("linux-6.12", set())):
        node = parse("|K---|----|", Style(name, types="UM"))
        node.free_runs(np.array([0]))
        assert {broken.weight for broken in verify(node)} == weights


def race_while_giving_back(node: Node) -> None:
    """A failed range gives back a free chunk, pageblock by pageblock; somebody allocates a page in between."""
    sections = contig_sections(node, 0, 16, kind=PageKind.UNMOVABLE)
    for section in sections:
        if section == (Point.UNDO, 0, ""):
            assert node.alloc_page(PageKind.ANON, 0, 99) == 0


def test_verify_after_race_with_undo_finds_pages_counted_twice_in_5_15() -> None:
    """B-18, 4.4: the first pageblock's undo moves the chunk, the second one's counts its half again; 6.10 cuts it."""
    for name, broken in (
        ("linux-5.15", [("INV-8", "zone Normal, NR_FREE", "7, counted anew", "11", Weight.FINDING)]),
        ("linux-6.12", []),
    ):
        node = parse("|....|....|UUUU|UUUU|", Style(name))
        race_while_giving_back(node)
        assert verify(node) == broken


def test_verify_after_two_operations_in_one_chunk_finds_cma_mixed_in_5_19() -> None:
    """B-4, 4.4: what is free in both merges while both are isolated, and undoing the first one moves it all."""
    for name, laws in (("linux-5.19", {"INV-4", "INV-6", "INV-8"}), ("linux-6.12", set())):
        node = parse("|M...|....|", Style(name, types="MC"))
        area = declare_area(node, "dma", 4, 8)
        ordinary = contig_sections(node, 0, 4, kind=PageKind.UNMOVABLE, is_interrupted=True)
        cma = contig_sections(
            node, 4, 8, kind=PageKind.UNMOVABLE, owner=area.owner, caller=Caller.CMA, is_interrupted=True
        )
        for sections in (ordinary, cma):
            while next(sections).point is not Point.DRAIN:
                pass
        node.free_runs(np.array([0]))
        for sections in (ordinary, cma):
            for _ in sections:
                pass
        broken = verify(node)
        assert ids_of(broken) == laws
        assert {violation.weight for violation in broken} <= {Weight.FINDING}


def test_verify_of_nr_free_too_low_is_a_failure_where_races_only_add() -> None:
    """I-9a leaves pages counted twice, never pages not counted."""
    for change, weight in ((1, Weight.FINDING), (-1, Weight.FAILURE)):
        node = parse(PICTURE, Style("linux-5.19"))
        set_stat(node, layout.S_NR_FREE, change)
        assert {broken.weight for broken in verify(node)} == {weight}


def test_verify_during_an_operation_allows_isolated_pageblocks() -> None:
    """Only at rest must no pageblock be isolated."""
    node = parse(PICTURE)
    assert start_isolate_page_range(node, 0, 32, Caller.ORDINARY) == -1
    assert verify(node, is_operating=True) == []
    assert ids_of(verify(node)) == {"INV-11"}


def test_verify_of_many_broken_places_names_some() -> None:
    """A wrecked node gives a short report, which says how much more there is."""
    node = parse(PICTURE)
    for pfn in range(17, 32):
        layout.set_head(node.arrays, pfn, int(PageKind.ANON), 0)
    strays = [broken for broken in verify(node) if broken.id == "INV-2"]
    assert len(strays) == MOST_PLACES + 1
    assert strays[0] == Violation(
        "INV-2", "zone Normal, pfn 17", "nothing: inside the run at pfn 16", "anon of order 0"
    )
    assert strays[-1].where == "elsewhere"
    assert strays[-1].found == f"{15 - MOST_PLACES} more"


@pytest.mark.boundscheck
@given(data=st.data())
def test_verify_of_any_bytes_ends_and_reports_something(data: st.DataObject) -> None:
    """Whatever the arrays hold, the checker comes back; a byte that matters is noticed."""
    node = parse("|..K-UMU.|T-------|........|O.......|")
    name = data.draw(st.sampled_from(["head", "owner", "link", "block_type", "block_zone"]))
    array = getattr(node.arrays, name)
    places = data.draw(st.lists(st.integers(0, array.size - 1), min_size=1, max_size=40))
    limits = np.iinfo(array.dtype)
    before = array.copy()
    for place in places:
        array[place] = data.draw(st.integers(int(limits.min), int(limits.max)))
    broken = verify(node)
    # A head byte that comes or goes leaves a gap, or is too much; other bytes may be right by chance.
    if name == "head" and np.count_nonzero(array) != np.count_nonzero(before):
        assert broken
    assert all(violation.id.startswith("INV-") for violation in broken)


def test_watermarks_are_checked_alone() -> None:
    """Marks that were found elsewhere can be told from those that the zones could have."""
    node = toy_node()
    node.recompute_watermarks()
    assert verify_watermarks(node) == []
    node.stat[ZoneId.NORMAL, layout.S_NR_FREE] += 1
    assert verify_watermarks(node) == []
    node.stat[ZoneId.NORMAL, layout.S_WMARK_MIN + 1] = 0
    assert {row.id for row in verify_watermarks(node)} == {"INV-29"}


def test_laws_are_checked_on_every_node() -> None:
    """A wrong counter, list or byte of node 1 is found, and named after it."""
    node = two_nodes()
    assert verify(node) == []
    node.stat[6, layout.S_NR_FREE] += 1
    (found,) = verify(node)[:1]
    assert (found.id, found.where) == ("INV-8", "zone Normal of node 1, NR_FREE")
    node = two_nodes()
    node.memory_blocks.set_numa_node(3, 4, 0)
    node.memory_blocks.set_online(3, 4, NORMAL)
    assert {violation.id for violation in verify(node)} == {"INV-13"}
    node = two_nodes()
    node.arrays.block_zone[31] = 9
    assert "INV-1" in {violation.id for violation in verify(node)}
