"""Faults in requests: shape and types are strict, and the bounds are those of the rules below."""

from typing import get_args

import pytest
from pydantic import ValidationError

from app.api.schemas.faults import Fault, FaultChange, FaultIn, LevelName, RequestName
from app.operations.faulting import LEVELS, REQUESTS, FaultKind, describe_kinds


def test_rule_is_what_was_said_and_nothing_else() -> None:
    """Members that are left out stay out; null is said; sizes are bytes."""
    body = {"kind": "device_busy", "match": {"start_addr": "4GiB"}, "count": None}
    rule = FaultIn.model_validate(body).to_rule()
    assert rule == {"kind": "device_busy", "match": {"start_addr": 4 << 30}, "count": None}
    assert FaultChange.model_validate({}).to_rule() == {}


def test_words_of_the_schema_are_those_of_the_table() -> None:
    """Kinds, requests, levels and members: a word that is added below is found here."""
    assert set(get_args(RequestName)) == set(REQUESTS)
    assert set(get_args(LevelName)) == set(LEVELS)
    known = set(FaultIn.model_fields) - {"kind", "match"}
    for row in describe_kinds():
        members = row["members"]
        assert isinstance(members, list)
        assert {member["name"] for member in members} <= known
        assert {member["name"] for member in members} <= set(Fault.model_fields)
        assert row["kind"] in set(FaultKind)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "rain"},
        {"kind": "device_busy", "probability": -0.1},
        {"kind": "device_busy", "probability": "1"},
        {"kind": "device_busy", "count": 1.5},
        {"kind": "device_busy", "match": {"colour": "red"}},
        {"kind": "device_busy", "match": []},
        {"kind": "device_busy", "colour": "red"},
        {"kind": "guest_crash", "reason": ""},
        {"kind": "migration_fails", "fraction": 0},
    ],
)
def test_wrong_body_is_refused(body: dict[str, object]) -> None:
    """Unknown members, wrong types, numbers out of bounds."""
    with pytest.raises(ValidationError):
        FaultIn.model_validate(body)


def test_member_of_another_kind_is_told_those_of_this_one() -> None:
    """What is known is what a rule of the kind may say, which is what the operation takes."""
    with pytest.raises(ValidationError) as caught:
        FaultIn.model_validate({"kind": "guest_slow", "colour": "red"})
    (error,) = caught.value.errors()
    assert error["ctx"]["accepted"] == "the fields kind, after_us, duration_us, factor"
    with pytest.raises(ValidationError) as caught:
        FaultIn.model_validate({"kind": "rain", "colour": "red"})
    assert "probability" in caught.value.errors()[0]["ctx"]["accepted"]
