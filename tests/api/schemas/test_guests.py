"""Guests in requests: what is left out has its default, and the operation gets what was said."""

import pytest
from pydantic import ValidationError

from app.api.schemas.guests import GuestIn
from app.errors import InvalidValue


def test_guest_needs_no_more_than_its_boot_size() -> None:
    """The defaults are a guest of today with the three levels."""
    spec = GuestIn.model_validate({"boot_size": "1GiB"}).to_spec()
    assert (spec.name, spec.preset, spec.policy) == ("", "x86-64", "linux-5.19")
    assert spec.fallback is None
    assert (spec.online, spec.seed, spec.devices, spec.workload) == ("online_movable", 0, (), ())


def test_guest_says_to_the_operation_what_was_said() -> None:
    """Every field arrives."""
    body = {
        "name": "web",
        "preset": "toy",
        "policy": "linux-5.15",
        "fallback": ["memory_block", "chunk"],
        "memory_block_size": "16MiB",
        "boot_size": "64MiB",
        "online": "online_kernel",
        "seed": 7,
        "devices": [{"id": "a", "size": "64MiB", "block_size": "1MiB", "requested_size": "8MiB"}],
        "workload": [{"do": "fill", "kind": "anon", "fraction": 0.5}],
    }
    spec = GuestIn.model_validate(body).to_spec()
    assert (spec.name, spec.preset, spec.policy, spec.seed) == ("web", "toy", "linux-5.15", 7)
    assert (spec.memory_block_size, spec.boot_size) == (2**24, 2**26)
    (device,) = spec.devices
    assert (device.id, device.size, device.block_size, device.requested_size) == ("a", 2**26, 2**20, 2**23)
    assert [step.fraction for step in spec.workload] == [0.5]


def test_guest_with_a_workload_that_makes_no_sense_is_refused_by_the_operation() -> None:
    """Steps are read where their meaning is known; the error names the place."""
    guest = GuestIn.model_validate({"boot_size": 1, "workload": [{"do": "fill"}]})
    with pytest.raises(InvalidValue, match=r"workload\[0\]"):
        guest.to_spec()


@pytest.mark.parametrize(
    "changes", [{"boot_size": 1.5}, {"seed": 2**53}, {"fallback": "chunk"}, {"devices": {}}]
)
def test_guest_of_another_shape_is_refused(changes: dict[str, object]) -> None:
    """Types are not converted."""
    with pytest.raises(ValidationError):
        GuestIn.model_validate({"boot_size": 1, **changes})
