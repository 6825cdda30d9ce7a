"""All scenarios of the text: as their files say, and every preset with every order of the actors' sections."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from app.errors import InvalidValue
from app.guest.warm_up import warm_up
from app.mm.policies.policy import POLICIES
from app.scenario.catalog import packaged_scenario, scenario_ids
from app.scenario.running import CaseOutcome, policies_of, run_case
from app.scenario.script import EVERY_INTERLEAVING, Case
from tests.bench.subject import Effort
from tests.bench.table import Row, at_most

# The whole of it, in one process: what the scenarios may cost.
_LIMIT_S = 60


def measure(effort: Effort) -> Iterable[Row]:
    """Yields seconds of processor time, kernels warm; nothing may differ, and no law may be broken by the simulator."""
    warm_up(lambda _done, _of, _where: None)
    yield _row("cases and policies as the files say", _as_written, effort.rounds)
    if not effort.is_quick:
        yield _row("every case, every preset, every order", _in_every_order, 1)


def _row(what: str, play: Callable[[], Iterator[CaseOutcome]], nr_rounds: int) -> Row:
    seconds = []
    nr_runs = nr_orders = 0
    for _ in range(nr_rounds):
        began = time.thread_time()
        outcomes = list(play())
        seconds.append(time.thread_time() - began)
        assert all(outcome.agrees for outcome in outcomes), "scenarios are sound before they are fast"
        nr_runs, nr_orders = len(outcomes), sum(outcome.nr_orders for outcome in outcomes)
    return Row("scenarios", what, "s", seconds, at_most(_LIMIT_S), f"{nr_runs} runs, {nr_orders} orders")


def _cases() -> Iterator[Case]:
    for scenario_id in scenario_ids():
        yield from packaged_scenario(scenario_id).cases


def _as_written() -> Iterator[CaseOutcome]:
    for case in _cases():
        for policy in policies_of(case):
            yield run_case(case, policy)


def _in_every_order() -> Iterator[CaseOutcome]:
    """Leaves out starts that a policy cannot have, and a case of more orders than are played (S11's storm)."""
    for case in _cases():
        for policy in POLICIES:
            try:
                yield run_case(replace(case, schedule=EVERY_INTERLEAVING, expect=()), policy)
            except InvalidValue:
                continue
