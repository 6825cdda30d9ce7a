"""Values as JSON has them, and errors of JSON's readers as errors about lines."""

import pytest

from app.errors import InvalidValue, ScenarioInvalid, Unknown
from app.replay.plain import at_line, plain
from tests.replay.making import value_of


def test_plain_values_have_the_types_of_their_looks() -> None:
    """Numbers, truths and nothing; all else is text, sizes among it."""
    text = "{a: 1, b: 0.5, c: yes, d: false, e: null, f: 2GiB, g: [1e3, '', -4], h: {i: ~}}"
    assert plain(value_of(text)) == {
        "a": 1,
        "b": 0.5,
        "c": True,
        "d": False,
        "e": None,
        "f": "2GiB",
        "g": [1000.0, None, -4],
        "h": {"i": None},
    }


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("faults.busy.count", 4),
        ("faults.busy.match.request", 3),
        ("busy.match", 3),
        ("faults.other", 1),
        ("faults.list[1].x", 5),
        ("faults.list[7]", 5),
    ],
)
def test_error_is_placed_at_the_innermost_value_that_there_is(field: str, line: int) -> None:
    """A path from the file's top, or from the value itself; what is missing is told at what should have it."""
    text = "faults:\n  busy:\n    match: {request: plug}\n    count: x\n  list: [1, {x: 2}]"
    value = value_of(text).require("faults")
    with pytest.raises(ScenarioInvalid) as caught, at_line(value):
        raise InvalidValue(field, "x", "an integer")
    members = caught.value.members
    assert (members["line"], members["field"], members["accepted"]) == (line, field, "an integer")


def test_unknown_names_are_placed_as_well() -> None:
    """What is known is said."""
    value = value_of("guest: {policy: none}").require("guest")
    with (
        pytest.raises(ScenarioInvalid, match="line 1: policy is 'none'; accepted: one of a, b"),
        at_line(value),
    ):
        raise Unknown("policy", "none", ["a", "b"])
