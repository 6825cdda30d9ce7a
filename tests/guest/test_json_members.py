"""Members of JSON objects: values of the right kind pass, others are refused by their place."""

from collections.abc import Callable

import pytest

from app.errors import InvalidValue
from app.guest.json_members import Member, members_of


def test_members_are_named_by_their_place() -> None:
    """What is null is left out; an unknown name is refused with the known ones."""
    members = members_of({"a": 1, "b": None}, "x[0]", {"a", "b"})
    assert members == {"a": Member(1, "x[0].a")}
    with pytest.raises(InvalidValue, match=r"x\[0\].c is 2; accepted: no such member; known: a, b"):
        members_of({"c": 2}, "x[0]", {"a", "b"})
    with pytest.raises(InvalidValue, match="x is 7; accepted: an object"):
        members_of(7, "x", set())


@pytest.mark.parametrize(
    ("read", "good", "bad"),
    [
        (lambda member: member.integer(1, 3), 3, [0, 4, True, 1.0, "1", None]),
        (lambda member: member.number(0, 2), 1.5, [-1, 3, True, "1", float("nan")]),
        (Member.fraction, 0.5, [0, 1.1, True, "0.5"]),
        (Member.truth, True, [1, "true", None]),
        (Member.size, 4096, [0, -1, "x", 1.5]),
        (Member.label, "web", ["", "x" * 65, "a\n", 3]),
    ],
)
def test_wrong_values_are_refused_by_place(
    read: Callable[[Member], object], good: object, bad: list[object]
) -> None:
    """The good value comes back; each bad one names the field."""
    assert read(Member(good, "here")) == good
    for value in bad:
        with pytest.raises(InvalidValue) as caught:
            read(Member(value, "here"))
        assert caught.value.members["field"] == "here"


def test_size_reads_text_within_bounds() -> None:
    """2MiB is a size; more than allowed is not."""
    assert Member("2MiB", "x").size() == 2 << 20
    with pytest.raises(InvalidValue, match="an integer from 1 to 100"):
        Member("2MiB", "x").size(highest=100)
