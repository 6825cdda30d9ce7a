"""Kernels on whole allocations against naive twins that look at every page."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.mm.census import collect_runs
from app.mm.kernels import layout, owned
from app.mm.node import Node
from app.mm.page import PageKind
from tests.mm.small_nodes import toy_node

pytestmark = pytest.mark.interpreted

ACTS = st.lists(
    st.tuples(
        st.sampled_from([PageKind.ANON, PageKind.UNMOVABLE]),
        st.integers(0, 63),
        st.integers(0, 4),
        st.integers(-2, 5),
    ),
    max_size=12,
)


def filled(acts: list[tuple[PageKind, int, int, int]]) -> Node:
    """Returns a node of 64 pages after these allocations, as far as they were possible."""
    node = toy_node(1)
    for kind, pfn, order, owner in acts:
        node.alloc_at(pfn >> order << order, order, kind, owner=owner)
    return node


@settings(max_examples=30, deadline=None)
@given(acts=ACTS)
def test_counts_agree_with_page_by_page_look(acts: list[tuple[PageKind, int, int, int]]) -> None:
    """Pages by owner, and used pageblocks, are those of a naive walk; owners 0 and below do not count."""
    node = filled(acts)
    counted = np.zeros(6, np.int64)
    owned.count_owned(node.arrays, counted)
    used = np.zeros(8, np.uint8)
    owned.mark_used(node.arrays, 0, 64, used)
    naive_counts, naive_used = [0] * 6, [0] * 8
    for pfn in range(64):
        head = int(layout.covering_head(node.arrays, pfn))
        owner = int(layout.owner_at(node.arrays, head))
        naive_counts[owner] += owner > 0
        naive_used[pfn // 8] |= node.kind_of(pfn) is not PageKind.FREE
    assert counted.tolist() == naive_counts
    assert used.tolist() == naive_used


def test_bursts_tell_what_each_got() -> None:
    """Rows are served in order; a row that finds no room says so."""
    node = toy_node(1)
    anon, slab = int(PageKind.ANON), int(PageKind.UNMOVABLE) | (2 << 4)
    rows = np.array([[anon, 5, 1, 3], [slab, 2, 2, 2], [anon, 100, 3, 3], [anon, 1, 4, 3]], np.int64)
    got = np.zeros(4, np.int64)
    owned.alloc_bursts(node.arrays, rows, got)
    assert got[:2].tolist() == [5, 2]
    assert 0 < got[2] < 100
    assert got[3] == 0


def test_owners_of_a_range_are_set_run_by_run() -> None:
    """Every run that starts in the range has the new owner; those behind it keep theirs."""
    node = toy_node(1)
    for pfn, order in ((8, 2), (12, 0), (13, 0), (14, 1), (16, 0)):
        node.alloc_at(pfn, order, PageKind.ANON, owner=1)
    owned.set_owners(node.arrays, 8, 16, 2)
    assert [int(layout.owner_at(node.arrays, pfn)) for pfn in (8, 12, 13, 14, 16)] == [2, 2, 2, 2, 1]


def test_kind_of_runs_is_set_in_place() -> None:
    """Heads get the new kind with their order; the pages are counted."""
    node = toy_node(1)
    node.alloc_at(8, 3, PageKind.THP, owner=1)
    node.alloc_at(17, 0, PageKind.ANON, owner=1)
    assert owned.set_kind_of_runs(node.arrays, np.array([8, 17], np.int64), int(PageKind.PINNED)) == 9
    assert int(layout.head_at(node.arrays, 8)) == int(PageKind.PINNED) | (3 << 4)
    assert int(layout.head_at(node.arrays, 17)) == int(PageKind.PINNED)


@settings(max_examples=30, deadline=None)
@given(
    acts=ACTS,
    order=st.integers(0, 3),
    drawn=st.lists(st.integers(0, 63), max_size=20),
    limit=st.integers(0, 5),
)
def test_drawn_pages_free_runs_of_one_owner_once(
    acts: list[tuple[PageKind, int, int, int]], order: int, drawn: list[int], limit: int
) -> None:
    """A naive twin draws the same pages: runs of owner and order go as they are drawn, each once, up to the limit."""
    node, twin = filled(acts), filled(acts)
    firsts = np.empty(limit, np.int64)
    count = int(owned.free_drawn(node.arrays, 3, order, np.array(drawn, np.int64), firsts))
    wanted: list[int] = []
    for pfn in drawn:
        head = int(layout.covering_head(twin.arrays, pfn))
        is_meant = int(layout.head_at(twin.arrays, head)) >> 4 == order
        is_owned = int(layout.owner_at(twin.arrays, head)) == 3
        if is_meant and is_owned and head not in wanted and len(wanted) < limit:
            wanted.append(head)
    assert firsts[:count].tolist() == wanted
    twin.free_runs(np.array(wanted, np.int64))
    assert collect_runs(node) == collect_runs(twin)
