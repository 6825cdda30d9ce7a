"""The last steps of contiguous allocation: the first free block, what is taken, what goes back."""

import pytest

from app.mm.checks.invariants import verify
from app.mm.isolation import start_isolate_page_range, undo_isolate_page_range
from app.mm.kernels import contig, layout
from app.mm.outcome import Caller
from app.mm.page import PageKind
from app.scenario.picture import draw
from tests.model.observed import observe_lists, observe_runs
from tests.model.pictures import Style, parse

pytestmark = pytest.mark.interpreted


def test_outer_start_is_the_free_block_that_reaches_over() -> None:
    """Step 6: only a free one; otherwise the start itself."""
    node = parse("|....|....|M.T-|....|....|....|    |    |")
    found = {pfn: int(contig.find_outer_start(node.arrays, pfn)) for pfn in (0, 5, 9, 11, 14, 26)}
    assert found == {0: 0, 5: 0, 9: 9, 11: 11, 14: 12, 26: 26}


@pytest.mark.parametrize(
    ("largest", "orders"), [(15, {1: 0, 2: 1, 4: 2, 8: 3, 16: 0}), (1, {1: 0, 2: 1, 4: 1, 6: 1, 8: 1})]
)
def test_tile_covers_a_range_with_aligned_runs(largest: int, orders: dict[int, int]) -> None:
    """The largest that fit, up to a limit."""
    node = parse("|........|........|........|........|")
    node.arrays.head[:] = 0
    contig.tile(node.arrays, 1, 17, int(PageKind.RESERVED), largest)
    heads = {pfn: int(layout.head_at(node.arrays, pfn)) for pfn in range(32)}
    runs = {pfn: head >> 4 for pfn, head in heads.items() if head}
    assert orders.items() <= runs.items()
    assert sum(1 << order for order in runs.values()) == 16


@pytest.mark.parametrize("policy", ["linux-5.15", "linux-5.19"])
@pytest.mark.parametrize(("start", "end"), [(0, 16), (3, 5), (7, 9), (8, 16), (0, 1), (15, 16)])
def test_take_range_of_isolated_pages_gives_the_rest_back(policy: str, start: int, end: int) -> None:
    """Step 8: the wanted pages are taken, whatever free blocks they were parts of."""
    node = parse("|........|........|", Style(policy))
    assert start_isolate_page_range(node, 0, 16, Caller.ORDINARY) == -1
    contig.take_range(node.arrays, start, end, int(PageKind.UNMOVABLE), 7)
    assert contig.has_only(node.arrays, start, end, int(PageKind.UNMOVABLE), 7)
    undo_isolate_page_range(node, 0, 16, Caller.ORDINARY)
    pages = draw(node).replace("|", "")
    assert pages == "." * start + "U" * (end - start) + "." * (16 - end)
    assert verify(node) == []


def test_take_range_frees_the_rest_under_its_own_pageblocks_types() -> None:
    """The other pageblocks were never isolated: each goes back as its own type, the last one deciding the list."""
    node = parse("|....|....|....|....|", Style(types="MMMR", chunk_shift=2))
    node.arrays.block_type[0] = 5
    node.stat[2, 6] = 1
    node.stat[2, 0] -= 16
    contig.take_range(node.arrays, 0, 2, int(PageKind.OFFLINE), 0)
    assert observe_lists(node) == {(2, 1, 5): [2], (2, 2, 1): [4], (2, 3, 2): [8]}
    assert node.zones[2].nr_free == 12


def test_has_only_needs_whole_runs_of_one_kind_and_owner() -> None:
    """A run that reaches beyond, another kind or another owner is not the same range."""
    node = parse("|MM..|T---|")
    node.arrays.owner[:] = 0
    assert contig.has_only(node.arrays, 0, 2, int(PageKind.ANON), 0)
    assert not contig.has_only(node.arrays, 0, 3, int(PageKind.ANON), 0)
    assert not contig.has_only(node.arrays, 0, 2, int(PageKind.ANON), 1)
    assert not contig.has_only(node.arrays, 4, 6, int(PageKind.THP), 0)
    assert contig.has_only(node.arrays, 4, 8, int(PageKind.THP), 0)
    assert observe_runs(node)[4].order == 2
