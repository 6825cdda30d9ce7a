"""Pictures: what is drawn is what was parsed, and what was parsed is a sound node."""

import pytest

from app.errors import InvalidValue
from app.mm.checks.invariants import verify
from app.mm.contig import alloc_contig_range
from app.mm.gigantic import gigantic_owner
from app.mm.isolation import start_isolate_page_range
from app.mm.outcome import Caller, Errno
from app.mm.page import PageKind
from app.mm.policies.policy import policy
from app.mm.zone import ZoneId
from app.scenario.picture import LETTERS, build, draw, draw_free_blocks, draw_lists, draw_types, read_picture
from app.scenario.script import AreaSpec, PictureStart
from tests.model.observed import observe_lists, observe_runs
from tests.model.pictures import Style, parse

PICTURES = (
    "|MMMM....|..U.....|",
    "|MfFPUSBW|T---G---|",
    "|G-------|--------|",
    "|OOOO....|ROOOOOOO|",
    "|K-KKK---|........|",
    "|....|....|    |    |..M.|OOOO|",
)


@pytest.mark.parametrize("picture", PICTURES)
def test_draw_of_parsed_picture_gives_the_picture(picture: str) -> None:
    """A picture and its node cannot drift apart."""
    assert draw(parse(picture)) == picture


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("zone", [ZoneId.NORMAL, ZoneId.MOVABLE])
def test_parse_of_any_picture_gives_a_lawful_node(picture: str, zone: ZoneId) -> None:
    """Counters, lists and tiling are right from the start."""
    assert verify(parse(picture, Style(zone=zone))) == []


def test_parse_of_letters_knows_every_kind() -> None:
    """Each kind but NONE has a letter of its own."""
    assert set(LETTERS) == set(PageKind) - {PageKind.NONE}
    assert len(set(LETTERS.values())) == len(LETTERS)


def test_parse_with_dashes_makes_one_run() -> None:
    """Dashes continue a run over a pageblock's edge; each used run has its own owner."""
    assert observe_runs(parse("|C---|----|")) == {0: (PageKind.UNMOVABLE, 3, 1)}


def test_parse_with_types_frees_pageblocks_in_the_order_asked() -> None:
    """Types that fall back to each other merge to one chunk, on the list of the pageblock freed last."""
    node = parse("|....|....|", Style(types="RM"))
    assert draw_types(node) == "RM"
    assert observe_lists(node) == {(2, 3, 1): [0]}
    node = parse("|....|....|", Style(types="RM", freed_in_order=(1, 0)))
    assert observe_lists(node) == {(2, 3, 2): [0]}
    assert draw_free_blocks(node) == "3       "


def test_parse_with_chunk_of_four_pageblocks_merges_them() -> None:
    """chunk_shift is how many times larger the chunk is than the pageblock, as an order."""
    assert draw_free_blocks(parse("|....|....|....|...M|", Style(chunk_shift=2))) == "3       2   1 0 "


@pytest.mark.parametrize(
    ("picture", "place", "accepted"),
    [
        ("|...|...|", "row 1, column 2", "power of two; this one has 3"),
        ("|....|", "how many pageblocks", "a multiple of 2"),
        ("|C--.|....|", "row 1, column 2", "it has 3"),
        ("|....|.....|", "row 1, column 7", "the first has 4 pages, this one 5"),
        ("|....|....|\n|..M.|.x..|", "row 2, column 8", ". c M f F T G P U K S R O B W"),
        ("|....|....|\n....|....|", "row 2", "between | and |"),
        ("", "row 1", "between | and |"),
        ("|....||....|", "row 1, column 7", "no pageblock is empty"),
        ("|.-..|....|", "row 1, column 3", "the first page of a run"),
        ("|.T-.|....|", "row 1, column 3", "at a multiple of its size; it is at page 1"),
        ("|T---|----|----|----|", "row 1, column 2", "at most a chunk (8 pages)"),
        ("|....|    |", "row 1, column 7", "everywhere or nowhere"),
        ("|    |    |", "pages", "some memory"),
        ("|" + ("." * 512 + "|") * 10, "pages", "at most 4096 pages"),
        ("|.|.|", "geometry.pageblock_order", "1 to max_order"),
    ],
)
def test_read_of_broken_picture_names_the_place(picture: str, place: str, accepted: str) -> None:
    """What cannot be memory is refused with row, column and what would be accepted."""
    with pytest.raises(InvalidValue) as caught:
        read_picture(PictureStart(picture))
    assert place in caught.value.detail
    assert accepted in caught.value.detail


