"""Answers about why and what if as typed values."""

from clients.explain_models import Explanation, Forecast, SnapshotList
from tests.clients import recorded_explain as answers


def test_nothing_of_an_answer_is_lost() -> None:
    """Explanations and snapshots come back as they were given."""
    told = Explanation.model_validate(answers.EXPLANATION).model_dump(mode="json")
    assert told == answers.EXPLANATION
    assert SnapshotList.model_validate(answers.SNAPSHOTS).model_dump(mode="json") == answers.SNAPSHOTS


def test_forecast_is_typed() -> None:
    """The outcome is an outcome, and limits have names."""
    told = Forecast.model_validate(answers.FORECAST)
    assert told.outcome.model_dump(mode="json") == answers.FORECAST["outcome"]
    assert told.limits is not None
    assert told.limits.floor_reason == "obstacles"
    assert told.retries[0].at_us == 50_000_000
