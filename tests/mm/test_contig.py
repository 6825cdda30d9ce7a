"""Contiguous allocation: what is taken, what is moved, and how a failure leaves memory."""

import pytest

from app.mm import contig
from app.mm.checks.invariants import verify
from app.mm.contig import alloc_contig_range, free_contig_range, is_contig_range
from app.mm.node import Node
from app.mm.outcome import ContigOutcome, Errno, Obstacle
from app.mm.page import PageKind
from app.mm.zone import ZoneId
from app.scenario.picture import draw, draw_types
from app.trace.events import ContigAttempted
from app.trace.sink import ListSink
from tests.model.observed import observe_lists, observe_runs
from tests.model.pictures import Style, parse

pytestmark = pytest.mark.interpreted

BOTH = pytest.mark.parametrize("policy", ["linux-5.15", "linux-5.19"])


def take(node: Node, start_pfn: int, end_pfn: int) -> ContigOutcome:
    """Takes a range for owner 99, and checks every law afterwards."""
    outcome = alloc_contig_range(node, start_pfn, end_pfn, kind=PageKind.UNMOVABLE, owner=99)
    assert verify(node) == []
    return outcome


@BOTH
def test_alloc_of_free_pages_takes_exactly_them(policy: str) -> None:
    """C-2: single pages of the caller's; what was taken around them is given back."""
    node = parse("|........|........|", Style(policy))
    assert take(node, 3, 6).result is Errno.OK
    assert draw(node) == "|...UUU..|........|"
    assert is_contig_range(node, 3, 6, kind=PageKind.UNMOVABLE, owner=99)
    assert not is_contig_range(node, 2, 6, kind=PageKind.UNMOVABLE, owner=99)
    assert not is_contig_range(node, 3, 6, kind=PageKind.UNMOVABLE, owner=98)
    assert not is_contig_range(node, 14, 99, kind=PageKind.UNMOVABLE, owner=99)


@BOTH
def test_alloc_moves_pages_and_drops_clean_ones(policy: str) -> None:
    """INV-24, INV-25: every other page keeps its owner and its kind; a huge page moves as a unit."""
    node = parse("|MfF...B.|T-------|........|........|........|........|", Style(policy))
    before = observe_runs(node)
    outcome = take(node, 0, 16)
    assert (outcome.nr_migrated, outcome.nr_migrated_huge, outcome.nr_huge, outcome.nr_dropped) == (
        11,
        8,
        1,
        1,
    )
    assert draw(node).startswith("|UUUUUUUU|UUUUUUUU|")
    moved = {run.owner: (run.kind, run.order) for run in observe_runs(node).values() if 0 < run.owner < 99}
    kept = {run.owner: (run.kind, run.order) for run in before.values() if run.owner}
    assert moved == {owner: run for owner, run in kept.items() if run[0] != PageKind.FILE_CLEAN}


@BOTH
def test_alloc_with_pinned_page_moves_the_rest_of_its_batch(policy: str) -> None:
    """C-6: no partial success, but what was migrated stays migrated."""
    node = parse("|MPM.....|........|........|........|", Style(policy))
    outcome = take(node, 0, 8)
    assert outcome == ContigOutcome(
        Errno.EBUSY,
        "migrate",
        Obstacle(1, PageKind.PINNED),
        nr_migrated=2,
        nr_pageblocks=2 if policy == "linux-5.15" else 1,
    )
    assert draw(node).startswith("|.P......|")


@BOTH
def test_alloc_with_pinned_page_leaves_later_batches(policy: str) -> None:
    """C-4: a batch ends at 32 pages, and the one with the pin is the last."""
    pages = "P" + "M" * 31 + "MM" + "." * 30
    node = parse(f"|{pages}|{'.' * 64}|{'.' * 64}|{'.' * 64}|", Style(policy))
    outcome = take(node, 0, 64)
    assert (outcome.result, outcome.nr_migrated) == (Errno.EBUSY, 31)
    assert draw(node).startswith("|P" + "." * 31 + "MM.")


