"""Laws about an operation: what was there before is there afterwards, and what was taken is its owner's."""

from collections.abc import Callable

import numpy as np
import pytest

from app.mm.checks.invariants import verify
from app.mm.checks.laws import Weight
from app.mm.checks.ownership import (
    Wanted,
    placed_owner,
    take_stock,
    verify_conserved,
    verify_contig,
    verify_types,
)
from app.mm.contig import alloc_contig_range
from app.mm.kernels import layout
from app.mm.node import Node
from app.mm.outcome import ContigOutcome, Errno, TypeLost
from app.mm.page import Migratetype, PageKind
from app.mm.zone import ZoneId
from tests.model.pictures import Style, parse

pytestmark = pytest.mark.interpreted

# Two anon pages, a clean and a dirty page of the page cache, a huge page; owners are pfn + 1.
PICTURE = "|MfF.M...|T-------|........|........|"
WANTED = Wanted(0, 16, PageKind.UNMOVABLE, 77)


def take(node: Node, wanted: Wanted = WANTED) -> ContigOutcome:
    """Asks for a range."""
    start_pfn, end_pfn, kind, owner = wanted
    return alloc_contig_range(node, start_pfn, end_pfn, kind=kind, owner=owner)


def free_page_of(owner: int) -> Callable[[Node], object]:
    """Frees what an owner has."""
    return lambda node: node.free_runs(node.owned_pfns(owner))


def change_owner(node: Node) -> None:
    """Another owner has a migrated page."""
    layout.set_owner(node.arrays, int(node.owned_pfns(1)[0]), 9)


def test_take_stock_counts_pages_by_owner_and_kind() -> None:
    """Free pages are nobody's; a huge page counts as anon, since migration may split it."""
    assert take_stock(parse(PICTURE)) == {
        (1, PageKind.ANON): 1,
        (2, PageKind.FILE_CLEAN): 1,
        (3, PageKind.FILE_DIRTY): 1,
        (5, PageKind.ANON): 1,
        (9, PageKind.ANON): 8,
    }


def test_verify_contig_of_success_finds_nothing() -> None:
    """What lay there moved, or was dropped as the outcome says, and the range is the owner's."""
    node = parse(PICTURE)
    before = take_stock(node)
    outcome = take(node)
    assert (outcome.result, outcome.nr_dropped) == (Errno.OK, 1)
    assert verify_contig(node, before, outcome, WANTED) == []


def test_verify_contig_of_failure_finds_nothing() -> None:
    """INV-24: pages may have moved, and clean ones are dropped, but nobody lost or won any."""
    node = parse("|MfF.M...|P.......|........|........|")
    before = take_stock(node)
    outcome = take(node)
    assert (outcome.result, outcome.nr_dropped) == (Errno.EBUSY, 1)
    assert verify_contig(node, before, outcome, WANTED) == []


@pytest.mark.parametrize(
    ("act", "law"),
    [
        (lambda node: node.free_runs(np.array([15])), "INV-23"),
        (lambda node: layout.set_owner(node.arrays, 3, 78), "INV-23"),
        (free_page_of(1), "INV-25"),
        (change_owner, "INV-25"),
        (lambda node: node.alloc_page(PageKind.ANON, 0, 1), "INV-25"),
    ],
)
def test_verify_contig_of_broken_success_reports_it(act: Callable[[Node], object], law: str) -> None:
    """A page of the range that is free, or somebody else's; a page of data lost, changed hands, or doubled."""
    node = parse(PICTURE)
    before = take_stock(node)
    outcome = take(node)
    act(node)
    broken = verify_contig(node, before, outcome, WANTED)
    assert law in {violation.id for violation in broken}
    assert {violation.weight for violation in broken} == {Weight.FAILURE}


def test_verify_contig_of_failure_that_lost_a_page_reports_it() -> None:
    """INV-24, by owner and kind."""
    node = parse("|M..U....|........|........|........|")
    before = take_stock(node)
    outcome = take(node)
    free_page_of(1)(node)
    found = [
        (broken.id, broken.where, broken.expected, broken.found)
        for broken in verify_contig(node, before, outcome, WANTED)
    ]
    assert found == [("INV-24", "anon pages of owner 1", "1", "0")]


def test_verify_conserved_counts_dropped_page_cache() -> None:
    """INV-25: clean pages may go, as many as were said to; whose they were does not matter."""
    node = parse(PICTURE)
    before = take_stock(node)
    free_page_of(2)(node)
    assert verify_conserved(node, before, nr_dropped=1) == []
    assert [broken.where for broken in verify_conserved(node, before)] == ["clean page cache dropped"]


@pytest.mark.parametrize(
    ("policy", "weight"), [("linux-6.16", Weight.FINDING), ("linux-6.17", Weight.FAILURE)]
)
def test_verify_types_lost_is_a_finding_up_to_6_16(policy: str, weight: Weight) -> None:
    """INV-14, I-10: the caller's type comes back; from 6.17 the saved one."""
    node = parse("|....|....|", Style(policy))
    lost = [TypeLost(4, Migratetype.RECLAIMABLE, Migratetype.MOVABLE)]
    assert verify_types(node, lost) == [
        ("INV-14", "zone Normal, pfn 4", "RECLAIMABLE", "MOVABLE", weight),
    ]


def test_verify_contig_of_types_lost_reports_them() -> None:
    """S19: the outcome knows which pageblocks came back as others."""
    node = parse("|....|....|", Style("linux-5.15", types="UU"))
    before, wanted = take_stock(node), Wanted(0, 4, PageKind.UNMOVABLE, 77)
    broken = verify_contig(node, before, take(node, wanted), wanted)
    assert [(violation.id, violation.where) for violation in broken] == [
        ("INV-14", "zone Normal, pfn 0"),
        ("INV-14", "zone Normal, pfn 4"),
    ]


def test_placed_owner_of_contiguous_range_keeps_inv_15() -> None:
    """A range in ZONE_MOVABLE is there on purpose; the allocator would not have put slab there."""
    node = parse("|....|....|", Style(zone=ZoneId.MOVABLE))
    assert take(node, Wanted(0, 4, PageKind.UNMOVABLE, placed_owner(7))).result is Errno.OK
    assert verify(node) == []
    layout.set_owner(node.arrays, 0, 7)
    assert [broken.id for broken in verify(node)] == ["INV-15"]
