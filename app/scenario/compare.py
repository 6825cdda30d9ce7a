"""Comparing kernels in a scenario: each of its cases played under each of them, side by side.

Kept here: rows are alike to those of a guest (app.guest.compare); what a policy cannot have is refused for its row.
Left out: whether all is as the file expects (app.scenario.running tells it on the way).
"""

from collections.abc import Sequence
from dataclasses import replace

from app.errors import InvalidValue, StateError
from app.guest.compare import Variant, group_violations
from app.scenario.running import CaseOutcome, run_case
from app.scenario.script import Case, GuestStart, Scenario
from app.scenario.wording import Description, describe_outcome


def plan_rows(
    scenario: Scenario, variants: Sequence[Variant], *, has_fallbacks: bool
) -> list[tuple[Case, str]]:
    """Returns every case with every policy, and, where a case starts from a guest, with every fallback.

    has_fallbacks: the variants name levels of the caller's. Raises InvalidValue when no case has a use for them.
    """
    is_guest = [isinstance(case.start, GuestStart) for case in scenario.cases]
    if has_fallbacks and not any(is_guest):
        raise InvalidValue("fallbacks", "given", f"none: no case of {scenario.id} starts from a guest")
    rows: list[tuple[Case, str]] = []
    for case, has_driver in zip(scenario.cases, is_guest, strict=True):
        if has_driver and has_fallbacks:
            rows += [(replace(case, fallback=variant.fallback), variant.policy.name) for variant in variants]
        else:
            rows += [(case, name) for name in dict.fromkeys(variant.policy.name for variant in variants)]
    return rows


def play_row(case: Case, policy: str) -> Description:
    """Returns what becomes of a case under a policy, without its steps.

    played: None when the policy cannot have the start or follow the schedule, and `refusal` says why.
    """
    row: Description = {
        "case": case.name,
        "policy": policy,
        "fallback": None if case.fallback is None else list(case.fallback),
        "outcome": None,
    }
    try:
        outcome = run_case(case, policy)
    except (StateError, InvalidValue) as error:
        return row | {"refusal": error.detail, "played": None, "broken": [], "broken_meanwhile": []}
    if isinstance(case.start, GuestStart):
        row["fallback"] = _levels(outcome) or row["fallback"]
    bare = replace(outcome, ends=tuple(end._replace(steps=()) for end in outcome.ends))
    violations = [
        dict(violation._asdict()) for end in outcome.ends for violation in end.moment.sight.violations
    ]
    return row | {
        "refusal": None,
        "played": describe_outcome(bare),
        "broken": group_violations(violations),
        "broken_meanwhile": _broken_meanwhile(outcome),
    }


def _levels(outcome: CaseOutcome) -> list[str]:
    """Returns the levels that the driver had: a kernel may have no use for one that was asked for."""
    names = [name.split(".") for name in outcome.ends[0].moment.values]
    return list(dict.fromkeys(name[1] for name in names if name[0] == "by_level"))


def _broken_meanwhile(outcome: CaseOutcome) -> list[str]:
    """Returns the invariants that were broken on the way, of any order, and are whole at every end."""
    at_end = {name for end in outcome.ends for name in end.moment.findings}
    of_steps = [name for end in outcome.ends for step in end.steps for name in step.moment.findings]
    on_the_way = [*of_steps, *outcome.broken_on_the_way]
    return [name for name in dict.fromkeys(on_the_way) if name not in at_end]
