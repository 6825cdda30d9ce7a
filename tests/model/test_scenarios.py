"""Every scenario of the text, from its file: each case under each policy of which it says something.

Left out: what a file may look like (tests/scenario).
"""

import re

import pytest

from app.mm.policies.policy import POLICIES
from app.scenario.catalog import packaged_scenario, scenario_ids
from app.scenario.running import find_case, policies_of, run_case
from app.scenario.script import Case, PictureStart

TEXT_SCENARIOS = [f"S{number:02}" for number in range(1, 40)]
# The columns of the text's table of switches.
TABLED = ("no-guard", "linux-5.15", "rfc-v1", "linux-5.19", "linux-6.10", "linux-6.17", "remedy-full")
# Where the text asks for less: S34 needs pageblocks as the smallest unit, S39 compares three releases.
UNSPOKEN = {"S34": {"no-guard", "linux-5.15", "rfc-v1"}, "S39": {"no-guard"}}
# Where kernels are plain Python: pictures and schedules, under policies that differ most.
INTERPRETED = frozenset({"linux-5.15", "rfc-v1", "linux-5.19", "linux-6.17"})


def _marks(case: Case, policy: str) -> tuple[pytest.MarkDecorator, ...]:
    is_small = isinstance(case.start, PictureStart) and not isinstance(case.schedule, str)
    return (pytest.mark.interpreted,) if is_small and policy in INTERPRETED else ()


RUNS = [
    pytest.param(
        scenario_id,
        case.name,
        policy,
        id=f"{scenario_id}-{case.name or 'only'}-{policy}",
        marks=_marks(case, policy),
    )
    for scenario_id in scenario_ids()
    for case in packaged_scenario(scenario_id).cases
    for policy in policies_of(case)
]


@pytest.mark.parametrize(("scenario_id", "case_name", "policy"), RUNS)
def test_scenario_ends_as_its_file_expects(scenario_id: str, case_name: str, policy: str) -> None:
    """Results, memory, counters, broken laws: nothing differs, and no law is broken that this policy keeps."""
    outcome = run_case(find_case(packaged_scenario(scenario_id), case_name), policy)
    assert outcome.is_expected
    assert outcome.differences == ()


def test_every_scenario_of_the_text_has_a_file() -> None:
    """S01 to S39, each in the file of its name."""
    assert list(scenario_ids()) == TEXT_SCENARIOS
    assert [packaged_scenario(scenario_id).id for scenario_id in TEXT_SCENARIOS] == TEXT_SCENARIOS


@pytest.mark.parametrize("scenario_id", TEXT_SCENARIOS)
def test_every_scenario_speaks_of_every_policy_of_the_tables(scenario_id: str) -> None:
    """Some case says what each column of the text must show, itself or with switches."""
    named = {policy for case in packaged_scenario(scenario_id).cases for policy in policies_of(case)}
    presets = {re.split(r"\+", policy)[0] for policy in named}
    missing = set(TABLED) - presets
    assert missing <= UNSPOKEN.get(scenario_id, set())


def test_every_preset_is_spoken_of() -> None:
    """No policy is without a scenario."""
    named = {run.values[2] for run in RUNS}
    assert set(POLICIES) <= named
