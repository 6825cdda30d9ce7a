"""Answers about scenarios as typed values."""

import pytest

from clients.models import Answer
from clients.scenario_models import Scenario, ScenarioRun, ScenarioSummary
from tests.clients import recorded_scenarios


def test_run_is_read_with_its_outcomes_ends_and_differences() -> None:
    """The service's answer becomes typed values, whole."""
    run = ScenarioRun.model_validate(recorded_scenarios.RUN_THAT_DIFFERS)
    agreeing, differing = run.outcomes
    assert (agreeing.ends[0].results, agreeing.ends[0].findings) == ({"A": "OK", "R": "OK"}, ("INV-8",))
    assert differing.differences[0].found == "7"


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        (ScenarioSummary, recorded_scenarios.LISTED),
        (Scenario, recorded_scenarios.SCENARIO),
        (ScenarioRun, recorded_scenarios.RUN_THAT_DIFFERS),
    ],
)
def test_nothing_of_an_answer_is_lost(model: type[Answer], answer: dict[str, object]) -> None:
    """A member that this version has no name for, such as the steps of an end, is given back."""
    assert model.model_validate(answer).model_dump(mode="json") == answer
