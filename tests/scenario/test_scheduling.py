"""Schedules: turns followed, turns that cannot be, and every order of the sections."""

from collections import Counter
from dataclasses import replace
from math import comb

import pytest

from app.mm.page import PageKind
from app.scenario import scheduling
from app.scenario.playing import Play
from app.scenario.scheduling import ScheduleImpossible, follow, play_every_order
from app.scenario.script import Act, Allocate, AreaSpec, Case, CmaAlloc, Contig, PictureStart, Place
from tests.scenario.plays import ONE_PAGE, make_play, turns_of

TWO_AREAS = PictureStart("|....|....|", types="CC", areas=(AreaSpec("X", 0, 4), AreaSpec("Y", 4, 8)))
THREE_PAGES = Allocate(PageKind.ANON, nr_runs=3)


def followed(play: Play, schedule: str) -> list[str]:
    """Follows a schedule; returns "turn actor point" of each section."""
    turns = turns_of(schedule)
    assert not isinstance(turns, str)
    return [f"{turn} {actor} {passed.point}" for turn, actor, passed in follow(play, turns)]


def every(*acts: Act) -> list[str]:
    """Plays every order of the acts on two free pageblocks; returns the orders."""
    plays = play_every_order(lambda: make_play("|....|....|", *acts), lambda _: None)
    return ["".join(order) for _, order in plays]


def test_turn_goes_on_to_its_point_by_a_number_or_to_the_end() -> None:
    """The three ways to say how far."""
    play = make_play("|....|M...|", Contig(4, 8), THREE_PAGES)
    assert followed(play, "A:drain B*2 A:end B") == [
        "1 A isolate",
        "1 A drain",
        "2 B allocate",
        "2 B allocate",
        "3 A migrate",
        "3 A take",
        "3 A undo",
        "4 B allocate",
    ]


def test_turns_of_an_actor_that_failed_are_passed_over() -> None:
    """Up to 5.18 the neighbour's unmovable page ends what later kernels carry on."""
    schedule = "A:isolate A:take A:end"
    early = make_play("|U...|....|", Contig(4, 8), policy="linux-5.15")
    assert followed(early, schedule) == ["1 A end"]
    late = make_play("|U...|....|", Contig(4, 8))
    assert followed(late, schedule)[-1] == "3 A undo"


def test_end_of_an_actor_that_has_ended_is_passed_over() -> None:
    """There is nothing left to do."""
    assert followed(make_play("|....|....|", ONE_PAGE), "A:end A:end") == ["1 A allocate"]


def test_waiting_ends_a_turn_where_it_stands() -> None:
    """A lock that is held stops the actor, not the schedule; later it goes on."""
    play = make_play(TWO_AREAS, CmaAlloc("X", 4), CmaAlloc("Y", 4))
    assert followed(play, "A:isolate B:take")[-1] == "2 B wait"
    assert followed(play, "A:end B:end")[-1] == "2 B end"
    assert play.players["B"].result == "OK"


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("A:end A", "turn 2, A x1: A has ended$"),
        ("A:end A:isolate", "turn 2, A:isolate: A has ended$"),
        ("A:cut", "turn 1, A:cut: A has ended without passing 'cut'"),
        ("A*99", "turn 1, A x99: A has ended after 4 of 99 sections"),
    ],
)
def test_turn_that_cannot_be_is_an_error_with_its_place(schedule: str, words: str) -> None:
    """The number of the turn and what it says."""
    with pytest.raises(ScheduleImpossible, match=f"^schedule, {words}") as refused:
        followed(make_play("|....|....|", Contig(4, 8), policy="linux-6.17"), schedule)
    assert refused.value.members["field"] == "schedule"


def test_impossible_schedule_names_its_case_policy_and_line() -> None:
    """As far as there are any: a case that was not read stands nowhere."""
    case = Case("", PictureStart("|....|....|"), (), (), ())
    error = ScheduleImpossible("turn 1", why="no", accepted="yes")
    error.name_case(case, "linux-6.17")
    assert (error.detail, error.members.get("line")) == ("linux-6.17: schedule, turn 1: no", None)
    error = ScheduleImpossible("turn 1", why="no", accepted="yes")
    error.name_case(replace(case, name="one", place=Place("x.yaml", 3, 5)), "linux-6.17")
    assert str(error) == "x.yaml, line 3: case 'one', linux-6.17: schedule, turn 1: no"
    placed = {"case": "one", "policy": "linux-6.17", "file": "x.yaml", "line": 3, "column": 5}
    assert placed.items() <= error.members.items()


def test_schedule_of_too_many_sections_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each section is looked at, so a play has a limit."""
    monkeypatch.setattr(scheduling, "MOST_SECTIONS", 2)
    with pytest.raises(ScheduleImpossible, match="turn 2, A x1: more than 2 sections"):
        followed(make_play("|....|....|", THREE_PAGES), "A*2 A")
    with pytest.raises(ScheduleImpossible, match="more than 2 sections"):
        every(THREE_PAGES)


def test_every_order_is_played_once_in_the_same_sequence() -> None:
    """All ways to mix two times three sections, the first actor first."""
    orders = every(THREE_PAGES, THREE_PAGES)
    assert orders == sorted(orders)
    assert len(set(orders)) == len(orders) == comb(6, 3)
    assert all(Counter(order) == {"A": 3, "B": 3} for order in orders)


def test_every_order_follows_actors_whose_length_depends_on_others() -> None:
    """A page that is taken first has to be migrated."""
    orders = every(Contig(0, 4), ONE_PAGE)
    assert len({len(order) for order in orders}) > 1
    assert len(set(orders)) == len(orders)


def test_every_order_leaves_out_who_waits() -> None:
    """While the lock is held its waiter is not chosen, so both always come to their end."""
    plays = play_every_order(lambda: make_play(TWO_AREAS, CmaAlloc("X", 4), CmaAlloc("Y", 4)), lambda _: None)
    assert {player.result for play, _ in plays for player in play.players.values()} == {"OK"}


def test_every_order_looks_at_each_section_once() -> None:
    """What an earlier order has led to is not looked at again."""
    moments: list[Play] = []
    plays = play_every_order(lambda: make_play("|....|....|", ONE_PAGE, ONE_PAGE), moments.append)
    assert len(list(plays)) == 2
    assert len(moments) == 4


def test_too_many_orders_are_refused_with_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is told, and what to do."""
    monkeypatch.setattr(scheduling, "MOST_ORDERS", 19)
    with pytest.raises(ScheduleImpossible, match="more than 19 orders") as refused:
        every(THREE_PAGES, THREE_PAGES)
    assert "turns" in str(refused.value.members["accepted"])


def test_orders_of_large_memory_are_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every section is looked at, page by page."""
    monkeypatch.setattr(scheduling, "MOST_LETTERS", 90)
    with pytest.raises(ScheduleImpossible, match="more than 3 orders of such memory"):
        every(THREE_PAGES, ONE_PAGE)
    with pytest.raises(ScheduleImpossible, match="turn 1, A x3: more than 1 sections"):
        followed(make_play("|" + "....|" * 16, THREE_PAGES), "A*3")
