"""The error tree: what each class says to people and to programs."""

import json
import math

from app import errors
from app.errors import (
    GuestLimitReached,
    InvalidValue,
    NameTaken,
    PageLimitReached,
    ScenarioInvalid,
    Unknown,
    at_place,
)
from app.mm.page import PageKind
from app.mm.policies.switches import Level


def test_every_error_has_somebody_who_must_act() -> None:
    """Each class stands below CallerError, StateError or CapacityError."""
    sides = (errors.CallerError, errors.StateError, errors.CapacityError)
    leaves = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.VmemsimError) and value not in sides
    ]
    assert {leaf.__name__ for leaf in leaves if not issubclass(leaf, sides)} == {"VmemsimError"}


def test_invalid_value_names_field_value_and_what_is_accepted() -> None:
    """For people in the sentence, for programs in the members, with further numbers beside."""
    error = InvalidValue("size", 3, "a multiple of 2", block_size=2)
    assert str(error) == error.detail == "size is 3; accepted: a multiple of 2"
    assert error.members == {"field": "size", "value": 3, "accepted": "a multiple of 2", "block_size": 2}


def test_invalid_value_can_always_be_written_as_json() -> None:
    """Numbers that JSON does not know, objects, and very long texts are quoted."""
    for value in (math.nan, math.inf, object(), "x" * 10_000, None, 1.5, True):
        text = json.dumps(InvalidValue("f", value, "less").members, allow_nan=False)
        assert len(text) < 300


def test_lists_and_enums_are_quoted_by_their_words() -> None:
    """No caller reads how Python writes an object; of a long list the first items, and how many more."""
    error = InvalidValue("fallback", [Level.MEMORY_BLOCK, Level.SECTION], "others")
    assert error.members["value"] == ["memory_block", "section"]
    assert error.detail == "fallback is [memory_block, section]; accepted: others"
    assert InvalidValue("level", Level.CHUNK, "others").detail == "level is 'chunk'; accepted: others"
    assert InvalidValue("kind", PageKind.FREE, "others").members["value"] == "FREE"
    assert InvalidValue("magic", b"# v\xff", "others").members["value"] == "# v\\xff"
    assert InvalidValue("freed", (1, 2), "others").members["value"] == [1, 2]
    value = InvalidValue("freed", list(range(40)), "others").members["value"]
    assert isinstance(value, list)
    assert value[15:] == [15, "and 24 more"]


def test_unknown_lists_the_names_that_exist() -> None:
    """All of them up to 64, then how many more; none when there are none."""
    names = [f"g{number}" for number in range(70)]
    error = Unknown("guest", "x", names[:64])
    assert error.members["known"] == names[:64]
    assert error.detail.endswith("g62, g63")
    cut = Unknown("guest", "x", names)
    assert cut.detail.endswith("g62, g63 and 6 more")
    assert (cut.members["known"], cut.members["nr_more"]) == (names[:64], 6)
    assert Unknown("guest", "x").detail == "no guest is named 'x'"


def test_limits_say_their_numbers() -> None:
    """What was asked, what is in use, and how much there may be."""
    assert GuestLimitReached(7).members == {"limit": 7}
    assert PageLimitReached(requested=5, in_use=8, limit=10).members == {
        "requested": 5,
        "in_use": 8,
        "limit": 10,
    }
    assert "'web'" in NameTaken("web").detail


def test_error_is_named_inside_the_place_where_it_stands() -> None:
    """The field gets its place, everything else stays."""
    error = at_place(InvalidValue("size", 3, "a multiple of 2", block_size=2), "devices[0]")
    assert error.detail == "devices[0].size is 3; accepted: a multiple of 2"
    assert error.members["block_size"] == 2


def test_error_in_a_scenario_file_names_its_line() -> None:
    """The sentence begins with file and line; everything else is that of a wrong value."""
    error = ScenarioInvalid("schedule", "C", "one of A, B", file="my.yaml", line=7, column=3)
    assert str(error) == error.detail == "my.yaml, line 7: schedule is 'C'; accepted: one of A, B"
    assert error.members == {
        "field": "schedule",
        "value": "C",
        "accepted": "one of A, B",
        "file": "my.yaml",
        "line": 7,
        "column": 3,
    }


def test_values_are_shown_in_words_of_json() -> None:
    """Who sent true or null is not answered in Python."""
    values = {"true": True, "false": False, "null": None, "'true'": "true"}
    for shown, value in values.items():
        assert InvalidValue("a", value, "1").detail == f"a is {shown}; accepted: 1"
