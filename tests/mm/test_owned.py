"""Allocations as a whole: room is exact, bursts are served in turn, pins stay, owners are counted."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from app.mm.node import Node
from app.mm.owned import (
    Burst,
    alloc_bursts,
    count_pages_by_owner,
    free_drawn_runs,
    highest_zone_for,
    is_free_at,
    mark_used,
    may_use_cma,
    movable_runs,
    nr_free_for,
    online_pageblocks,
    pages_missing,
    pin_runs,
    room_for,
    set_kinds,
)
from app.mm.page import PageKind
from app.mm.policies.policy import POLICIES
from app.mm.zone import ZoneId
from tests.mm.small_nodes import toy_node, two_nodes
from tests.model.pictures import Style, parse

KINDS = st.sampled_from([PageKind.ANON, PageKind.UNMOVABLE, PageKind.RECLAIMABLE, PageKind.THP])


def test_highest_zone_for_kernel_kinds_is_below_movable() -> None:
    """B-10: only movable kinds may use ZONE_MOVABLE."""
    assert highest_zone_for(PageKind.ANON) is ZoneId.MOVABLE
    assert highest_zone_for(PageKind.UNMOVABLE) is ZoneId.NORMAL
    node = toy_node()
    assert nr_free_for(node, PageKind.ANON) == nr_free_for(node, PageKind.UNMOVABLE) == 128


@settings(max_examples=150, deadline=None)
@given(
    before=st.lists(st.tuples(KINDS, st.integers(0, 3), st.integers(1, 20)), max_size=8),
    freed=st.sets(st.integers(1, 8)),
    kind=KINDS,
    order=st.integers(0, 4),
)
def test_room_is_what_can_be_allocated(
    before: list[tuple[PageKind, int, int]], freed: set[int], kind: PageKind, order: int
) -> None:
    """However memory is fragmented, exactly as many runs can be had as room_for() says."""
    node = toy_node()
    for owner, (other, its_order, count) in enumerate(before, start=1):
        node.alloc_pages(other, its_order, count, owner=owner)
    for owner in freed:
        node.free_runs(node.owned_pfns(owner))
    room = room_for(node, kind, order)
    assert node.alloc_pages(kind, order, 1000, owner=99) == room
    assert room_for(node, kind, order) == 0


def node_with_cma(policy_name: str) -> Node:
    """Returns a node of 128 pages, of which the second half is CMA; watermarks are 0."""
    return parse("|" + "........|" * 16, Style(policy_name, types="M" * 8 + "C" * 8))


@settings(max_examples=60, deadline=None)
@given(
    policy_name=st.sampled_from(sorted(POLICIES)),
    nr_anon=st.integers(0, 100),
    nr_slab=st.integers(0, 64),
    kind=st.sampled_from([PageKind.ANON, PageKind.PINNED, PageKind.UNMOVABLE, PageKind.THP]),
    order=st.integers(0, 4),
)
def test_room_leaves_cma_to_those_who_may_use_it(
    policy_name: str, nr_anon: int, nr_slab: int, kind: PageKind, order: int
) -> None:
    """B-11: kernel pages and pins find no room in CMA pageblocks, other movable pages do."""
    node = node_with_cma(policy_name)
    node.alloc_pages(PageKind.UNMOVABLE, 0, nr_slab, owner=2)
    node.alloc_pages(PageKind.ANON, 0, nr_anon, owner=3)
    room = room_for(node, kind, order)
    assert node.alloc_pages(kind, order, 1000, owner=99) == room
    if not may_use_cma(kind):
        taken = [int(pfn) for pfn in node.owned_pfns(99)]
        assert all(pfn < 64 for pfn in taken)


def test_free_pages_of_cma_count_for_those_who_may_use_them() -> None:
    """B-11: a share of free memory is one of the memory that a kind can have."""
    node = node_with_cma("linux-5.19")
    assert [nr_free_for(node, kind) for kind in (PageKind.ANON, PageKind.PINNED, PageKind.UNMOVABLE)] == [
        128,
        64,
        64,
    ]


def test_is_free_at_wants_one_free_block() -> None:
    """A run is free when one free block covers it; a smaller free block, or a used page, is not enough."""
    node = toy_node()
    assert is_free_at(node, 16, 4)
    assert node.alloc_at(21, 0, PageKind.ANON, owner=1)
    assert not is_free_at(node, 16, 4)
    assert is_free_at(node, 16, 2)
    assert not is_free_at(node, 20, 1)
    assert is_free_at(node, 20, 0)
    assert not is_free_at(node, 21, 0)


def test_bursts_are_served_in_turn() -> None:
    """Pages of a burst lie before those of the next, and each owner gets its own kind."""
    node = toy_node()
    bursts = [
        Burst(PageKind.ANON, 0, 3, 1),
        Burst(PageKind.FILE_DIRTY, 0, 2, 2),
        Burst(PageKind.ANON, 0, 3, 1),
    ]
    assert alloc_bursts(node, bursts).tolist() == [3, 2, 3]
    pfns = {owner: node.owned_pfns(owner).tolist() for owner in (1, 2)}
    assert sorted(pfns[1] + pfns[2]) == list(range(pfns[1][0], pfns[1][0] + 8))
    assert pfns[2] == pfns[1][2:3] * 0 + [pfns[1][2] + 1, pfns[1][2] + 2]
    assert {node.kind_of(pfn) for pfn in pfns[2]} == {PageKind.FILE_DIRTY}


def test_burst_beyond_memory_gets_what_there_is() -> None:
    """The first burst takes all, the next gets nothing."""
    node = toy_node()
    room = room_for(node, PageKind.ANON, 0)
    assert alloc_bursts(node, [Burst(PageKind.ANON, 0, 999, 1), Burst(PageKind.ANON, 0, 1, 2)]).tolist() == [
        room,
        0,
    ]


def test_pin_keeps_place_order_and_owner() -> None:
    """Pinning changes the kind alone."""
    node = toy_node()
    node.alloc_pages(PageKind.THP, 3, 3, owner=7)
    pfns = node.owned_pfns(7)
    assert pin_runs(node, pfns[1:2]) == 8
    assert node.owned_pfns(7).tolist() == pfns.tolist()
    assert [node.kind_of(int(pfn)) for pfn in pfns] == [PageKind.THP, PageKind.PINNED, PageKind.THP]
    assert node.free_runs(pfns) == 24


def test_pages_are_counted_by_owner() -> None:
    """Every owner's pages, in any orders; what nobody owns is not counted."""
    node = toy_node()
    node.alloc_pages(PageKind.ANON, 0, 5, owner=1)
    node.alloc_pages(PageKind.THP, 3, 2, owner=3)
    assert count_pages_by_owner(node, 4).tolist() == [0, 5, 0, 16, 0]


