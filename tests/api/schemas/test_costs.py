"""Costs in requests: documented unit by unit, read by the operation."""

from pydantic import TypeAdapter

from app.api.schemas.costs import Cost
from app.api.schemas.guests import GuestIn
from app.operations.costs import UNITS


def test_cost_is_documented_unit_by_unit_and_read_by_the_operation() -> None:
    """openapi.json names them all; what is left out is the default profile."""
    schema = TypeAdapter(Cost).json_schema()
    assert set(schema["properties"]) == {"profile", *UNITS}
    spec = GuestIn.model_validate({"boot_size": "1GiB", "cost": {"drain_ns": 7}}).to_spec()
    assert (spec.cost.name, spec.cost.drain_ns) == ("hyperalloc-2025", 7)
    assert GuestIn.model_validate({"boot_size": "1GiB"}).to_clock().scale == 1.0
