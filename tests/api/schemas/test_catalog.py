"""The catalog's answers: documented members, and problems that may have more."""

import pytest
from pydantic import ValidationError

from app.api.schemas.catalog import Problem, Version

PROBLEM = {"type": "/problems/x", "title": "t", "status": 422, "detail": "d", "instance": "/v1"}


def test_problem_may_have_members_of_its_own() -> None:
    """RFC 9457 lets a type of problem add members."""
    assert Problem.model_validate({**PROBLEM, "field": "size"}).model_dump()["field"] == "size"
    assert Problem.model_json_schema()["additionalProperties"] is True


def test_answers_have_no_members_that_are_not_documented() -> None:
    """A test that holds an answer to its model sees a member that was forgotten in the model."""
    with pytest.raises(ValidationError):
        Version.model_validate({"name": "vmemsim", "version": "1", "more": 1})
