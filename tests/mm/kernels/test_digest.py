"""Folding kernels against a naive twin that walks pages and lists with Python's own integers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.mm.kernels import digest, layout, walk
from app.mm.node import Node
from app.mm.page import PageKind
from tests.mm.small_nodes import toy_node

pytestmark = pytest.mark.interpreted


class Twin:
    """The two lanes, with unbounded integers."""

    def __init__(self) -> None:
        """Starts at zero."""
        self.lanes = [0, 0]

    def fold(self, value: int) -> None:
        """Takes one value into both."""
        self.lanes[0] = (self.lanes[0] * digest.FACTOR_A + value) % digest.PRIME_A
        self.lanes[1] = (self.lanes[1] * digest.FACTOR_B + value) % digest.PRIME_B


def folded_runs(node: Node) -> list[int]:
    """Returns the lanes after every run, page by page."""
    twin = Twin()
    pfn = 0
    while pfn < node.nr_pages:
        head = int(layout.head_at(node.arrays, pfn))
        twin.fold((pfn << 8) | head)
        owner = int(layout.owner_at(node.arrays, pfn))
        if owner:
            twin.fold(owner & 0xFFFFFFFF)
        pfn += 1 << (head >> 4)
    return twin.lanes


def folded_lists(node: Node) -> list[int]:
    """Returns the lanes after every list, entry by entry."""
    twin = Twin()
    nr_orders = node.geometry.max_order + 1
    pfns = np.zeros(node.nr_pages, np.int64)
    for zone in range(layout.ZONES_PER_NODE):
        for order in range(nr_orders):
            for migratetype in range(layout.NR_TYPES):
                count = int(walk.list_pfns(node.arrays, zone, order, migratetype, pfns))
                for pfn in pfns[:count]:
                    twin.fold(int(pfn))
                twin.fold(digest.END_OF_LIST)
    return twin.lanes


@settings(max_examples=20, deadline=None)
@given(
    acts=st.lists(
        st.tuples(
            st.sampled_from([PageKind.ANON, PageKind.RECLAIMABLE]), st.integers(0, 63), st.integers(-2, 9)
        ),
        max_size=12,
    )
)
def test_fold_agrees_with_naive_twin(acts: list[tuple[PageKind, int, int]]) -> None:
    """Runs and lists are folded as the twin folds them, owners below zero included."""
    node = toy_node(1)
    for kind, pfn, owner in acts:
        node.alloc_at(pfn, 0, kind, owner=owner)
    lanes = np.zeros(2, np.int64)
    digest.fold_runs(node.arrays, lanes)
    assert lanes.tolist() == folded_runs(node)
    lanes[:] = 0
    digest.fold_lists(node.arrays, lanes)
    assert lanes.tolist() == folded_lists(node)


def test_fold_never_wraps_at_its_largest() -> None:
    """The largest lane and value stay inside 64 bits: primes below 2**31, values below 2**61."""
    lanes = np.array([digest.PRIME_A - 1, digest.PRIME_B - 1], np.int64)
    digest.fold(2**61 - 1, lanes)
    twin = Twin()
    twin.lanes = [digest.PRIME_A - 1, digest.PRIME_B - 1]
    twin.fold(2**61 - 1)
    assert lanes.tolist() == twin.lanes
    assert (digest.PRIME_A - 1) * digest.FACTOR_A + 2**61 < 2**63
    assert (digest.PRIME_B - 1) * digest.FACTOR_B + 2**61 < 2**63
