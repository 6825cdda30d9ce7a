"""Choosing a cost profile by name, and units that differ from it."""

import pytest

from app.errors import InvalidValue
from app.guest.cost import HYPERALLOC_2025, PROFILES
from app.guest.cost_choice import UNITS, choose_profile, describe_profile, describe_units


def test_profile_is_chosen_by_name_and_changed_by_unit() -> None:
    """Others stay; what was changed is told, and only that."""
    table = list(range(10))
    chosen = choose_profile("hyperalloc-2025-vfio", {"drain_ns": 0, "migrate_ns": table, "nr_cpus": 1})
    assert (chosen.drain_ns, chosen.migrate_ns, chosen.nr_cpus) == (0, tuple(table), 1)
    assert chosen.vfio_map_ns == PROFILES["hyperalloc-2025-vfio"].vfio_map_ns
    assert describe_profile(chosen) == {
        "profile": "hyperalloc-2025-vfio",
        "nr_cpus": 1,
        "migrate_ns": table,
        "drain_ns": 0,
    }
    assert describe_profile(HYPERALLOC_2025) == {"profile": "hyperalloc-2025"}


def test_every_unit_is_told() -> None:
    """By name, with the profile's own value."""
    told = describe_units(HYPERALLOC_2025)
    assert told.keys() == UNITS.keys()
    assert told["device_request_ns"] == 25_000
    assert told["migrate_ns"] == list(HYPERALLOC_2025.migrate_ns)


@pytest.mark.parametrize(
    ("unit", "value"),
    [
        ("drain_ns", -1),
        ("drain_ns", 10**13),
        ("drain_ns", 1.5),
        ("drain_ns", True),
        ("drain_ns", "1"),
        ("nr_cpus", 0),
        ("nr_cpus", 5000),
        ("migrate_ns", [1, 2]),
        ("migrate_ns", "0123456789"),
        ("migrate_ns", [1] * 9 + [-1]),
        ("speed", 1),
        ("name", 1),
    ],
)
def test_unit_that_cannot_be_is_refused_by_name(unit: str, value: object) -> None:
    """Negative, absurd, no whole number, a list of another length, a unit that does not exist."""
    with pytest.raises(InvalidValue, match=unit):
        choose_profile("hyperalloc-2025", {unit: value})


def test_unknown_profile_is_refused_with_those_that_there_are() -> None:
    """By name."""
    with pytest.raises(InvalidValue, match="hyperalloc-2025, hyperalloc-2025-vfio"):
        choose_profile("fast", {})
