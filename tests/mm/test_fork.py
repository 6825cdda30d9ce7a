"""Forking a node: equal under the same policy, clean under a cleaner one, independent in every case."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import StateError
from app.mm import fork as forking
from app.mm.checks.invariants import verify
from app.mm.cma_area import CmaArea
from app.mm.contig import alloc_contig_range
from app.mm.digest import node_digest
from app.mm.kernels import layout
from app.mm.node import Node
from app.mm.page import PageKind
from app.mm.policies.policy import POLICIES, policy
from app.mm.zone import ZoneId
from app.scenario.picture import draw_lists
from tests.mm.small_nodes import toy_node, two_nodes
from tests.model.pictures import Style, parse

NAMES = sorted(POLICIES)
ACTS = st.lists(
    st.tuples(
        st.sampled_from([PageKind.ANON, PageKind.UNMOVABLE, PageKind.RECLAIMABLE, PageKind.FILE_CLEAN]),
        st.integers(0, 3),
        st.integers(1, 6),
    ),
    max_size=12,
)


def used_node(name: str, acts: list[tuple[PageKind, int, int]]) -> Node:
    """A node on which `acts` allocated (kind, order, runs), and every other owner freed its runs again."""
    node = toy_node(4, policy_name=name)
    for number, (kind, order, count) in enumerate(acts, start=1):
        node.alloc_pages(kind, order, count, owner=number)
    for number in range(1, len(acts), 2):
        node.free_runs(node.owned_pfns(number))
    return node


@settings(max_examples=30, deadline=None)
@given(name=st.sampled_from(NAMES), acts=ACTS)
def test_fork_under_same_policy_is_equal(name: str, acts: list[tuple[PageKind, int, int]]) -> None:
    """Equal digests: lists in order, owners, counters."""
    node = used_node(name, acts)
    assert node_digest(forking.fork_node(node)) == node_digest(node)


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(NAMES), other=st.sampled_from(NAMES), acts=ACTS)
def test_fork_under_other_policy_is_sound(
    name: str, other: str, acts: list[tuple[PageKind, int, int]]
) -> None:
    """No invariant of the other policy is broken by the fork itself, and no page changes its kind."""
    node = used_node(name, acts)
    copy = forking.fork_node(node, policy(other))
    assert [broken for broken in verify(copy) if broken.weight == "failure"] == []
    assert [copy.kind_of(pfn) for pfn in range(copy.nr_pages)] == [
        node.kind_of(pfn) for pfn in range(node.nr_pages)
    ]


@settings(max_examples=30, deadline=None)
@given(name=st.sampled_from(NAMES), acts=ACTS, other=st.sampled_from(NAMES))
def test_fork_is_independent(name: str, acts: list[tuple[PageKind, int, int]], other: str) -> None:
    """What happens to a fork changes nothing in the original."""
    node = used_node(name, acts)
    before = node_digest(node)
    copy = forking.fork_node(node, policy(other))
    alloc_contig_range(copy, 0, 64, kind=PageKind.OFFLINE)
    copy.alloc_pages(PageKind.UNMOVABLE, 0, 50, owner=99)
    copy.memory_blocks.set_offline(0)
    assert node_digest(node) == before


def test_fork_copies_what_stands_beside_the_pages() -> None:
    """Memmaps, per-cpu pages, areas: equal, and not the same objects."""
    node = toy_node()
    node.memmaps[1] = [0, 8]
    node.pcp_pfns = node.owned_pfns(0)[:2]
    node.cma_areas["a"] = CmaArea("a", 0, 0, 16)
    copy = forking.fork_node(node)
    copy.memmaps[1].append(16)
    copy.cma_areas["a"].set_bits(0, 4)
    copy.pcp_pfns[:] = 0
    assert node.memmaps == {1: [0, 8]}
    assert node.cma_areas["a"].nr_used_pages == 0
    assert node.pcp_pfns.tolist() != copy.pcp_pfns.tolist()


def test_fork_to_accounting_by_list_cuts_a_mixed_chunk() -> None:
    """S01's chunk, half CMA on a list MOVABLE: 5.19 and later have it in two, and count the CMA half."""
    style = Style(policy="linux-5.15", types="CM", freed_in_order=(0, 1))
    node = parse("|........|........|", style)
    assert draw_lists(node, ZoneId.NORMAL) == ("4@0 MOVABLE",)
    for name in ("linux-5.19", "linux-6.10", "linux-6.17"):
        copy = forking.fork_node(node, policy(name))
        assert draw_lists(copy, ZoneId.NORMAL) == ("3@8 MOVABLE", "3@0 CMA")
        assert copy.zones[ZoneId.NORMAL].nr_free_cma == 8
    assert draw_lists(forking.fork_node(node, policy("rfc-v1")), ZoneId.NORMAL) == ("4@0 MOVABLE",)


