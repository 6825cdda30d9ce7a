"""A failure file, played: what was done at which moment, what was found, and whether it is what was expected.

    a guest is made ──▶ rules, phases ──▶ time up to a step ──▶ its act ──▶ its expectations ──▶ ... ──▶ the end

Kept here: a file plays the same in every process; at its end the invariants hold, whether it says so or not.
Left out: reading one (app.replay.reading), and how it is told (app.replay.telling).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from app.errors import CapacityError, StateError, VmemsimError
from app.guest.creation import create_guest
from app.mm.checks.laws import Weight
from app.replay.acting import Stage
from app.replay.finding import FOUND, DeviceRow, device_rows
from app.replay.matching import Check, check
from app.replay.plain import at_line
from app.replay.script import Expected, Replay, Step
from app.replay.seen_events import check_events
from app.scenario.reading.document import Value
from app.trace.sink import Kept

# A failure that takes more is no example of anything.
MOST_EVENTS = 1_000_000
_NS_PER_US = 1000
END = "the end"


@dataclass(frozen=True)
class Moment:
    """What became of one step; refused: why its act was not done, None if it was."""

    line: int
    at_us: int
    what: str
    refused: str | None
    checks: tuple[Check, ...]
    events: tuple[Kept, ...]
    # After it.
    devices: tuple[DeviceRow, ...]

    @property
    def agrees(self) -> bool:
        """Whether everything is as expected, an act that nobody expected to be refused included."""
        return self.refused is None and all(one.agrees for one in self.checks)


@dataclass(frozen=True)
class Digests:
    """What is equal wherever a file is played: of the guest's state, and of all that happened to it."""

    state: str
    events: str


class Player:
    """Plays one file."""

    def __init__(self, replay: Replay) -> None:
        """Makes the guest.

        Raises ScenarioInvalid when it cannot be made.
        """
        self._replay = replay
        try:
            with at_line(replay.place):
                self._guest = create_guest(replay.spec, event_ring_capacity=MOST_EVENTS)
        except (StateError, CapacityError) as error:
            raise replay.place.refuse(f"a guest that can be made: {error.detail}") from error
        self._stage = Stage(self._guest)
        self._nr_told = 0

    def play(self) -> Iterator[Moment]:
        """Yields what becomes of each step, and of the end.

        Raises ScenarioInvalid for an expectation that nothing can meet.
        """
        yield self._begin()
        for step in self._replay.steps:
            yield self._play_step(step)
        yield self._end()

    def digests(self) -> Digests:
        """Returns what the guest is now."""
        return Digests(self._guest.digest(), self._guest.event_digest())

    # ---------------------------------------------------------------------------------------- inside

    def _begin(self) -> Moment:
        told = [self._stage.add_fault(fault) for fault in self._replay.faults]
        return self._moment(1, "; ".join(["make the guest", *told]))

    def _play_step(self, step: Step) -> Moment:
        if step.at_us is not None:
            self._guest.run_until(step.at_us * _NS_PER_US)
        what, refusal = "look", None
        if step.act is not None:
            what, refusal = step.act.word, None
            try:
                what = self._stage.do(step.act)
            except VmemsimError as error:
                refusal = error.detail
            if self._replay.is_instant and refusal is None:
                self._guest.settle()
        self._take_outcomes()
        expected = step.expected or Expected({})
        checks = [*self._refusal_checks(expected, refusal), *self._checks(expected)]
        is_expected = expected.refused is not None
        return self._moment(step.line, what, None if is_expected else refusal, checks)

    def _end(self) -> Moment:
        """Checks what is expected at the end, and the invariants always."""
        expected = self._replay.end or Expected({})
        checks = list(self._checks(expected))
        if "invariants" not in expected.parts:
            checks.append(self._check_invariants(None))
        return self._moment(0, END, None, checks)

    def _take_outcomes(self) -> None:
        for outcome in self._guest.take_outcomes():
            self._stage.outcome = outcome

    def _moment(
        self, line: int, what: str, refused: str | None = None, checks: list[Check] | None = None
    ) -> Moment:
        events = tuple(self._guest.events.read(self._nr_told, MOST_EVENTS))
        self._nr_told = self._guest.events.emitted
        devices = device_rows(self._guest)
        return Moment(line, self._guest.clock.now_us, what, refused, tuple(checks or ()), events, devices)

    # -------------------------------------------------------------------------------- expectations

    def _refusal_checks(self, expected: Expected, refusal: str | None) -> Iterator[Check]:
        if expected.refused is not None:
            wanted = str(expected.refused.content)
            found = "it was done" if refusal is None else refusal
            yield Check(
                "refused", expected.refused.line, wanted, found, refusal is not None and wanted in refusal
            )

    def _checks(self, expected: Expected) -> Iterator[Check]:
        for part, value in expected.parts.items():
            if part == "invariants":
                yield self._check_invariants(value)
            elif part == "events":
                yield from check_events(value, [row.event for row in self._guest.events.read(0, MOST_EVENTS)])
            else:
                yield from check(value, FOUND[part](self._stage))

    def _check_invariants(self, value: Value | None) -> Check:
        """Holds no finding against the guest that its kernel leaves, too."""
        broken = [row for row in self._guest.verify() if row["weight"] is Weight.FAILURE]
        found = "; ".join(f"{row['id']} {row['where']}: {row['found']}" for row in broken) or "hold"
        line = 0 if value is None else value.line
        return Check("invariants", line, "hold", found, not broken)
