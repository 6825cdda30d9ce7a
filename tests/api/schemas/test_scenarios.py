"""How a run of a scenario is asked for, in a body and in a query."""

import pytest
from pydantic import ValidationError

from app.api.schemas.scenarios import MOST_POLICIES, RunIn, RunOptions
from app.operations.scenarios import Wanted


def test_body_and_query_ask_for_the_same() -> None:
    """The query's name for a policy is in the singular, since it is repeated."""
    wanted = Wanted(policies=("rfc-v1", "no-guard"), case="race", has_steps=True)
    body = RunIn.model_validate({"policies": ["rfc-v1", "no-guard"], "case": "race", "steps": True})
    query = RunOptions.model_validate({"policy": ["rfc-v1", "no-guard"], "case": "race", "steps": "true"})
    assert body.to_wanted() == query.to_wanted() == wanted


def test_nothing_asked_is_everything_without_steps() -> None:
    """All cases, under the policies of the file."""
    assert RunIn().to_wanted() == RunOptions().to_wanted() == Wanted()


@pytest.mark.parametrize("body", [{"policies": ["x"] * (MOST_POLICIES + 1)}, {"policies": ["x" * 501]}])
def test_more_than_is_sensible_is_refused(body: dict[str, object]) -> None:
    """Nobody has so many policies, or so long a name for one."""
    with pytest.raises(ValidationError):
        RunIn.model_validate(body)
