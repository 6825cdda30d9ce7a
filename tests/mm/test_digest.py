"""The digest of a node: equal for equal histories, different for anything that the future could depend on."""

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from app.mm import cma, hotplug
from app.mm.digest import node_digest
from app.mm.kernels import walk
from app.mm.kernels.layout import set_owner
from app.mm.node import Node
from app.mm.page import Migratetype, PageKind
from app.mm.zone import ZoneId
from tests.mm.small_nodes import toy_node, two_nodes

ACTS = st.lists(
    st.tuples(st.sampled_from([PageKind.ANON, PageKind.UNMOVABLE]), st.integers(0, 127)), max_size=20
)


@settings(max_examples=40, deadline=None)
@given(acts=ACTS, other=ACTS)
def test_digest_is_equal_iff_pages_are(
    acts: list[tuple[PageKind, int]], other: list[tuple[PageKind, int]]
) -> None:
    """Two nodes after the same acts are equal; after others they are equal only if the pages are."""
    nodes = [toy_node(), toy_node(), toy_node()]
    for node, its_acts in zip(nodes, (acts, acts, other), strict=True):
        for kind, pfn in its_acts:
            node.alloc_at(pfn, 0, kind, owner=1)
    digests = [node_digest(node) for node in nodes]
    kinds = [[node.kind_of(pfn) for pfn in range(128)] for node in nodes]
    assert digests[0] == digests[1]
    if kinds[0] != kinds[2]:
        assert digests[0] != digests[2]


def _rezone(node: Node) -> None:
    hotplug.offline_pages(node, 64, 128)
    hotplug.online_pages(node, 64, 128, ZoneId.MOVABLE)


# Each changes one thing of a node on which page 5 is an anon page of owner 1.
CHANGES: dict[str, Callable[[Node], object]] = {
    "nothing": lambda node: node.arrays,
    "owner": lambda node: set_owner(node.arrays, 5, 2),
    "kind": lambda node: node.set_kind(5, 6, PageKind.PINNED),
    "place": lambda node: (node.free_runs(node.owned_pfns(1)), node.alloc_at(4, 0, PageKind.ANON, owner=1)),
    "zone": _rezone,
    "type": lambda node: node.arrays.block_type.__setitem__(9, Migratetype.RECLAIMABLE),
    "state": lambda node: hotplug.offline_pages(node, 64, 128),
    "area": lambda node: cma.declare_area(node, "dma", 0, 16),
    "bits": lambda node: cma.declare_area(node, "dma", 0, 16).set_bits(3, 1),
    "managed": lambda node: node.adjust_managed(0, -1),
}


def test_digest_sees_every_change() -> None:
    """Each change alone, of owner, kind, place, zone, type, state or counter, gives a digest of its own."""
    digests = []
    for change in CHANGES.values():
        node = toy_node()
        node.alloc_at(5, 0, PageKind.ANON, owner=1)
        change(node)
        digests.append(node_digest(node))
    assert len(set(digests)) == len(CHANGES)


def test_digest_sees_order_of_free_lists() -> None:
    """The same pages are free, but their lists are in another order: the next allocation would differ."""
    nodes = [toy_node(), toy_node()]
    for node, order in zip(nodes, ((10, 20), (20, 10)), strict=True):
        for pfn in (10, 20):
            node.alloc_at(pfn, 0, PageKind.ANON, owner=1)
        for pfn in (11, 21):
            node.alloc_at(pfn, 0, PageKind.ANON, owner=1)
        node.free_runs(node.owned_pfns(1)[[order.index(pfn) * 2 for pfn in (10, 20)]])
    kinds = [[node.kind_of(pfn) for pfn in range(128)] for node in nodes]
    assert kinds[0] == kinds[1]
    assert node_digest(nodes[0]) != node_digest(nodes[1])


def test_digest_of_used_and_freed_memory_is_of_its_state() -> None:
    """Memory that was used, freed and merged to what it was, lists in the same order, is as untouched memory."""
    node = toy_node(1)
    before = node_digest(node)
    assert node.alloc_at(0, 4, PageKind.ANON, owner=1)
    assert node_digest(node) != before
    node.free_runs(node.owned_pfns(1))
    assert list_pfns(node, 4) == [0, 16, 32, 48]
    assert node_digest(node) == before


def list_pfns(node: Node, order: int) -> list[int]:
    """Returns the movable free list of one order of zone Normal, head first."""
    pfns = np.zeros(16, np.int64)
    count = walk.list_pfns(node.arrays, ZoneId.NORMAL, order, Migratetype.MOVABLE, pfns)
    return [int(pfn) for pfn in pfns[:count]]


def test_digest_of_an_offline_block_tells_its_node() -> None:
    """Nothing else says yet where its memory will be online."""
    digests = set()
    for numa_node in (0, 1):
        node = two_nodes()
        node.memory_blocks.set_numa_node(5, 6, numa_node)
        node.memory_blocks.set_offline(5)
        digests.add(node_digest(node))
    assert len(digests) == 2
