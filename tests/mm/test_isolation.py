"""Isolating ranges: all or nothing, boundaries settled, types given back as the caller's."""

import numpy as np
import pytest

from app.mm.checks.invariants import verify
from app.mm.isolation import start_isolate_page_range, undo_isolate_page_range
from app.mm.outcome import Caller
from app.mm.zone import ZoneId
from app.scenario.picture import draw, draw_free_blocks, draw_types
from tests.model.observed import observe, observe_lists
from tests.model.pictures import Style, parse

pytestmark = pytest.mark.interpreted

BOTH = pytest.mark.parametrize("policy", ["linux-5.15", "linux-5.19"])


@BOTH
def test_isolate_and_undo_of_free_memory_leaves_all_as_it_was(policy: str) -> None:
    """Isolated pages are counted nowhere, on lists of their own, and come back."""
    node = parse("|....|....|....|....|", Style(policy, chunk_shift=1))
    before = observe(node)
    assert start_isolate_page_range(node, 8, 16, Caller.ORDINARY) == -1
    assert draw_types(node) == "MMII"
    assert node.zones[ZoneId.NORMAL].nr_free == 8
    assert observe_lists(node)[2, 3, 5] == [8]
    assert verify(node, is_operating=True) == []
    undo_isolate_page_range(node, 8, 16, Caller.ORDINARY)
    assert observe(node) == before
    assert verify(node) == []


def test_isolate_with_unmovable_page_isolates_nothing() -> None:
    """One unmovable page in the second pageblock leaves the first as it was, but for its place in the lists."""
    node = parse("|MMMM....|..U.....|")
    before = observe(node)
    assert start_isolate_page_range(node, 0, 16, Caller.ORDINARY) == 10
    assert observe(node)._replace(lists=before.lists) == before
    assert observe_lists(node)[2, 2, 1] == before.lists[2, 2, 1][::-1]


@BOTH
def test_isolate_of_overlapping_range_meets_the_first_caller(policy: str) -> None:
    """I-2: the second caller gets EBUSY and gives back only what it took itself."""
    node = parse("|....|....|....|....|", Style(policy))
    assert start_isolate_page_range(node, 8, 16, Caller.ORDINARY) == -1
    assert start_isolate_page_range(node, 0, 16, Caller.ORDINARY) in (8, 12)
    assert draw_types(node) == "MMII"
    assert verify(node, is_operating=True) == []


def test_isolate_of_offline_pages_depends_on_who_asks() -> None:
    """I-3: memory offlining passes over what virtio-mem holds; contiguous allocation in Normal does not."""
    node = parse("|OO..|...W|")
    assert start_isolate_page_range(node, 0, 8, Caller.ORDINARY) == 0
    node.free_runs(np.array([0]))
    assert start_isolate_page_range(node, 0, 8, Caller.ORDINARY) == 7
    assert start_isolate_page_range(node, 0, 8, Caller.MEMORY_OFFLINE) == -1


def test_isolate_cuts_free_page_over_either_boundary() -> None:
    """I-7, I-8: the middle of a free chunk is isolated, what lies outside stays usable and aligned."""
    node = parse("|....|....|....|....|", Style(chunk_shift=2))
    assert start_isolate_page_range(node, 4, 8, Caller.ORDINARY) == -1
    assert draw_free_blocks(node) == "2   2   3       "
    assert node.zones[ZoneId.NORMAL].nr_free == 12
    assert verify(node, is_operating=True) == []


@pytest.mark.parametrize(("start", "end"), [(4, 8), (4, 16), (16, 20), (8, 20)])
def test_isolate_migrates_compound_over_either_boundary(start: int, end: int) -> None:
    """I-7: its new place lies outside the range, and its old one is free."""
    node = parse("|G---|----|....|....|G---|----|....|....|")
    owners = {run.owner for run in observe(node).runs.values()}
    assert start_isolate_page_range(node, start, end, Caller.ORDINARY) == -1
    assert {run.owner for run in observe(node).runs.values()} == owners
    assert verify(node, is_operating=True) == []
    undo_isolate_page_range(node, start, end, Caller.ORDINARY)
    assert verify(node) == []


def test_isolate_of_compound_that_cannot_move_is_busy() -> None:
    """I-7: no place for it, or not movable at all; the edge comes back as the caller's type (I-10)."""
    for picture in ("|G---|----|UUUU|UUUU|", "|P---|----|....|....|"):
        node = parse(picture, Style(types="RRMM"))
        assert start_isolate_page_range(node, 4, 8, Caller.ORDINARY) == 0
        assert draw(node) == picture
        assert draw_types(node) == "RMMM"
        assert verify(node) == []


def test_isolate_over_inner_unmovable_page_gives_edges_back() -> None:
    """The edges are isolated first; what stops the inside undoes them, also after a compound was migrated."""
    for picture in ("|....|....|.U..|....|....|....|", "|G---|----|.U..|....|....|....|....|....|"):
        node = parse(picture)
        assert start_isolate_page_range(node, 4, 16, Caller.ORDINARY) == 9
        assert node.zones[ZoneId.NORMAL].nr_isolate == 0
        assert verify(node) == []


def test_isolate_with_unmovable_last_edge_gives_first_edge_back() -> None:
    """Whatever lay over the first boundary was migrated by then."""
    for picture in ("|....|....|....|.U..|....|....|", "|G---|----|....|.U..|....|....|....|....|"):
        node = parse(picture)
        assert start_isolate_page_range(node, 4, 16, Caller.ORDINARY) == 13
        assert node.zones[ZoneId.NORMAL].nr_isolate == 0
        assert verify(node) == []
