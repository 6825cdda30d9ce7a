"""Cost profiles for callers."""

import pytest

from app.errors import InvalidValue
from app.operations import costs


def test_profiles_are_listed_with_all_units() -> None:
    """The default comes first."""
    first, *others = costs.profiles()
    assert first["name"] == costs.DEFAULT_PROFILE
    for row in (first, *others):
        units = row["units"]
        assert isinstance(units, dict)
        assert units.keys() == costs.UNITS.keys()


def test_wrong_unit_is_named_inside_the_cost() -> None:
    """As the caller wrote it."""
    for cost, field in (({"drain_ns": -1}, "drain_ns"), ({"profile": 5}, "profile"), ({"speed": 1}, "speed")):
        with pytest.raises(InvalidValue) as caught:
            costs.read_cost(cost)
        assert caught.value.members["field"] == f"cost.{field}"


def test_cost_may_say_nothing() -> None:
    """Then it is the default profile."""
    assert costs.read_cost({}).name == costs.DEFAULT_PROFILE
    assert costs.read_cost({"profile": "hyperalloc-2025-vfio", "drain_ns": 1}).drain_ns == 1
