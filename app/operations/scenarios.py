"""Scenarios: which there are, what they ask, and what becomes of them under each policy.

Kept here: one scenario is played at a time, since that is Python and takes a processor; and none for ever.
Left out: what a scenario is (app.scenario.script), the files that come with the program (app.scenario.catalog).
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from app.errors import CapacityError, Unknown
from app.operations import estimates
from app.operations.creating import as_invalid_value
from app.operations.registry import Description
from app.operations.service import Service
from app.scenario.catalog import packaged_scenario, scenario_ids, scenario_text
from app.scenario.reading.document import LARGEST_FILE
from app.scenario.reading.scenario import read_scenario
from app.scenario.running import CaseOutcome, find_case, retrace, run_scenario
from app.scenario.script import Scenario
from app.scenario.telling import Line, Tone, tell_case, tell_outcome, tell_scenario, tell_steps
from app.scenario.wording import describe_briefly, describe_outcome, describe_scenario

__all__ = [
    "LARGEST_FILE",
    "CaseOutcome",
    "Line",
    "Scenario",
    "Tone",
    "Wanted",
    "describe_briefly",
    "describe_run",
    "find",
    "find_case",
    "packaged",
    "play",
    "read_scenario",
    "run_packaged",
    "run_text",
    "scenario_text",
    "show",
    "summaries",
    "tell_case",
    "tell_outcome",
    "tell_scenario",
    "tell_steps",
]

# Elapsed seconds, looked at between two policies; each of them is bounded by itself.
MOST_SECONDS = 60.0
# Of the ends of one case under one policy.
MOST_STEPS = 2000
# Pages drawn in an answer: it is some ten times as many bytes.
MOST_LETTERS = 4_000_000


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be played: policies (none: those of which the file says something), one case or all."""

    policies: tuple[str, ...] = ()
    case: str | None = None
    # Also what is seen after every section.
    has_steps: bool = False


def packaged() -> list[Scenario]:
    """Returns the scenarios that come with the program."""
    return [packaged_scenario(scenario_id) for scenario_id in scenario_ids()]


def find(scenario_id: str) -> Scenario:
    """Returns a scenario that comes with the program.

    Raises InvalidValue.
    """
    try:
        return packaged_scenario(scenario_id)
    except Unknown as error:
        raise as_invalid_value(error) from error


def play(scenario: Scenario, wanted: Wanted) -> Iterator[CaseOutcome]:
    """Yields what becomes of each case under each policy, with its steps if they are wanted.

    Raises InvalidValue for a policy or case that does not exist, and for a schedule that cannot be followed.
    """
    try:
        for outcome in run_scenario(scenario, policies=wanted.policies, case=wanted.case):
            yield _with_steps(scenario, outcome) if wanted.has_steps else _without_steps(outcome)
    except Unknown as error:
        raise as_invalid_value(error) from error


def _with_steps(scenario: Scenario, outcome: CaseOutcome) -> CaseOutcome:
    """Plays ends once more to see their steps, where all orders were played: the first, as far as there is room."""
    case = find_case(scenario, outcome.case)
    ends = []
    nr_steps = 0
    for end in outcome.ends:
        nr_steps += len(end.order)
        if not end.steps and nr_steps <= MOST_STEPS:
            ends.append(end._replace(steps=retrace(case, outcome.policy, end.order)))
        else:
            ends.append(end)
    return replace(outcome, ends=tuple(ends))


def _without_steps(outcome: CaseOutcome) -> CaseOutcome:
    return replace(outcome, ends=tuple(end._replace(steps=()) for end in outcome.ends))


def describe_run(scenario: Scenario, outcomes: list[CaseOutcome]) -> Description:
    """Returns all outcomes, JSON-ready; `agrees`: everything is as the file expects it."""
    return {
        "id": scenario.id,
        "title": scenario.title,
        "agrees": all(outcome.agrees for outcome in outcomes),
        "outcomes": [describe_outcome(outcome) for outcome in outcomes],
    }


async def summaries(service: Service) -> list[Description]:
    """Returns the scenarios that come with the program, in short."""

    def call() -> list[Description]:
        return [describe_briefly(scenario) for scenario in packaged()]

    return await service.crew.run(call, estimate_us=estimates.UNKNOWN_US)


async def show(service: Service, scenario_id: str) -> Description:
    """Returns a scenario: its cases, and the text of its file.

    Raises Unknown.
    """

    def call() -> Description:
        return {**describe_scenario(packaged_scenario(scenario_id)), "file": scenario_text(scenario_id)}

    return await service.crew.run(call, estimate_us=estimates.UNKNOWN_US)


async def run_packaged(service: Service, scenario_id: str, wanted: Wanted) -> Description:
    """Plays a scenario that comes with the program.

    Raises Unknown, InvalidValue, CapacityError.
    """

    def call() -> Description:
        return _run(packaged_scenario(scenario_id), wanted)

    return await _one_at_a_time(service, call)


async def run_text(service: Service, text: str, wanted: Wanted) -> Description:
    """Plays a scenario that the caller has written.

    Raises ScenarioInvalid with line and column, InvalidValue, CapacityError.
    """

    def call() -> Description:
        return _run(read_scenario(text, file="body"), wanted)

    return await _one_at_a_time(service, call)


async def _one_at_a_time(service: Service, call: Callable[[], Description]) -> Description:
    await service.kernels.wait()
    async with service.playing:
        return await service.crew.run(call, estimate_us=estimates.UNKNOWN_US)


def _run(scenario: Scenario, wanted: Wanted) -> Description:
    began = time.monotonic()
    outcomes: list[CaseOutcome] = []
    nr_letters = 0
    for outcome in play(scenario, wanted):
        outcomes.append(outcome)
        nr_letters += sum(len(end.moment.sight.pages) * (1 + len(end.steps)) for end in outcome.ends)
        is_long = time.monotonic() - began > MOST_SECONDS
        if is_long or nr_letters > MOST_LETTERS:
            limit = f"{MOST_SECONDS:g} s" if is_long else f"{MOST_LETTERS} pages to be drawn"
            detail = f"{len(outcomes)} outcomes are more than {limit}: ask for fewer policies, one case or no steps"
            raise CapacityError(detail, nr_outcomes=len(outcomes))
    return describe_run(scenario, outcomes)
