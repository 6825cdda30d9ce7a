"""Actors on a stage: each goes on section by section when it is its turn.

Kept here: between two sections the stage belongs to nobody, as between two holds of the zone lock (I-13).
Left out: whose turn it is (app.scenario.scheduling), what is seen meanwhile (app.scenario.sight).
"""

from collections.abc import Mapping, Sequence

from app.mm.outcome import TypeLost
from app.mm.sections import Point
from app.scenario.acting import END, OK, Acting, Answer, Passed, perform
from app.scenario.script import Act, Actor
from app.scenario.stage import Stage

# What is said of an actor whose last act has not ended.
WAITS = "WAIT"
UNDER_WAY = "-"


class Player:
    """One actor while the play goes on."""

    def __init__(self, actor: Actor, stage: Stage) -> None:
        """Stands before its first act."""
        self.name = actor.name
        self._stage = stage
        self._to_come = list(reversed(actor.acts))
        self._under_way: Acting | None = None
        # The act that is under way, or the last one; None before the first.
        self.act: Act | None = None
        # The lock that it was refused last; "" when it has gone on since.
        self._awaited = ""
        # Of the last act that ended; "" before.
        self.result = ""
        # First page of its last allocation; -1 before.
        self.pfn = -1
        self.nr_migrated = 0
        self.types_lost: tuple[TypeLost, ...] = ()
        self.values: Mapping[str, int | str] = {}

    @property
    def has_ended(self) -> bool:
        """Whether nothing is left to do."""
        return self._under_way is None and not self._to_come

    @property
    def has_failed(self) -> bool:
        """Whether its last act has ended, and not well."""
        return self.has_ended and self.result != OK

    @property
    def is_under_way(self) -> bool:
        """Whether an act has begun and not ended."""
        return self._under_way is not None

    @property
    def is_blocked(self) -> bool:
        """Whether it waits for a lock that somebody holds."""
        return bool(self._awaited) and self._stage.is_locked(self._awaited)

    @property
    def standing(self) -> str:
        """Its last result, or that it waits, or has not ended."""
        if self.has_ended:
            return self.result
        return WAITS if self.is_blocked else UNDER_WAY

    def advance(self) -> Passed:
        """Does one section and returns the point that it has passed.

        An act whose sections were all done before leads into the next one at once.
        """
        assert not self.has_ended, f"{self.name} has ended"
        while True:
            if self._under_way is None:
                self.act = self._to_come.pop()
                self._under_way = perform(self._stage, self.act)
            try:
                passed = next(self._under_way)
            except StopIteration as stop:
                answer: Answer = stop.value
                self._close(answer)
                if answer.point != END or self.has_ended:
                    return Passed(answer.point, max(answer.at, answer.pfn))
            else:
                self._awaited = passed.lock if passed.point == Point.WAIT else ""
                return Passed(str(passed.point), passed.pfn, passed.lock)

    def _close(self, answer: Answer) -> None:
        self._under_way = None
        self._awaited = ""
        self.result = answer.result
        self.pfn = answer.pfn if answer.pfn >= 0 else self.pfn
        self.nr_migrated += answer.nr_migrated
        self.types_lost = (*self.types_lost, *answer.types_lost)
        self.values = answer.values


class Play:
    """A stage with its actors."""

    def __init__(self, stage: Stage, actors: Sequence[Actor]) -> None:
        """Nobody has acted yet."""
        self.stage = stage
        self.players = {actor.name: Player(actor, stage) for actor in actors}

    def advance(self, name: str) -> Passed:
        """Lets one actor do one section."""
        return self.players[name].advance()

    @property
    def is_operating(self) -> bool:
        """Whether some act has begun and not ended, or isolated pageblocks that are to be given back."""
        return bool(self.stage.held) or any(player.is_under_way for player in self.players.values())

    @property
    def choices(self) -> list[str]:
        """Who could go on now, in the order of the file."""
        return [
            name for name, player in self.players.items() if not player.has_ended and not player.is_blocked
        ]

    @property
    def types_lost(self) -> tuple[str, ...]:
        """The pageblocks that came out of isolation as another type, actor by actor: "pageblock OLD->NEW"."""
        order = self.stage.node.geometry.pageblock_order
        first = self.stage.first_pfn >> order
        lost = [each for player in self.players.values() for each in player.types_lost]
        return tuple(f"{(each.pfn >> order) - first} {each.old.name}->{each.new.name}" for each in lost)