def test_used_pageblocks_are_marked() -> None:
    """One used page marks its pageblock, a run marks all that it covers; nothing is unmarked."""
    node = toy_node()
    used = np.zeros(16, np.uint8)
    used[15] = 1
    node.alloc_at(13, 0, PageKind.ANON, owner=1)
    node.alloc_at(48, 4, PageKind.UNMOVABLE, owner=2)
    mark_used(node, 0, 16, used)
    assert np.flatnonzero(used).tolist() == [1, 6, 7, 15]


def test_pages_missing_counts_to_the_nearest_zone() -> None:
    """One zone of 128 pages: above its high mark nothing is missing; one page taken too many misses one."""
    node = toy_node()
    zone = node.zones[ZoneId.NORMAL]
    for mark in range(3):
        above = zone.nr_free - zone.watermarks[mark]
        assert pages_missing(node, PageKind.ANON, mark) == max(0, 1 - above)
    node.alloc_pages(PageKind.ANON, 0, 128 - zone.watermarks.high, owner=1)
    assert pages_missing(node, PageKind.ANON, 2) == 1
    assert pages_missing(node, PageKind.UNMOVABLE, 2) == 1
    assert pages_missing(node, PageKind.ANON, 0) == 0


def test_drawn_runs_are_freed_of_one_owner() -> None:
    """Pages drawn of an owner are freed in that order, as many as wanted."""
    node = toy_node()
    assert online_pageblocks(node, PageKind.ANON).tolist() == list(range(16))
    node.alloc_pages(PageKind.ANON, 0, 100, owner=7)
    pfns = node.owned_pfns(7)
    drawn = np.array([pfns[5], pfns[5], 127, pfns[9], pfns[11]], np.int64)
    assert free_drawn_runs(node, 7, 0, drawn=drawn, limit=2).tolist() == [pfns[5], pfns[9]]
    assert len(node.owned_pfns(7)) == 98


def test_movable_runs_are_held_and_let_go_with_their_kinds() -> None:
    """What a migration may try is listed with its kinds, free and kernel pages are not; pinned, it returns."""
    node = toy_node()
    anon = node.alloc_page(PageKind.ANON, 0, 1)
    huge = node.alloc_page(PageKind.THP, 3, 2)
    node.alloc_page(PageKind.UNMOVABLE, 0, 3)
    runs = movable_runs(node, 0, node.nr_pages)
    assert sorted(runs.tolist()) == sorted([[anon, PageKind.ANON], [huge, PageKind.THP]])
    assert pin_runs(node, np.ascontiguousarray(runs[:, 0])) == 9
    assert node.kind_of(huge) is PageKind.PINNED
    set_kinds(node, runs)
    assert (node.kind_of(anon), node.kind_of(huge)) == (PageKind.ANON, PageKind.THP)
    assert movable_runs(node, 0, node.nr_pages).tolist() == runs.tolist()
    set_kinds(node, runs[:0])


def test_bursts_prefer_a_node_each() -> None:
    """Room is counted on all nodes; each burst begins on its own."""
    node = two_nodes()
    bursts = [Burst(PageKind.ANON, 3, 2, 1), Burst(PageKind.ANON, 3, 2, 2)]
    assert alloc_bursts(node, bursts, np.array([1, 0])).tolist() == [2, 2]
    assert [int(node.owned_pfns(owner)[0]) >= 128 for owner in (1, 2)] == [True, False]
    room = room_for(node, PageKind.ANON, 0)
    assert alloc_bursts(node, [Burst(PageKind.ANON, 0, 999, 3)], 1).tolist() == [room]
