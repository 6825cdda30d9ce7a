"""Players and plays: who stands where, and whether anything is under way."""

import pytest

from app.mm.page import PageKind
from app.scenario.script import Allocate, Contig, Free, Isolate
from tests.scenario.plays import ONE_PAGE, make_play


def test_player_goes_from_act_to_act_without_an_empty_section() -> None:
    """The end of a contiguous allocation leads into the next act at once."""
    play = make_play("|....|M...|", (Contig(4, 8), ONE_PAGE))
    points = []
    while not play.players["A"].has_ended:
        points.append(play.advance("A").point)
    assert points == ["isolate", "drain", "migrate", "take", "undo", "allocate"]
    assert (play.players["A"].result, play.players["A"].pfn) == ("OK", 1)


def test_player_under_way_has_no_result_yet() -> None:
    """Before, in between and after: what a report says of it."""
    play = make_play("|....|....|", Contig(4, 8))
    standings = [play.players["A"].standing]
    while not play.players["A"].has_ended:
        play.advance("A")
        standings.append(play.players["A"].standing)
    assert set(standings[:-1]) == {"-"}
    assert standings[-1] == "OK"


def test_player_that_has_ended_does_not_go_on() -> None:
    """Whoever asks for more has made a mistake."""
    play = make_play("|....|....|", ONE_PAGE)
    play.advance("A")
    with pytest.raises(AssertionError, match="A has ended"):
        play.advance("A")


def test_failure_is_that_of_the_last_act() -> None:
    """An act that fails does not keep the next from coming."""
    play = make_play("|UUUU|UUUU|", (ONE_PAGE, Free(0, 1)), (Free(0, 1), Allocate(PageKind.ANON, order=3)))
    for name in "AABB":
        play.advance(name)
    assert [player.has_failed for player in play.players.values()] == [False, True]
    assert play.players["B"].result == "ENOMEM"


def test_play_is_at_rest_when_nothing_is_under_way_or_held() -> None:
    """An isolation that has ended holds pageblocks; single sections leave nothing behind."""
    play = make_play("|....|....|", Isolate(4, 8), ONE_PAGE)
    play.advance("B")
    states = [play.is_operating]
    while play.choices:
        play.advance("A")
        states.append(play.is_operating)
    assert (states[0], set(states[1:])) == (False, {True})


def test_types_lost_are_named_by_pageblock_and_type() -> None:
    """All that any actor lost so far, actor by actor."""
    play = make_play("|....|U...|", Contig(0, 8), policy="linux-5.15")
    play.stage.node.arrays.block_type[0] = PageKind.NONE
    while not play.players["A"].has_ended:
        play.advance("A")
    assert play.types_lost == ("0 UNMOVABLE->MOVABLE",)
