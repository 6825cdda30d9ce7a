"""The buddy allocator: taking, splitting, merging, and where freed blocks go in their lists."""

import numpy as np
import pytest

from app.mm.checks.invariants import verify
from app.mm.isolation import start_isolate_page_range
from app.mm.kernels import buddy
from app.mm.node import Node
from app.mm.outcome import Caller
from app.mm.page import Migratetype, PageKind
from app.mm.zone import ZoneId
from app.scenario.picture import draw, draw_free_blocks
from tests.mm.kernels.interpreted import only_interpreted
from tests.model.observed import observe_lists
from tests.model.pictures import Style, parse

pytestmark = pytest.mark.interpreted

NORMAL = int(ZoneId.NORMAL)


def free(node: Node, *pfns: int) -> None:
    """Frees runs one by one."""
    node.free_runs(np.array(pfns, np.int64))


def test_alloc_splits_and_lists_upper_halves_at_the_head() -> None:
    """B-2: the lower half is used, each upper half goes to the head of its list."""
    node = parse("|........|........|M.......|........|")
    before = observe_lists(node)
    assert before == {(2, 0, 1): [17], (2, 1, 1): [18], (2, 2, 1): [20], (2, 3, 1): [24], (2, 4, 1): [0]}
    assert node.alloc_page(PageKind.ANON, 4, 1) == 0
    free(node, 0)
    assert node.alloc_page(PageKind.ANON, 2, 1) == 20
    assert node.alloc_page(PageKind.ANON, 2, 1) == 24
    assert node.alloc_page(PageKind.ANON, 2, 1) == 28
    assert node.alloc_page(PageKind.ANON, 2, 1) == 0
    assert observe_lists(node) == {(2, 0, 1): [17], (2, 1, 1): [18], (2, 2, 1): [4], (2, 3, 1): [8]}
    assert verify(node) == []


def test_free_goes_to_the_head() -> None:
    """B-3: what was freed last is used first."""
    node = parse("|MMMMMMMM|MMMMMMMM|")
    free(node, 2, 8)
    assert observe_lists(node) == {(2, 0, 1): [8, 2]}


def test_free_goes_to_the_tail_where_a_merge_looks_likely() -> None:
    """B-3: the combined block's buddy is free with its order already, so reuse is delayed."""
    node = parse("|MM..MMMM|MMMMMMMM|")
    free(node, 8)
    assert observe_lists(node)[2, 0, 1] == [8]
    free(node, 0)
    assert observe_lists(node) == {(2, 0, 1): [8, 0], (2, 1, 1): [2]}


def test_free_just_below_the_largest_order_never_delays() -> None:
    """B-3: o < H - 1, although the next chunk is free."""
    node = parse("|MMMMMMMM|MMMMMMMM|........|........|MMMMMMMM|........|")
    free(node, *range(8, 16))
    assert observe_lists(node) == {(2, 3, 1): [8, 40], (2, 4, 1): [16]}


def test_free_merges_up_to_the_chunk() -> None:
    """B-4: the last page makes it whole, and nothing merges beyond."""
    node = parse("|MMMMMMMM|........|........|........|")
    free(node, *range(8))
    assert draw_free_blocks(node).split() == ["4", "4"]
    assert verify(node) == []


TYPES = "UMRHC"
# B-5: pairs that merge although they differ.
FALLBACK = {frozenset(pair) for pair in ("UM", "UR", "MR")}


@pytest.mark.parametrize("policy", ["linux-5.15", "linux-5.19"])
@pytest.mark.parametrize("first", TYPES)
@pytest.mark.parametrize("second", TYPES)
def test_merge_of_two_types_follows_the_policy(policy: str, first: str, second: str) -> None:
    """B-5: 5.15 merges all but isolated ones, 5.19 equal types and those that fall back to each other."""
    node = parse("|....|....|", Style(policy, types=first + second))
    may_merge = policy == "linux-5.15" or first == second or frozenset((first, second)) in FALLBACK
    assert draw_free_blocks(node) == ("3       " if may_merge else "2   2   ")


@pytest.mark.parametrize("policy", ["linux-5.15", "linux-5.19"])
def test_merge_with_isolated_pageblock_is_refused(policy: str) -> None:
    """B-5: a page freed beside an isolated pageblock stays apart; one freed inside it joins the isolated (I-11)."""
    node = parse("|....|....|MMMM|MMMM|", Style(policy, chunk_shift=2))
    node.arrays.block_type[3] = Migratetype.ISOLATE
    node.stat[NORMAL, 6] = 1
    free(node, 8, 9, 10, 11, 12, 13, 14, 15)
    assert draw_free_blocks(node) == "3       2   2   "
    assert observe_lists(node)[2, 2, 5] == [12]
    assert verify(node, is_operating=True) == []


def test_merge_in_5_15_beside_isolated_pageblock_elsewhere_still_ignores_types() -> None:
    """B-5: the check is for isolated pageblocks only, even while the zone has some."""
    node = parse("|....|MMMM|....|....|", Style("linux-5.15", types="CMMM"))
    assert start_isolate_page_range(node, 8, 16, Caller.ORDINARY) == -1
    free(node, 4, 5, 6, 7)
    assert draw_free_blocks(node)[:8] == "3       "


def test_free_range_frees_every_used_run_once() -> None:
    """Free pages between are passed over."""
    node = parse("|MM..T---|S.......|")
    assert buddy.free_range(node.arrays, 0, 16) == 7
    assert draw(node) == "|........|........|"
    assert node.arrays.owner.sum() == 0
    assert verify(node) == []


def test_free_at_tail_puts_aligned_pieces_behind_all_others() -> None:
    """HP-4: ascending, each as large as its alignment allows."""
    node = parse("|........|........|........|........|")
    assert node.alloc_at(16, 4, PageKind.ANON, owner=1)
    node.arrays.owner[:] = 0
    node.stat[NORMAL, 2] -= 16
    node.set_free(18, 32)
    node.set_kind(16, 18, PageKind.RESERVED)
    assert observe_lists(node) == {(2, 4, 1): [0], (2, 3, 1): [24], (2, 2, 1): [20], (2, 1, 1): [18]}
    assert verify(node) == []


@only_interpreted
def test_move_freepages_block_moves_heads_inside_only() -> None:
    """B-18: a block that begins before is missed, one that begins here moves whole; ascending, to the tail."""
    node = parse("|M.M.....|........|")
    moved = int(buddy.move_freepages_block(node.arrays, NORMAL, 3, int(Migratetype.RECLAIMABLE)))
    assert moved == 6
    assert observe_lists(node)[2, 0, 2] == [1, 3]
    chunk = parse("|....|....|")
    assert int(buddy.move_freepages_block(chunk.arrays, NORMAL, 5, int(Migratetype.RECLAIMABLE))) == 0
    assert int(buddy.move_freepages_block(chunk.arrays, NORMAL, 0, int(Migratetype.RECLAIMABLE))) == 8
    assert observe_lists(chunk) == {(2, 3, 2): [0]}


def test_empty_lists_forgets_every_entry() -> None:
    """Sentinels point to themselves."""
    node = parse("|M.......|........|")
    buddy.empty_lists(node.arrays)
    assert observe_lists(node) == {}
