"""Cost profiles: which there are, and the one that a caller means."""

from collections.abc import Mapping

from app.errors import InvalidValue, at_place
from app.guest.cost import PROFILES, CostProfile
from app.guest.cost_choice import (
    DEFAULT_PROFILE,
    LARGEST_UNIT_NS,
    MOST_CPUS,
    NR_ORDERS,
    UNITS,
    choose_profile,
    describe_units,
)
from app.operations.registry import Description

__all__ = [
    "DEFAULT_PROFILE",
    "LARGEST_UNIT_NS",
    "MOST_CPUS",
    "NR_ORDERS",
    "UNITS",
    "CostProfile",
    "profiles",
    "read_cost",
]


def profiles() -> list[Description]:
    """Returns every cost profile with all of its units."""
    return [{"name": profile.name, "units": describe_units(profile)} for profile in PROFILES.values()]


def read_cost(cost: Mapping[str, object]) -> CostProfile:
    """Returns what a caller's JSON means: the name of a profile, and units by name that differ from it.

    Raises InvalidValue.
    """
    profile, units = cost.get("profile", DEFAULT_PROFILE), {**cost}
    units.pop("profile", None)
    if not isinstance(profile, str):
        raise InvalidValue("cost.profile", profile, "the name of a cost profile")
    try:
        return choose_profile(profile, units)
    except InvalidValue as error:
        raise at_place(error, "cost") from error
