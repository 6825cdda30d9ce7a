"""Pictures: what is drawn is what was parsed, and what was parsed is a sound node."""

import pytest

from app.mm.invariants import verify
from app.mm.page import PageKind
from app.mm.zone import ZoneId
from tests.model.observed import observe_lists, observe_runs
from tests.model.pictures import LETTERS, Style, draw, draw_free_blocks, draw_types, parse

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


@pytest.mark.parametrize("picture", ["|...|...|", "|....|", "|C--.|....|", "|....|.....|"])
def test_parse_of_impossible_picture_refuses(picture: str) -> None:
    """Pageblocks and runs are powers of two, and chunks are whole."""
    with pytest.raises(AssertionError):
        parse(picture)
