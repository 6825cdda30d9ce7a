"""Stealing between migratetypes, one way after the other."""

import pytest

from app.mm.checks.invariants import verify
from app.mm.kernels import layout
from app.mm.page import PageKind
from app.scenario.picture import draw_types
from tests.model.observed import observe_lists
from tests.model.pictures import Style, parse

pytestmark = pytest.mark.interpreted

BOTH = pytest.mark.parametrize("name", ["linux-5.15", "linux-5.19"])


@BOTH
@pytest.mark.parametrize(
    ("kind", "types", "taken"),
    [
        (PageKind.UNMOVABLE, "MMRR", 8),
        (PageKind.ANON, "UURR", 8),
        (PageKind.RECLAIMABLE, "MMUU", 8),
        (PageKind.UNMOVABLE, "MMMM", 8),
        (PageKind.RECLAIMABLE, "MMMM", 8),
        (PageKind.ANON, "UUUU", 8),
    ],
)
def test_steal_asks_types_in_their_order(kind: PageKind, types: str, taken: int, name: str) -> None:
    """B-13: each request has a first and a second type to fall back to; among equals the list's order decides."""
    picture = "|....|....|....|....|"
    node = parse(
        picture, Style(name, types=types, freed_in_order=(2, 3, 0, 1) if len(set(types)) == 1 else ())
    )
    assert node.alloc_page(kind, 0, 1) == taken
    assert verify(node) == []


@BOTH
@pytest.mark.parametrize("kind", [PageKind.UNMOVABLE, PageKind.PINNED, PageKind.RECLAIMABLE])
def test_steal_never_touches_cma(kind: PageKind, name: str) -> None:
    """B-13: it has no place in the table; HIGHATOMIC has none either, but pressure gives that up."""
    node = parse("|....|....|....|....|", Style(name, types="CCCC"))
    assert node.alloc_page(kind, 0, 1) == -1


@BOTH
def test_steal_of_whole_chunk_retypes_every_pageblock(name: str) -> None:
    """B-14: a block of at least a pageblock is claimed as it is; what is left over lies on the new type's lists."""
    node = parse("|....|....|....|....|", Style(name, chunk_shift=2))
    assert node.alloc_page(PageKind.UNMOVABLE, 0, 1) == 0
    assert draw_types(node) == "UUUU"
    assert observe_lists(node) == {(2, 0, 0): [1], (2, 1, 0): [2], (2, 2, 0): [4], (2, 3, 0): [8]}
    assert verify(node) == []


@BOTH
@pytest.mark.parametrize(
    ("picture", "kind", "new_type"),
    [
        # Free and movable pages are half of the block: it becomes MOVABLE.
        ("|MM..UUUU|UUUUUUUU|", PageKind.ANON, "M"),
        # A quarter is not enough: only the free pages go over.
        ("|..UUUUUU|UUUUUUUU|", PageKind.ANON, "U"),
    ],
)
def test_claim_for_movable_counts_movable_pages(
    name: str, picture: str, kind: PageKind, new_type: str
) -> None:
    """B-14, alike: what is free, and what on the block is movable, against half of it."""
    node = parse(picture, Style(name, types="UU"))
    assert node.alloc_page(kind, 0, 99) >= 0
    assert draw_types(node) == new_type + "U"
    assert all(key[2] == layout.MOVABLE for key in observe_lists(node))
    assert verify(node) == []


@BOTH
@pytest.mark.parametrize(
    ("picture", "types", "new_type"),
    [
        # From a MOVABLE block everything that is not movable is alike.
        ("|.UUUMMMM|MMMMMMMM|", "MM", "U"),
        ("|.UUMMMMM|MMMMMMMM|", "MM", "M"),
        # From any other block nothing is: only free pages count.
        ("|....SSSS|SSSSSSSS|", "RR", "U"),
        ("|..SSSSSS|SSSSSSSS|", "RR", "R"),
        # Hugetlb pages do not lie on the LRU, so they count as kernel pages.
        ("|..G-MMMM|MMMMMMMM|", "MM", "U"),
        # A huge page counts with all its pages, also those of movable operations.
        ("|.UUBT---|MMMMMMMM|", "MM", "M"),
    ],
)
def test_claim_for_unmovable_counts_what_is_alike(name: str, picture: str, types: str, new_type: str) -> None:
    """B-14, alike: for a kernel request it depends on the block's old type."""
    node = parse(picture, Style(name, types=types))
    assert node.alloc_page(PageKind.UNMOVABLE, 0, 99) == 0
    assert draw_types(node)[0] == new_type
    assert verify(node) == []


@BOTH
def test_movable_request_that_cannot_claim_takes_the_smallest(name: str) -> None:
    """B-14: pollute as little as possible: the smallest page instead of the largest, and only that one."""
    blocks = ["U" * 16 + "." + "U" * 15, "U" * 16 + ".." + "U" * 14]
    node = parse(f"|{'|'.join(blocks)}|", Style(name, types="UU"))
    assert node.alloc_page(PageKind.ANON, 0, 99) == 16
    assert observe_lists(node) == {(2, 1, 0): [48]}
    assert draw_types(node) == "UU"


@BOTH
def test_mixed_highatomic_page_is_never_claimed_as_a_block(name: str) -> None:
    """B-14, B-25: that one page moves, its pageblock's type stays."""
    node = parse("|....|UUUU|", Style(name, types="MU"))
    node.arrays.block_type[0] = layout.HIGHATOMIC
    assert node.alloc_page(PageKind.UNMOVABLE, 0, 99) == 0
    assert draw_types(node) == "HU"
