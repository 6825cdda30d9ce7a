"""The layout of arrays: every page has a place of its own, and runs are found from any of their pages."""

import numpy as np
import pytest

from app.mm.geometry import PRESETS, Geometry, preset
from app.mm.kernels import layout
from app.mm.node import Node
from app.mm.page import PageKind, map_node_arrays
from app.mm.policies.policy import policy
from app.units import KIB
from tests.mm.kernels.interpreted import only_interpreted
from tests.model.pictures import parse

pytestmark = pytest.mark.interpreted

SMALL = Geometry("small", 4 * KIB, 4, 2, 64 * KIB, 64 * KIB)
SAME = Geometry("same", 4 * KIB, 3, 3, 32 * KIB, 32 * KIB)


@pytest.mark.parametrize("geometry", [SMALL, SAME, preset("toy")], ids=lambda geometry: geometry.name)
def test_index_of_every_page_is_its_own(geometry: Geometry) -> None:
    """No two pages share a byte, chunks and pageblocks come first, and all lie inside the arrays."""
    nr_pages = 4 * geometry.chunk_nr_pages
    m = map_node_arrays(nr_pages, geometry, policy("linux-5.19"))
    indexes = [int(layout.index_of(m, pfn)) for pfn in range(nr_pages)]
    assert len(set(indexes)) == nr_pages
    assert max(indexes) < m.head.size
    assert indexes[:: geometry.chunk_nr_pages] == [0, 1, 2, 3]
    assert max(indexes[:: geometry.pageblock_nr_pages]) < m.geo.others


@pytest.mark.parametrize("name", PRESETS)
def test_head_and_owner_written_are_read_back(name: str) -> None:
    """A kind, an order and an owner at any alignment; cleared, nothing is left."""
    geometry = preset(name)
    m = map_node_arrays(2 * geometry.chunk_nr_pages, geometry, policy("linux-5.19"))
    for pfn in (0, 1, geometry.pageblock_nr_pages, geometry.chunk_nr_pages, geometry.chunk_nr_pages + 6):
        layout.set_head(m, pfn, int(PageKind.HWPOISON), 15)
        layout.set_owner(m, pfn, -2)
        assert int(layout.head_at(m, pfn)) == 0xFF
        assert int(layout.owner_at(m, pfn)) == -2
        layout.clear_head(m, pfn)
        layout.set_owner(m, pfn, 0)
    assert not m.head.any()
    assert not m.owner.any()


def test_covering_head_of_every_page_is_its_run() -> None:
    """From any page, in runs of any order; no memory is no run."""
    node = parse("|T---|U-M.|....|....|    |    |    |    |C---|----|....|....|")
    expected = [0] * 4 + [4, 4, 6, 7] + [8] * 8 + [-1] * 16 + [32] * 8 + [40] * 8
    assert [int(layout.covering_head(node.arrays, pfn)) for pfn in range(48)] == expected


@only_interpreted
def test_first_run_from_any_page_begins_there_or_later() -> None:
    """Inside a run, the next one."""
    node = parse("|T---|U-M.|....|....|")
    found = [int(layout.first_run_from(node.arrays, pfn)) for pfn in range(8)]
    assert found == [0, 4, 4, 4, 4, 6, 6, 7]


@only_interpreted
def test_first_run_without_memory_is_the_page_itself() -> None:
    """A page that no run holds stops no walk."""
    node = Node(SMALL, policy("linux-5.19"), nr_pages=16)
    assert int(layout.first_run_from(node.arrays, 5)) == 5


@only_interpreted
@pytest.mark.parametrize(
    ("pfn", "nr_pages", "order"),
    [(0, 16, 4), (0, 99, 4), (0, 15, 3), (8, 16, 3), (6, 99, 1), (5, 1, 0), (16, 1, 0)],
)
def test_piece_order_is_the_largest_that_is_aligned_and_fits(pfn: int, nr_pages: int, order: int) -> None:
    """I-8: both parts matter."""
    m = map_node_arrays(32, SMALL, policy("linux-5.19"))
    assert int(layout.piece_order(m, pfn, nr_pages)) == order


def test_block_type_of_page_is_its_pageblock_s() -> None:
    """Every page of a pageblock has the same type."""
    node = parse("|....|....|")
    node.arrays.block_type[:] = (2, 4)
    assert [int(layout.block_type_of(node.arrays, pfn)) for pfn in range(8)] == [2] * 4 + [4] * 4


def test_numbers_of_kinds_and_types_are_no_literals() -> None:
    """A kernel would be compiled anew for every Python literal that it is called with."""
    numbers: tuple[object, ...] = (layout.FREE, layout.MOVABLE, layout.ZONE_MOVABLE, layout.AT_TAIL)
    assert {type(number) for number in numbers} == {np.int64}