@pytest.mark.parametrize(
    ("start", "place"),
    [
        (PictureStart("|....|....|", types="M"), "types"),
        (PictureStart("|....|....|", types="MI"), "types"),
        (PictureStart("|....|....|", freed=(0,)), "freed"),
        (PictureStart("|....|....|", freed=(1, 1)), "freed"),
        (PictureStart("|....|....|", zone="DMA"), "zone"),
        (PictureStart("|....|....|", chunk_shift=14), "geometry.max_order"),
    ],
)
def test_read_of_start_that_does_not_fit_names_the_member(start: PictureStart, place: str) -> None:
    """Types, order of frees, zone and chunk must fit the picture."""
    with pytest.raises(InvalidValue) as caught:
        read_picture(start)
    assert caught.value.detail.startswith(place)


def test_parse_of_several_rows_makes_one_range() -> None:
    """Rows follow each other; blanks around them mean nothing."""
    assert draw(parse("|M...|....|\n  |....|...U|\n")) == "|M...|....|....|...U|"


def test_draw_lists_names_blocks_in_list_order() -> None:
    """A list's head is first; a type's small blocks stand before its large ones."""
    node = parse("|.M.M|....|...M|M...|", Style(types="MMMU"))
    unmovable = ("0@13 UNMOVABLE", "1@14 UNMOVABLE")
    movable = ("0@0 MOVABLE", "0@2 MOVABLE", "0@10 MOVABLE", "1@8 MOVABLE", "2@4 MOVABLE")
    assert draw_lists(node, ZoneId.NORMAL) == unmovable + movable


@pytest.mark.parametrize("policy_name", ["linux-6.16", "linux-6.17"])
def test_draw_types_of_isolated_pageblock_shows_the_effective_type(policy_name: str) -> None:
    """Whether isolation is a type or a bit beside it, the picture is the same."""
    node = parse("|....|....|", Style(policy_name, types="RM"))
    assert start_isolate_page_range(node, 0, 4, Caller.ORDINARY) == -1
    assert draw_types(node) == "IM"


def test_parse_of_hugetlb_above_the_chunk_makes_a_gigantic_page() -> None:
    """It is tiled with runs of a chunk that belong together, and no contiguous allocation can move it (K-3)."""
    node = parse("|G---|----|----|----|....|....|....|....|")
    assert draw(node) == "|G---|----|G---|----|....|....|....|....|"
    assert node.owned_pfns(gigantic_owner(1)).tolist() == [0, 8]
    outcome = alloc_contig_range(node, 0, 16, kind=PageKind.OFFLINE)
    assert (outcome.result, outcome.step) == (Errno.ENOMEM, "migrate")
    assert verify(node) == []


def test_build_with_kernel_pages_among_movable_ones_means_them() -> None:
    """What is drawn in ZONE_MOVABLE or in CMA is there on purpose; what is allocated later is held to the law."""
    movable = build(PictureStart("|U...|....|", zone="Movable"), policy("linux-5.19"))
    cma = build(PictureStart("|U...|....|", types="CM", areas=(AreaSpec("X", 0, 4),)), policy("linux-5.19"))
    assert verify(movable) == verify(cma) == []
    assert movable.alloc_at(1, 0, PageKind.UNMOVABLE, owner=9)
    assert [broken.id for broken in verify(movable)] == ["INV-15"]


def test_build_with_areas_declares_them() -> None:
    """Areas are there, and hold the policy's alignment law (C-7)."""
    start = PictureStart("|....|....|", types="MC", areas=(AreaSpec("X", 4, 8),))
    node = build(start, policy("linux-5.19"))
    assert [(area.start_pfn, area.end_pfn) for area in node.cma_areas.values()] == [(4, 8)]
    assert verify(node) == []
    with pytest.raises(InvalidValue):
        build(start, policy("linux-5.15"))


def test_build_with_highatomic_pageblocks_counts_the_reserve() -> None:
    """The reserve counts the pageblocks drawn, or what the start says."""
    node = build(PictureStart("|....|....|", types="HM"), policy("linux-5.19"))
    assert node.zones[ZoneId.NORMAL].nr_reserved_highatomic == 4
    assert verify(node) == []
    other = PictureStart("|....|....|", types="HM", nr_reserved_highatomic=2)
    assert build(other, policy("linux-5.19")).zones[ZoneId.NORMAL].nr_reserved_highatomic == 2
