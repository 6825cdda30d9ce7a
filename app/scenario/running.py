"""Playing a scenario's case under a policy, and what came of it.

    case, policy ──▶ stage ──▶ sections in the schedule's order ──▶ moments ──▶ compared with what is expected

Kept here: the same case and policy give the same outcome, in every process.
Left out: how an outcome is shown (app.scenario.telling).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from app.errors import InvalidValue, Unknown
from app.mm.policies.policy import KernelPolicy
from app.mm.policies.policy_text import parse_policy
from app.scenario.judging import Breakage, Difference, compare, find_drawn, find_failures
from app.scenario.playing import Play
from app.scenario.scheduling import ScheduleImpossible, follow, play_every_order
from app.scenario.script import Case, Expectation, PictureStart, PolicyExpectation, Scenario, Turn
from app.scenario.sight import Moment, Onlooker, Sight, in_order
from app.scenario.stage import make_stage

# Of thousands of orders that differ from what is expected, a few tell as much.
_MOST_DIFFERENCES = 20
_MOST_ENDS = 64


class Step(NamedTuple):
    """One section: its turn (from 1; 0 is the start), who did it, the point that it passed, and what is seen then."""

    turn: int
    actor: str
    point: str
    pfn: int
    moment: Moment


class End(NamedTuple):
    """How a play ended: who acted, section by section (the first such order), and the moments on the way.

    steps: empty when every order was played; retrace() tells them.
    """

    order: tuple[str, ...]
    moment: Moment
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class CaseOutcome:
    """What became of one case under one policy.

    ends: every end that was seen; one when a schedule gave the order. is_expected: whether the file says anything
    of this policy.
    """

    case: str
    policy: str
    is_expected: bool
    nr_orders: int
    ends: tuple[End, ...]
    differences: tuple[Difference, ...] = ()
    # How many different ends there were; of very many, `ends` has the first.
    nr_ends: int = 1
    # Laws that were broken after some section of some order, where every order was played.
    broken_on_the_way: tuple[str, ...] = ()
    # Why it could not be played at all; "" when it was.
    refusal: str = ""

    @property
    def agrees(self) -> bool:
        """Whether all is as expected, and no law is broken that this policy keeps and the start kept too."""
        return not self.differences


def policies_of(case: Case) -> list[str]:
    """Returns the policies of which a case says something, canonical, in the order of the file."""
    texts = [text for expected in case.expect for text in expected.policies]
    return list(dict.fromkeys(parse_policy(text).name for text in texts))


def find_case(scenario: Scenario, name: str) -> Case:
    """Returns a case by its name.

    Raises Unknown.
    """
    for case in scenario.cases:
        if case.name == name:
            return case
    raise Unknown("case", name, [case.name for case in scenario.cases])


def run_scenario(
    scenario: Scenario, *, policies: tuple[str, ...] = (), case: str | None = None
) -> Iterator[CaseOutcome]:
    """Yields the outcome of every case, or of one, under `policies`; without any, under those that the case names.

    A case that says nothing of a policy may have a start or a schedule that is impossible under it: that is its
    outcome then, unless it was asked for by name.
    Raises Unknown, InvalidValue, ScheduleImpossible.
    """
    chosen = [parse_policy(text).name for text in policies]
    for each in scenario.cases if case is None else (find_case(scenario, case),):
        for policy in chosen or policies_of(each):
            is_needed = case is not None or policy in policies_of(each)
            yield _run_named(each, policy) if is_needed else _run_if_possible(each, policy)


def _run_named(case: Case, policy: str) -> CaseOutcome:
    """Plays a case; one of several, so that an error names it."""
    try:
        return run_case(case, policy)
    except ScheduleImpossible as error:
        error.name_case(case, policy)
        raise


def _run_if_possible(case: Case, policy: str) -> CaseOutcome:
    """Plays a case that says nothing of the policy, or says why that cannot be."""
    try:
        return run_case(case, policy)
    except InvalidValue as refusal:
        return CaseOutcome(
            case.name,
            policy,
            is_expected=False,
            nr_orders=0,
            ends=(),
            nr_ends=0,
            refusal=refusal.detail,
        )


def run_case(case: Case, policy_text: str) -> CaseOutcome:
    """Plays one case under one policy.

    Raises Unknown, InvalidValue, ScheduleImpossible.
    """
    policy = parse_policy(policy_text)
    expected = [
        each for each in case.expect if policy.name in {parse_policy(text).name for text in each.policies}
    ]
    if isinstance(case.schedule, str):
        return _run_every_order(case, policy, expected)
    return _run_schedule(case, case.schedule, policy, expected)


def retrace(case: Case, policy_text: str, order: Sequence[str]) -> tuple[Step, ...]:
    """Returns the moments of one order of sections, each a turn of its own."""
    return _play_turns(case, parse_policy(policy_text), [Turn(actor) for actor in order])


def _run_schedule(
    case: Case, turns: tuple[Turn, ...], policy: KernelPolicy, expected: list[PolicyExpectation]
) -> CaseOutcome:
    steps = _play_turns(case, policy, turns)
    drawn = _drawn(case, steps[0].moment.sight)
    differences = [
        difference
        for step in steps
        for difference in find_failures(step.moment.sight, _where(step.turn, len(turns)), drawn=drawn)
    ]
    for each in expected:
        for turn, expectation in sorted(each.after.items()):
            differences += compare(expectation, _moment_after(steps, turn), _where(turn, len(turns)))
        differences += compare(each.at_end, steps[-1].moment, "at the end")
    end = End(tuple(step.actor for step in steps[1:]), steps[-1].moment, steps)
    found = tuple(dict.fromkeys(differences))
    return CaseOutcome(case.name, policy.name, bool(expected), 1, (end,), found)


def _drawn(case: Case, start: Sight) -> frozenset[Breakage]:
    """Returns what a picture breaks by itself; a guest has come to its start by what the simulator did."""
    return find_drawn(start) if isinstance(case.start, PictureStart) else frozenset()


def _play_turns(case: Case, policy: KernelPolicy, turns: Sequence[Turn]) -> tuple[Step, ...]:
    play = _make_play(case, policy)
    onlooker = Onlooker()
    steps = [Step(0, "", "start", -1, onlooker.look(play))]
    for turn, actor, passed in follow(play, turns):
        steps.append(Step(turn, actor, passed.point, passed.pfn, onlooker.look(play)))
    return tuple(steps)


def _moment_after(steps: Sequence[Step], turn: int) -> Moment:
    """Returns the moment at the end of a turn; a turn that was passed over leaves that of the one before."""
    return next(step.moment for step in reversed(steps) if step.turn <= turn)


def _where(turn: int, nr_turns: int) -> str:
    return f"after turn {turn} of {nr_turns}" if turn else "at the start"


def _run_every_order(case: Case, policy: KernelPolicy, expected: list[PolicyExpectation]) -> CaseOutcome:
    onlooker = Onlooker()
    start = onlooker.see(_make_play(case, policy).stage, is_operating=False)
    gathered = _Gathered(expected, _drawn(case, start))
    orders = play_every_order(
        lambda: _make_play(case, policy),
        lambda play: gathered.take_middle(onlooker.see(play.stage, is_operating=play.is_operating)),
    )
    nr_orders = 0
    for play, order in orders:
        nr_orders += 1
        gathered.take_end(order, onlooker.look(play))
    found = (*gathered.differences, *gathered.unseen(nr_orders))
    ends = tuple(gathered.ends)
    outcome = CaseOutcome(
        case.name, policy.name, bool(expected), nr_orders, ends, found[:_MOST_DIFFERENCES], gathered.nr_ends
    )
    return replace(outcome, broken_on_the_way=in_order(gathered.broken_on_the_way))


class _Gathered:
    """What all orders brought; what is met again counts once."""

    def __init__(self, expected: list[PolicyExpectation], drawn: frozenset[Breakage]) -> None:
        self._expected = expected
        self._drawn = drawn
        self._known: set[object] = set()
        # Of those that must be seen in some order: the differences of the nearest end, None before there is one.
        self._nearest: list[tuple[Expectation, list[Difference] | None]] = [
            (each, None) for row in expected for each in row.some
        ]
        self.differences: dict[Difference, None] = {}
        self.ends: list[End] = []
        self.broken_on_the_way: set[str] = set()

    @property
    def nr_ends(self) -> int:
        """How many different ends there were."""
        return len(self._known)

    def take_middle(self, sight: Sight) -> None:
        """Looks at memory after a section."""
        self.broken_on_the_way.update(violation.id for violation in sight.violations)
        if len(self.differences) < _MOST_DIFFERENCES:
            found = find_failures(sight, "in the middle", drawn=self._drawn)
            self.differences.update(dict.fromkeys(found))

    def take_end(self, order: tuple[str, ...], moment: Moment) -> None:
        """Looks at an end."""
        key = hash((moment.sight, repr(moment[1:])))
        if key in self._known:
            return
        self._known.add(key)
        if len(self.ends) < _MOST_ENDS:
            self.ends.append(End(order, moment, ()))
        if len(self.differences) < _MOST_DIFFERENCES:
            place = f"in the order {' '.join(order)}"
            for row in self._expected:
                self.differences.update(dict.fromkeys(compare(row.at_end, moment, place)))
        self._nearest = [(each, _nearer(each, nearest, moment)) for each, nearest in self._nearest]

    def unseen(self, nr_orders: int) -> Iterator[Difference]:
        """Yields what should be seen in some order, and is in none."""
        for number, (_, nearest) in enumerate(self._nearest, start=1):
            if nearest:
                wanted = "; ".join(f"{what} {expected}" for what, expected, _, _ in nearest)
                found = "; ".join(f"{what} {found}" for what, _, found, _ in nearest)
                yield Difference(
                    f"some end, number {number}", wanted, found, f"in none of {nr_orders} orders"
                )


def _nearer(expectation: Expectation, nearest: list[Difference] | None, moment: Moment) -> list[Difference]:
    """Returns the fewer differences: those of the nearest end so far, or of this one; none, once it was seen."""
    here = compare(expectation, moment, "")
    return here if nearest is None or len(here) < len(nearest) else nearest


def _make_play(case: Case, policy: KernelPolicy) -> Play:
    return Play(make_stage(case.start, policy, fallback=case.fallback), case.actors)
