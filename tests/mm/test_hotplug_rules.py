"""The system's settings for hotplugged memory: policies by name, and numbers that can be."""

from dataclasses import replace

import pytest

from app.errors import InvalidValue
from app.mm.hotplug_rules import HotplugRules, OnlinePolicy, parse_online_policy


@pytest.mark.parametrize("name", ["offline", "online", "online_kernel", "online_movable", "auto-movable"])
def test_parse_online_policy_knows_the_kernels_words(name: str) -> None:
    """HP-2, HP-3: auto_online_blocks' words, and the one of the policy module."""
    assert str(parse_online_policy(name)) == name


@pytest.mark.parametrize("name", ["", "movable", "Online_kernel", "auto_movable"])
def test_parse_online_policy_unknown_name_is_refused(name: str) -> None:
    """The refusal names the field and what would be accepted."""
    with pytest.raises(
        InvalidValue, match="offline, online, online_kernel, online_movable, auto-movable"
    ) as no:
        parse_online_policy(name)
    assert no.value.members["field"] == "online"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("auto_movable_ratio", -1),
        ("auto_movable_ratio", 1_000_001),
        ("offline_max_rounds", 0),
        ("offline_max_rounds", 1_000_001),
    ],
)
def test_numbers_that_cannot_be_are_refused(field: str, value: int) -> None:
    """The field is named; a ratio of 0 is one: no movable memory."""
    with pytest.raises(InvalidValue) as refusal:
        replace(HotplugRules(), **{field: value}).validate()  # type: ignore[arg-type]  # the table names them
    assert (refusal.value.members["field"], refusal.value.members["value"]) == (field, value)
    HotplugRules(OnlinePolicy.AUTO_MOVABLE, auto_movable_ratio=0, offline_max_rounds=1).validate()
