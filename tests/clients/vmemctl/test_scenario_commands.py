"""`vmemctl scenario list`, `show` and `run`, against a fake service."""

import json
from pathlib import Path

import pytest

from clients.scenario_models import ScenarioRun
from clients.vmemctl.scenario_commands import run_table
from tests.clients import recorded_scenarios
from tests.clients.conftest import Vmemctl
from tests.clients.fake_service import FakeService
from tests.clients.vmemctl.terminal import shown


def test_list_shows_a_line_for_each_scenario(vmemctl: Vmemctl, service: FakeService) -> None:
    """Its id, its question, and how much it says."""
    service.answer("GET /v1/scenarios", {"scenarios": [recorded_scenarios.LISTED]})
    assert "S08" in vmemctl("scenario", "list").out
    assert json.loads(vmemctl("scenario", "list", "--json").out) == [recorded_scenarios.LISTED]


def test_show_prints_the_file_as_it_is(vmemctl: Vmemctl, service: FakeService) -> None:
    """So that it can be saved and changed."""
    service.answer("GET /v1/scenarios/S08", recorded_scenarios.SCENARIO)
    assert vmemctl("scenario", "show", "S08").out == recorded_scenarios.SCENARIO["file"]


def test_run_that_agrees_ends_with_0(vmemctl: Vmemctl, service: FakeService) -> None:
    """Policies and case go out as they were typed."""
    service.answer("POST /v1/scenarios/S08/run", recorded_scenarios.RUN)
    ended = vmemctl("scenario", "run", "S08", "--policy", "rfc-v1", "--policy", "no-guard", "--case", "race")
    assert (ended.code, "agrees" in ended.out) == (0, True)
    assert service.received[0].json == {"policies": ["rfc-v1", "no-guard"], "case": "race"}


def test_run_that_differs_ends_with_1_and_says_where(vmemctl: Vmemctl, service: FakeService) -> None:
    """Expected and found stand side by side."""
    service.answer("POST /v1/scenarios/S08/run", recorded_scenarios.RUN_THAT_DIFFERS)
    ended = vmemctl("scenario", "run", "S08")
    assert ended.code == 1
    row = next(line for line in ended.out.splitlines() if "at the end" in line)
    assert " ".join(row.split()) == "race linux-6.17 nr_free at the end 3 7"
    assert json.loads(vmemctl("scenario", "run", "S08", "--json").out) == recorded_scenarios.RUN_THAT_DIFFERS


def test_run_sends_a_file_of_ones_own(vmemctl: Vmemctl, service: FakeService, tmp_path: Path) -> None:
    """The text is the body; policies are in the query."""
    file = tmp_path / "mine.yaml"
    file.write_text("id: mine\n")
    service.answer("POST /v1/scenarios/run", recorded_scenarios.RUN)
    assert vmemctl("scenario", "run", "--file", str(file), "--policy", "rfc-v1").code == 0
    assert service.received[0].body == b"id: mine\n"
    assert service.received[0].query == (("policy", "rfc-v1"),)


def test_wrong_file_is_refused_with_its_line(vmemctl: Vmemctl, service: FakeService, tmp_path: Path) -> None:
    """The service's sentence is shown."""
    file = tmp_path / "mine.yaml"
    file.write_text("id: [\n")
    problem = {"title": "A value is not acceptable", "status": 422, "detail": "body, line 2: id is ..."}
    service.answer("POST /v1/scenarios/run", problem, status=422)
    ended = vmemctl("scenario", "run", "--file", str(file))
    assert (ended.code, "line 2" in ended.err) == (4, True)


@pytest.mark.parametrize(
    "arguments", [(), ("S08", "--file", "mine.yaml"), ("--file", "nowhere/mine.yaml"), ("--policies", "x")]
)
def test_what_cannot_be_meant_sends_nothing(
    vmemctl: Vmemctl, service: FakeService, arguments: tuple[str, ...]
) -> None:
    """Neither id nor file, both, a file that is not there, an option that does not exist."""
    assert vmemctl("scenario", "run", *arguments).code == 2
    assert service.received == []


def test_several_ends_stand_below_each_other() -> None:
    """The policy and its verdict are said once."""
    outcome = {**recorded_scenarios.AGREES, "nr_orders": 9, "is_expected": False}
    outcome["ends"] = [recorded_scenarios.END] * 2
    run = ScenarioRun.model_validate({**recorded_scenarios.RUN, "outcomes": [outcome]})
    text = shown(run_table(run))
    assert text.count("A OK, R OK") == 2
    assert (text.count("rfc-v1"), text.count("agrees")) == (1, 0)


def test_case_that_could_not_be_played_says_why() -> None:
    """There are no results."""
    outcome = {**recorded_scenarios.AGREES, "ends": [], "refusal": "base is 16384; accepted: chunks"}
    run = ScenarioRun.model_validate({**recorded_scenarios.RUN, "outcomes": [outcome]})
    assert "refused: base is 16384; accepted: chunks" in shown(run_table(run))


def test_run_of_which_nothing_was_played_ends_with_4(vmemctl: Vmemctl, service: FakeService) -> None:
    """Nothing is as expected then."""
    outcome = {**recorded_scenarios.AGREES, "ends": [], "refusal": "base is 16384; accepted: chunks"}
    service.answer("POST /v1/scenarios/S08/run", {**recorded_scenarios.RUN, "outcomes": [outcome]})
    assert vmemctl("scenario", "run", "S08").code == 4