def test_fork_to_a_cleaner_policy_counts_the_reserve_anew() -> None:
    """INV-12: a reserve that 5.15 lost count of is its pageblocks again; 5.15 itself goes on with its count."""
    node = parse("|........|........|", Style(policy="linux-5.15", types="HM"))
    node.stat[ZoneId.NORMAL, layout.S_NR_RESERVED_HIGHATOMIC] = 24
    reserved = {
        name: forking.fork_node(node, policy(name)).zones[ZoneId.NORMAL].nr_reserved_highatomic
        for name in ("linux-5.15", "linux-5.19", "linux-6.17")
    }
    assert reserved == {"linux-5.15": 24, "linux-5.19": 8, "linux-6.17": 8}


def test_fork_recomputes_watermarks_only_where_the_rule_differs() -> None:
    """A capture's watermarks stay as they were found, unless ZONE_MOVABLE's share follows another rule."""
    node = toy_node(policy_name="linux-5.19")
    node.stat[ZoneId.NORMAL, layout.S_WMARK_MIN] = 1
    assert forking.fork_node(node, policy("linux-6.6")).zones[ZoneId.NORMAL].watermarks.min == 1
    assert forking.fork_node(node, policy("linux-6.10")).zones[ZoneId.NORMAL].watermarks.min > 1


def test_fork_in_the_middle_of_an_operation_is_refused() -> None:
    """Isolated pageblocks and held locks belong to an operation that the copy does not have."""
    node = toy_node()
    node.stat[ZoneId.NORMAL, layout.S_NR_ISOLATE] = 2
    with pytest.raises(StateError, match="2 pageblocks are isolated and no lock is held"):
        forking.fork_node(node)
    node.stat[ZoneId.NORMAL, layout.S_NR_ISOLATE] = 0
    node.locks.add("cma")
    with pytest.raises(StateError, match="cma is held"):
        forking.fork_node(node)


def test_fork_to_policy_that_could_not_have_an_area_is_refused() -> None:
    """C-7: an area of one pageblock cannot be declared where the unit is a chunk."""
    node = toy_node()
    node.cma_areas["dma"] = CmaArea("dma", 0, 8, 16)
    with pytest.raises(StateError, match="CMA area dma could not be declared there"):
        forking.fork_node(node, policy("linux-5.15"))
    assert list(forking.fork_node(node, policy("linux-6.17")).cma_areas) == ["dma"]


def test_fork_of_two_nodes_is_equal_and_goes_on_alike() -> None:
    """Zones, blocks and watermarks of both nodes are copied."""
    node = two_nodes()
    node.alloc_pages(PageKind.ANON, 0, 150, owner=3, numa_node=1)
    copy = forking.fork_node(node)
    assert node_digest(copy) == node_digest(node)
    for each in (node, copy):
        each.alloc_pages(PageKind.UNMOVABLE, 0, 60, owner=4, numa_node=1)
    assert node_digest(copy) == node_digest(node)
    assert verify(copy) == []
