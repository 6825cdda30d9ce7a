"""What a guest's acts cost in simulated time: profiles, and units that differ from one."""

from typing import Annotated, Any

from pydantic import JsonValue, WithJsonSchema

from app.api.schemas.strict import Answer
from app.operations.costs import DEFAULT_PROFILE, LARGEST_UNIT_NS, MOST_CPUS, NR_ORDERS, UNITS

_NANOSECONDS: dict[str, Any] = {"type": "integer", "minimum": 0, "maximum": LARGEST_UNIT_NS}
_CPUS: dict[str, Any] = {"type": "integer", "minimum": 1, "maximum": MOST_CPUS}
_BY_ORDER: dict[str, Any] = {
    "type": "array",
    "items": _NANOSECONDS,
    "minItems": NR_ORDERS,
    "maxItems": NR_ORDERS,
}


def _schema_of(unit: str) -> dict[str, Any]:
    if unit == "nr_cpus":
        return _CPUS
    return _BY_ORDER if isinstance(UNITS[unit], tuple) else _NANOSECONDS


# The units are the profile's own fields, and checked where profiles are; this is how they are documented.
_COST_SCHEMA = {
    "type": "object",
    "properties": {
        "profile": {"type": "string", "maxLength": 64, "default": DEFAULT_PROFILE},
        **{unit: _schema_of(unit) for unit in UNITS},
    },
    "additionalProperties": False,
}
Cost = Annotated[dict[str, JsonValue], WithJsonSchema(_COST_SCHEMA)]
COST = "simulated time of the guest's acts: a profile of GET /v1/cost-profiles, and units that differ from it"


class CostProfile(Answer):
    """A cost profile: nanoseconds for each unit; for migrate_ns, by order of a 4 KiB page from 0 on."""

    name: str
    units: dict[str, int | list[int]]


class CostProfiles(Answer):
    """All cost profiles."""

    cost_profiles: list[CostProfile]
