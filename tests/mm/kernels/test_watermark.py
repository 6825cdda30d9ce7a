"""Watermarks and reserves set in one crossing, against plain Python and what real guests printed."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mm.geometry import preset
from app.mm.kernels import layout
from app.mm.node import Node
from app.mm.policies.policy import policy
from app.mm.watermark import MinFree
from tests.model.twin_watermark import lowmem_reserves, marks_and_reserves

pytestmark = pytest.mark.interpreted

# Pages of a zone: none, few, many.
PAGES = st.one_of(st.just(0), st.integers(1, 5000), st.integers(5000, 1 << 30))
# What a zone manages, and its high mark so far.
ROWS = st.tuples(PAGES, st.integers(0, 1 << 22))


def set_anew(
    managed: Sequence[int],
    high: Sequence[int] = (),
    rule: MinFree | None = None,
    *,
    movable_shares: bool = False,
) -> list[tuple[int, ...]]:
    """Returns marks and reserves as the kernel sets them for zones that manage so many pages."""
    geometry = preset("x86-64")
    kernel = replace(policy("linux-5.19"), movable_shares_min_free=movable_shares)
    size = geometry.memory_block_nr_pages
    node = Node(geometry, kernel, nr_pages=size, min_free=rule, nr_numa_nodes=len(managed) // 4)
    node.stat[:, layout.S_MANAGED] = managed
    node.stat[:, layout.S_WMARK_HIGH] = high or [0] * len(managed)
    node.recompute_watermarks()
    return [tuple(row) for row in node.stat[:, layout.S_WMARK_MIN : layout.S_RESERVE + 4].tolist()]


@given(
    rows=st.lists(st.tuples(PAGES, st.integers(0, 1 << 22)), min_size=4, max_size=12).filter(
        lambda rows: len(rows) % 4 == 0
    ),
    user_kbytes=st.one_of(st.just(-1), st.integers(0, 1 << 21)),
    has_huge_pages=st.booleans(),
    scale_factor=st.integers(1, 1000),
    movable_shares=st.booleans(),
)
def test_marks_and_reserves_are_the_twin_s(
    rows: list[tuple[int, int]],
    user_kbytes: int,
    scale_factor: int,
    *,
    has_huge_pages: bool,
    movable_shares: bool,
) -> None:
    """Zones of one to three NUMA nodes, however filled, and whatever the owner wrote."""
    managed, high = [row[0] for row in rows], [row[1] for row in rows]
    rule = MinFree(user_kbytes, has_huge_pages, scale_factor)
    expected = marks_and_reserves(managed, high, (4096, 512), rule, movable_shares=movable_shares)
    assert set_anew(managed, high, rule, movable_shares=movable_shares) == expected


def test_lowmem_reserves_are_the_real_guest_s() -> None:
    """What a guest with these pages printed as protection: 1/256 of what lies above, for each lower zone."""
    expected = [[0, 1363, 2049, 2049], [0, 0, 686, 686], [0] * 4, [0] * 4]
    assert lowmem_reserves((3840, 348985, 175680, 0)) == expected
    assert [list(row[3:]) for row in set_anew((3840, 348985, 175680, 0))] == expected


def test_lowmem_reserves_against_movable_are_larger() -> None:
    """Normal keeps 1/32 of ZONE_MOVABLE from requests that could have gone there; an empty zone keeps nothing."""
    assert [row[3:] for row in set_anew((0, 0, 1000, 3200))] == [(0,) * 4, (0,) * 4, (0, 0, 0, 100), (0,) * 4]


def test_marks_of_two_nodes_share_one_minimum() -> None:
    """B-19: min_free_kbytes is of all nodes, four pageblock groups for four zones; reserves are each node's own."""
    rows = set_anew((0, 1_000_000, 2_000_000, 500_000, 0, 0, 3_000_000, 640_000))
    total = sum(row[0] for zone, row in enumerate(rows) if zone % 4 != 3)
    assert 11 * 3 * 512 - 3 <= total <= 11 * 3 * 512
    assert rows[6][0] == rows[1][0] * 3
    assert (rows[3][0], rows[7][0]) == (128, 128)
    assert [rows[zone][3:] for zone in (1, 2, 6)] == [
        (0, 0, 2_000_000 // 256, 2_500_000 // 256),
        (0, 0, 0, 500_000 // 32),
        (0, 0, 0, 640_000 // 32),
    ]
