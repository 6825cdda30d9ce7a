"""Choosing a cost profile: one that is known by name, and units that differ from it.

Kept here: a unit is a whole number of nanoseconds, or of cpus, within bounds that sums of a long life do not overflow.
Left out: what the units mean (app.guest.cost).
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

from app.errors import InvalidValue
from app.guest.cost import HYPERALLOC_2025, PROFILES, CostProfile

# A second for the least of acts is slower than any machine.
LARGEST_UNIT_NS = 1_000_000_000_000
MOST_CPUS = 4096
# One for each order of a 4 KiB page.
NR_ORDERS = len(HYPERALLOC_2025.migrate_ns)
DEFAULT_PROFILE = HYPERALLOC_2025.name

# The units by name, with those of the default profile.
UNITS: dict[str, object] = {
    unit.name: getattr(HYPERALLOC_2025, unit.name) for unit in fields(CostProfile) if unit.name != "name"
}


def choose_profile(name: str, units: Mapping[str, object]) -> CostProfile:
    """Returns the profile of that name, with `units` in the place of its own.

    Raises InvalidValue, naming the unit.
    """
    if name not in PROFILES:
        raise InvalidValue("profile", name, f"one of {', '.join(PROFILES)}")
    changes: dict[str, object] = {unit: _read(unit, value) for unit, value in units.items()}
    return replace(PROFILES[name], **changes)  # type: ignore[arg-type]  # _read gives each unit its type


def describe_profile(profile: CostProfile) -> dict[str, object]:
    """Returns the profile's name, and the units that differ from the profile of that name."""
    known = PROFILES[profile.name]
    changed = {
        unit: getattr(profile, unit) for unit in UNITS if getattr(profile, unit) != getattr(known, unit)
    }
    return {"profile": profile.name, **{unit: _plain(value) for unit, value in changed.items()}}


def describe_units(profile: CostProfile) -> dict[str, object]:
    """Returns every unit of a profile by name, JSON-ready."""
    return {unit: _plain(getattr(profile, unit)) for unit in UNITS}


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _read(unit: str, value: object) -> object:
    if unit not in UNITS:
        raise InvalidValue(unit, value, f"units of a profile: {', '.join(UNITS)}")
    if unit == "nr_cpus":
        return _whole(unit, value, smallest=1, largest=MOST_CPUS)
    if isinstance(UNITS[unit], tuple):
        if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != NR_ORDERS:
            raise InvalidValue(unit, value, f"{NR_ORDERS} numbers, one for each order from 0 on")
        return tuple(_whole(f"{unit}[{order}]", each) for order, each in enumerate(value))
    return _whole(unit, value)


def _whole(unit: str, value: object, *, smallest: int = 0, largest: int = LARGEST_UNIT_NS) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not smallest <= value <= largest:
        raise InvalidValue(unit, value, f"an integer from {smallest} to {largest}")
    return value
