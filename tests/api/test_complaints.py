"""Complaints: pydantic's errors in our words, with values that can always be written as JSON."""

import json

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from pydantic_core import to_json

from app.api.complaints import MOST_COMPLAINTS, complaints_of, is_unparsed_body, quote
from app.api.schemas.pages import AllocationIn, RangeIn
from app.api.schemas.strict import Request


def _refusal(model: type[Request], body: object) -> RequestValidationError:
    """Returns what FastAPI raises for this body."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(body)
    errors = [{**error, "loc": ("body", *error["loc"])} for error in caught.value.errors()]
    return RequestValidationError(errors)


@pytest.mark.parametrize(
    ("body", "field", "value", "accepted"),
    [
        ({"start_pfn": 1}, "end_pfn", None, "a value: it is required"),
        ({"start_pfn": -1, "end_pfn": 2}, "start_pfn", -1, "0 or more"),
        (
            {"start_pfn": 2**63, "end_pfn": 2},
            "start_pfn",
            "an integer of 64 bits",
            "9007199254740991 or less",
        ),
        ({"start_pfn": 1.0, "end_pfn": 2}, "start_pfn", 1.0, "an integer"),
        ({"start_pfn": True, "end_pfn": 2}, "start_pfn", True, "an integer"),
        ({"start_pfn": "1", "end_pfn": 2}, "start_pfn", "1", "an integer"),
        ({"start": 1}, "start", 1, "the fields start_pfn, end_pfn"),
        ([], "body", "[]", "an object"),
    ],
)
def test_complaint_of_a_range_names_field_value_and_accepted(
    body: object, field: str, value: object, accepted: str
) -> None:
    """Each way of being wrong is told by field, value, and what would do."""
    complaint, *_ = complaints_of(_refusal(RangeIn, body))
    assert complaint.members == {"field": field, "value": value, "accepted": accepted}
    shown = {"None": "missing", "True": "true"}.get(repr(value), repr(value))
    assert complaint.detail == f"{field} is {shown}; accepted: {accepted}"


def test_complaint_inside_a_list_names_the_place() -> None:
    """An element is named by its index."""
    complaint, *_ = complaints_of(_refusal(AllocationIn, {"kind": "anon", "at_pfns": [1, "x"]}))
    assert complaint.field == "at_pfns[1]"


def test_complaints_of_many_mistakes_are_bounded() -> None:
    """A thousand wrong elements are answered with the first few."""
    refusal = _refusal(AllocationIn, {"kind": "anon", "at_pfns": ["x"] * 1000})
    assert len(complaints_of(refusal)) == MOST_COMPLAINTS


def test_complaint_of_broken_json_is_about_syntax() -> None:
    """FastAPI's error for a body that is no JSON says where it breaks."""
    error = {"type": "json_invalid", "loc": ("body", 7), "input": {}, "ctx": {"error": "Expecting value"}}
    complaint, *_ = complaints_of(RequestValidationError([error]))
    assert complaint.is_syntax
    assert complaint.detail == "the body is no JSON: Expecting value at character 7"


def test_unparsed_body_is_recognised_by_its_bytes() -> None:
    """A body that FastAPI did not parse, for its media type, is told from one that is wrong."""
    error = {"type": "model_type", "loc": ("body",), "input": b"{}", "ctx": {}}
    assert is_unparsed_body(RequestValidationError([error]))
    assert not is_unparsed_body(RequestValidationError([{**error, "input": []}]))


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("-inf"),
        10**4000,
        "\ud800",
        "x" * 10**6,
        {"a": [1]},
        b"\xff",
        None,
        True,
        1.5,
        -(2**62),
    ],
)
def test_quote_can_always_be_written(value: object) -> None:
    """Whatever a caller sent, its quotation is short and is JSON."""
    text = to_json(quote(value))
    assert len(text) < 1000
    json.loads(text, parse_constant=pytest.fail)
