"""Copying pages and listing free blocks anew, by the kernels alone: every byte that counts, and no other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.mm.kernels import fork, layout
from app.mm.node import Node
from app.mm.page import Migratetype
from app.mm.zone import ZoneId
from app.scenario.picture import TYPE_LETTERS, draw_free_blocks, draw_lists
from tests.model.pictures import Style, parse

pytestmark = pytest.mark.interpreted

MIXED = Style(
    policy="linux-5.15", chunk_shift=2, types="UMCC" + "MMMM", freed_in_order=(0, 1, 2, 3, 4, 5, 6, 7)
)
NAMES = {letter: migratetype.name for migratetype, letter in TYPE_LETTERS.items()}


def emptied(node: Node) -> Node:
    """A node of the same geometry and policy that holds no pages yet, but whose zones are the same."""
    copy = Node(node.geometry, node.policy, nr_pages=node.nr_pages)
    copy.arrays.block_type[:] = node.arrays.block_type
    copy.arrays.block_zone[:] = node.arrays.block_zone
    return copy


def test_copy_pages_takes_broken_and_whole_pageblocks() -> None:
    """Heads, owners and links are equal: of single pages, of a pageblock, of a chunk; nothing else is written."""
    node = parse("|M..U.ff.|........|T-------|........|C-------|--------|........|........|")
    copy = emptied(node)
    fork.copy_pages(node.arrays, copy.arrays)
    assert np.array_equal(copy.arrays.head, node.arrays.head)
    assert np.array_equal(copy.arrays.owner, node.arrays.owner)
    assert draw_lists(copy, ZoneId.NORMAL) == draw_lists(node, ZoneId.NORMAL)
    # The second chunk is broken nowhere: its pages' own bytes were never written.
    first = node.arrays.geo.others + 16
    assert not copy.arrays.link[2 * node.arrays.geo.others + 16 : 2 * node.arrays.geo.others + 64].any()
    assert not copy.arrays.head[first : first + 48].any()


def test_copy_pages_leaves_out_what_is_not_online() -> None:
    """Bytes that stand where no memory is online are none of the copy's."""
    node = parse("|........|........|        |        |")
    node.arrays.head[layout.index_of(node.arrays, 24)] = 0x33
    copy = emptied(node)
    fork.copy_pages(node.arrays, copy.arrays)
    assert layout.head_at(copy.arrays, 24) == 0
    assert draw_free_blocks(copy).strip() == "4"


@pytest.mark.parametrize(
    ("is_strict", "lists"),
    [
        (0, ("4@0 UNMOVABLE", "5@32 MOVABLE", "4@16 CMA")),
        (1, ("3@0 UNMOVABLE", "3@8 MOVABLE", "5@32 MOVABLE", "4@16 CMA")),
    ],
)
def test_list_anew_cuts_types_apart(is_strict: int, lists: tuple[str, ...]) -> None:
    """B-5, B-8: a chunk over UMCC becomes U+M and C where they may share, else U, M and C; counters follow."""
    node = parse("|........|........|........|........|........|........|........|........|", MIXED)
    assert draw_free_blocks(node).split() == ["5", "5"]
    copy = emptied(node)
    fork.copy_pages(node.arrays, copy.arrays)
    fork.list_anew(node.arrays, copy.arrays, is_strict)
    found = draw_lists(copy, ZoneId.NORMAL)
    assert sorted(found) == sorted(lists)
    stat = copy.stat[ZoneId.NORMAL]
    assert (stat[layout.S_NR_FREE], stat[layout.S_NR_FREE_CMA]) == (64, 16)
    assert copy.nr_free.sum() == len(lists)


def test_list_anew_keeps_the_order_of_entries() -> None:
    """Entries that may stay keep their order; an entry on a list of another type goes behind those of its own."""
    node = parse("|.M.M.M.M|.M.M.M.M|", Style(policy="linux-5.15", types="MU"))
    before = draw_lists(node, ZoneId.NORMAL)
    # The second pageblock becomes MOVABLE after its pages were listed: they lie on a list of another type.
    node.arrays.block_type[1] = Migratetype.MOVABLE
    copy = emptied(node)
    fork.copy_pages(node.arrays, copy.arrays)
    fork.list_anew(node.arrays, copy.arrays, 1)
    unmovable = [entry.replace("UNMOVABLE", "MOVABLE") for entry in before if entry.endswith(" UNMOVABLE")]
    movable = [entry for entry in before if entry.endswith(" MOVABLE")]
    assert unmovable
    assert list(draw_lists(copy, ZoneId.NORMAL)) == movable + unmovable


@settings(max_examples=30, deadline=None)
@given(types=st.text("UMRHC", min_size=8, max_size=8), is_strict=st.integers(0, 1))
def test_list_anew_loses_no_page(types: str, is_strict: int) -> None:
    """Whatever the types are, the same pages are free, and no list holds what it may not."""
    style = MIXED._replace(types=types)
    node = parse("|........|........|........|........|........|........|........|........|", style)
    copy = emptied(node)
    fork.copy_pages(node.arrays, copy.arrays)
    fork.list_anew(node.arrays, copy.arrays, is_strict)
    entries = [entry.split() for entry in draw_lists(copy, ZoneId.NORMAL)]
    covered: list[int] = []
    for place, listed in entries:
        order, pfn = (int(number) for number in place.split("@"))
        here = {NAMES[types[page >> 3]] for page in range(pfn, pfn + (1 << order))}
        assert here == {listed} or (not is_strict and here | {listed} <= {NAMES[letter] for letter in "UMR"})
        covered += range(pfn, pfn + (1 << order))
    assert sorted(covered) == list(range(64))


def test_count_reserved_follows_pageblocks() -> None:
    """INV-12: the reserve is what HIGHATOMIC pageblocks are, zone by zone."""
    node = parse("|........|M.......|........|........|", Style(types="MHHM"))
    node.stat[ZoneId.NORMAL, layout.S_NR_RESERVED_HIGHATOMIC] = 5
    fork.count_reserved(node.arrays)
    assert node.stat[:, layout.S_NR_RESERVED_HIGHATOMIC].tolist() == [0, 0, 16, 0]
