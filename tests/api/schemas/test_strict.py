"""Sizes and strictness: what a request's values may look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.api.schemas.strict import LARGEST_SIZE, SIZE_PATTERN, Request, Size
from app.units import GIB, KIB, format_size

_SIZE: TypeAdapter[int] = TypeAdapter(Size)


class _Body(Request):
    """A request of one number."""

    number: int


@pytest.mark.parametrize(
    ("given_size", "size"),
    [
        (0, 0),
        (4096, 4096),
        ("4096", 4096),
        ("2GiB", 2 * GIB),
        ("2 g", 2 * GIB),
        ("0.5KiB", 512),
        (2**60, 2**60),
    ],
)
def test_size_in_bytes_or_with_a_unit_is_bytes(given_size: object, size: int) -> None:
    """Integers are bytes; strings may have a unit."""
    assert _SIZE.validate_python(given_size) == size


@pytest.mark.parametrize(
    "wrong",
    [
        *(-1, 1.0, float("nan"), True, None, [], {}, LARGEST_SIZE + 1, 10**4000),
        *("", "-1", "1e3", "0x10", "1.5", "0.3KiB", "two", "9999999999P", "1GiB\n", "٣", "1\u212a", "\ud800"),
    ],
)
def test_size_of_any_other_shape_is_refused(wrong: object) -> None:
    """Negative, fractional, non-ASCII, huge: no size."""
    with pytest.raises(ValidationError) as caught:
        _SIZE.validate_python(wrong)
    assert "accepted" in caught.value.errors()[0]["ctx"]


@given(st.integers(0, LARGEST_SIZE))
def test_size_as_it_is_shown_is_accepted(size: int) -> None:
    """What format_size writes, a request may say."""
    assert _SIZE.validate_python(format_size(size)) == size


@given(st.from_regex(SIZE_PATTERN, fullmatch=True))
def test_size_that_matches_the_pattern_is_bytes_or_refused(text: str) -> None:
    """The documented pattern admits no text that breaks the parser."""
    try:
        assert 0 <= _SIZE.validate_python(text) <= LARGEST_SIZE
    except ValidationError as error:
        assert error.errors()[0]["type"] == "size"  # noqa: PT017 - either is right


@pytest.mark.parametrize(
    "body", [{"number": 1.0}, {"number": "1"}, {"number": True}, {"number": 1, "more": 2}]
)
def test_request_converts_nothing_and_refuses_the_unknown(body: object) -> None:
    """Values keep their types, and a field that is not there is not ignored."""
    with pytest.raises(ValidationError):
        _Body.model_validate(body)


def test_request_documents_that_it_takes_nothing_else() -> None:
    """OpenAPI says so as well."""
    assert _Body.model_json_schema()["additionalProperties"] is False
    assert _SIZE.json_schema()["anyOf"][1]["pattern"] == SIZE_PATTERN


def test_size_in_kib_is_exact() -> None:
    """No float is involved: 2^53 + 1 bytes stay what they are."""
    assert _SIZE.validate_python(2**53 + 1) == 2**53 + 1
    assert _SIZE.validate_python(f"{2**43 + 1}KiB") == (2**43 + 1) * KIB