@BOTH
def test_alloc_without_place_splits_a_huge_page(policy: str) -> None:
    """A huge page that finds no huge place goes page by page, and belongs to its owner still."""
    node = parse("|T---|....|U.U.|.U.U|.UU.|.UU.|", Style(policy))
    outcome = take(node, 0, 8)
    assert (outcome.result, outcome.nr_migrated, outcome.nr_huge) == (Errno.OK, 4, 0)
    assert len(node.owned_pfns(1)) == 4


def test_alloc_that_begins_inside_a_movable_compound_moves_it_whole() -> None:
    """K-1: a tail leads to its head."""
    node = parse("|T---|....|....|....|")
    assert take(node, 2, 4).nr_migrated == 4
    assert draw(node).startswith("|..UU|")


@BOTH
def test_alloc_drops_per_cpu_pages_first(policy: str) -> None:
    """B-21: cached pages are drained, or they would stand in the way."""
    node = parse("|.c......|........|", Style(policy))
    node.pcp_pfns = node.owned_pfns(2)
    assert take(node, 0, 8).result is Errno.OK


@pytest.mark.parametrize("pair", [(0, 0), (8, 4), (-8, 8), (24, 40), (0, 99), (12, 20)])
def test_alloc_of_impossible_range_is_einval(pair: tuple[int, int]) -> None:
    """Empty, reversed, outside, into a hole, over two zones: nothing is done."""
    node = parse("|........|........|........|........|        |        |")
    node.arrays.block_zone[2:4] = ZoneId.MOVABLE + 1
    drawn = draw(node)
    outcome = alloc_contig_range(node, *pair, kind=PageKind.UNMOVABLE)
    assert (outcome.result, outcome.step) == (Errno.EINVAL, "isolate")
    assert draw(node) == drawn


def test_alloc_of_offline_kind_tiles_the_range() -> None:
    """Pages that nobody frees one by one are few runs; an owner is at their heads only."""
    node = parse("|....|....|....|....|", Style(chunk_shift=2))
    assert alloc_contig_range(node, 4, 16, kind=PageKind.OFFLINE, owner=5).result is Errno.OK
    runs = {
        pfn: (run.order, run.owner) for pfn, run in observe_runs(node).items() if run.kind == PageKind.OFFLINE
    }
    assert runs == {4: (2, 5), 8: (3, 5)}
    assert node.arrays.owner.sum() == 10


@BOTH
def test_free_contig_range_gives_all_back(policy: str) -> None:
    """Ascending; memory is whole again."""
    node = parse("|........|........|", Style(policy))
    assert take(node, 1, 13).result is Errno.OK
    assert free_contig_range(node, 1, 13) == 12
    assert observe_lists(node) == {(2, 4, 1): [0]}
    assert verify(node) == []


def test_every_attempt_is_an_event() -> None:
    """Result and step of each call, in order; refused ones too."""
    node = parse("|....|U...|")
    sink = ListSink()
    node.sink = sink
    take(node, 0, 2)
    take(node, 4, 8)
    take(node, 9, 8)
    assert sink.events == [
        ContigAttempted(0, 2, "0", "", 0),
        ContigAttempted(4, 8, "EBUSY", "isolate", 0),
        ContigAttempted(9, 8, "EINVAL", "isolate", 0),
    ]


def test_alloc_outcome_counts_isolated_pageblocks() -> None:
    """G-7: a chunk around one page in 5.15, its pageblock in 5.19."""
    old, new = (
        parse("|....|....|....|....|", Style(policy, chunk_shift=2))
        for policy in ("linux-5.15", "linux-5.19")
    )
    assert (take(old, 5, 6).nr_pageblocks, take(new, 5, 6).nr_pageblocks) == (4, 1)
    assert (draw_types(old), draw_types(new)) == ("MMMM", "MMMM")
    assert contig.contig_align_nr_pages(old) == 16
