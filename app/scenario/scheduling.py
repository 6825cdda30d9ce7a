"""Whose turn it is: a schedule followed turn by turn, or every order in which the sections can come.

    turns     A:isolate ▶ B ▶ A:end          each goes on to a point, by a number of sections, or to its end
    every     A A B B, A B A B, A B B A ...  depth first, in the order of the actors: the same orders every time

Kept here: nobody who waits for a lock goes on while it is held; what a schedule asks and cannot have is an error
that names the turn.
Left out: what is seen on the way (app.scenario.sight).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from app.errors import InvalidValue
from app.mm.sections import Point
from app.scenario.acting import END, Passed
from app.scenario.playing import Play, Player
from app.scenario.script import EVERY_INTERLEAVING, Case, Turn

# Orders of a case, per policy. Beyond, a schedule has to say which of them is meant.
MOST_ORDERS = 5000
# Sections of one play, and letters to be drawn for all sections of all orders: each is looked at.
MOST_SECTIONS = 2000
MOST_LETTERS = 20_000_000


class ScheduleImpossible(InvalidValue):
    """A schedule asks for what does not come, or for too much."""

    def __init__(self, place: str, *, why: str, accepted: str) -> None:
        """Says where in the schedule, why it cannot be, and what would be accepted."""
        super().__init__("schedule", place, accepted)
        self.detail = f"schedule, {place}: {why}"
        self.args = (self.detail,)

    def name_case(self, case: Case, policy: str) -> None:
        """Says also of which case, under which policy, and where its schedule stands."""
        self.members |= {"case": case.name, "policy": policy}
        name = f"case {case.name!r}, " if case.name else ""
        self.detail = f"{name}{policy}: {self.detail}"
        if case.place is not None:
            self.members |= case.place._asdict()
            self.detail = f"{case.place.file}, line {case.place.line}: {self.detail}"
        self.args = (self.detail,)


class Move(NamedTuple):
    """One section that was done: in which turn (from 1), by whom, and the point that it passed."""

    turn: int
    actor: str
    passed: Passed


def follow(play: Play, turns: Sequence[Turn]) -> Iterator[Move]:
    """Does the turns, and yields after every section.

    An actor that has failed has no further turns: kernels differ in how far it comes. One that waits for a lock
    ends its turn where it stands.
    Raises ScheduleImpossible, naming the turn.
    """
    most, nr_done = _most_sections(play), 0
    for number, turn in enumerate(turns, start=1):
        player = play.players[turn.actor]
        if player.has_failed or (player.has_ended and turn.point == END):
            continue
        nr_before = nr_done
        while not _is_over(player, turn, nr_done - nr_before, number):
            if nr_done == most:
                raise _impossible(turn, number, f"more than {most} sections")
            passed = play.advance(turn.actor)
            nr_done += 1
            yield Move(number, turn.actor, passed)
            if passed.point in {Point.WAIT, turn.point}:
                break


def _most_sections(play: Play) -> int:
    """Returns how many sections one play may have: fewer where memory is large."""
    return min(MOST_SECTIONS, MOST_LETTERS // play.stage.nr_drawn)


def _is_over(player: Player, turn: Turn, nr_sections: int, number: int) -> bool:
    """Returns whether a turn has come to its end; raises ScheduleImpossible when it never will."""
    if not turn.point and nr_sections == turn.times:
        return True
    if not player.has_ended:
        return False
    if turn.point == END or player.has_failed:
        return True
    if nr_sections == 0:
        raise _impossible(turn, number, f"{turn.actor} has ended")
    if turn.point:
        raise _impossible(turn, number, f"{turn.actor} has ended without passing {turn.point!r}")
    raise _impossible(turn, number, f"{turn.actor} has ended after {nr_sections} of {turn.times} sections")


def _impossible(turn: Turn, number: int, why: str) -> ScheduleImpossible:
    name = f"{turn.actor}:{turn.point}" if turn.point else f"{turn.actor} x{turn.times}"
    accepted = "an actor that has sections left, and a point that it comes to"
    return ScheduleImpossible(f"turn {number}, {name}", why=why, accepted=accepted)


def play_every_order(
    make: Callable[[], Play], on_move: Callable[[Play], None]
) -> Iterator[tuple[Play, tuple[str, ...]]]:
    """Plays every order from a fresh stage each, and yields each play at its end with who acted, in order.

    on_move is called after every section that no earlier order has led to. Raises ScheduleImpossible beyond
    MOST_ORDERS, and earlier where memory is large.
    """
    chosen: list[int] = []
    nr_orders = nr_letters = 0
    while True:
        nr_orders += 1
        if nr_orders > MOST_ORDERS or nr_letters > MOST_LETTERS:
            limit = (
                f"{MOST_ORDERS} orders"
                if nr_orders > MOST_ORDERS
                else f"{nr_orders - 1} orders of such memory"
            )
            why = f"the actors' sections have more than {limit}"
            raise ScheduleImpossible(EVERY_INTERLEAVING, why=why, accepted="turns that say which order")
        play = make()
        widths, names = _play_order(play, chosen, on_move)
        nr_letters += len(names) * play.stage.nr_drawn
        yield play, tuple(names)
        while chosen and chosen[-1] + 1 >= widths[len(chosen) - 1]:
            chosen.pop()
        if not chosen:
            return
        chosen[-1] += 1


def _play_order(
    play: Play, chosen: list[int], on_move: Callable[[Play], None]
) -> tuple[list[int], list[str]]:
    """Plays one order: as `chosen` says, and then always the first who can; `chosen` grows to the whole order.

    Returns how many could go on at each section, and who did.
    """
    most, nr_known = _most_sections(play), len(chosen) - 1
    widths: list[int] = []
    names: list[str] = []
    while choices := play.choices:
        depth = len(widths)
        if depth == most:
            why = f"more than {most} sections"
            raise ScheduleImpossible(EVERY_INTERLEAVING, why=why, accepted="acts that end")
        if depth == len(chosen):
            chosen.append(0)
        widths.append(len(choices))
        names.append(choices[chosen[depth]])
        play.advance(names[-1])
        if depth >= nr_known:
            on_move(play)
    return widths, names
