"""A guest from a file: every member of the spec can be said, and what it has not is refused by line."""

from dataclasses import fields

import pytest

from app.errors import ScenarioInvalid
from app.guest.spec import DeviceSpec, GuestSpec
from app.guest.workload import Act
from app.replay.spec_reading import NAME, read_guest, read_spec
from app.units import GIB, MIB
from tests.replay.making import value_of


def test_guest_is_read_with_the_names_of_the_api() -> None:
    """Sizes with units, lists, devices, areas, and a workload as JSON would say it."""
    spec = read_guest(
        value_of(
            """
            boot_size: 1GiB
            policy: linux-6.6
            fallback: [memory_block, pageblock]
            online: online_kernel
            seed: 7
            memory_block_size: 128MiB
            devices: [{size: 1GiB, requested_size: 256MiB}, {id: disk, size: 512MiB, block_size: 4MiB}]
            cma_areas: [{name: dma, size: 64MiB}]
            cost: {profile: hyperalloc-2025-vfio, device_request_ns: 7}
            workload: [{do: fill, kind: anon, fraction: 0.25, label: heap}]
            """
        )
    )
    assert (spec.name, spec.boot_size, spec.seed, spec.fallback) == (
        NAME,
        GIB,
        7,
        ("memory_block", "pageblock"),
    )
    assert (spec.cost.name, spec.cost.device_request_ns) == ("hyperalloc-2025-vfio", 7)
    assert spec.devices == (
        DeviceSpec(size=GIB, requested_size=256 * MIB),
        DeviceSpec(id="disk", size=512 * MIB, block_size=4 * MIB),
    )
    assert [(step.act, step.fraction) for step in spec.workload] == [(Act.FILL, 0.25)]


def test_members_left_out_are_at_their_defaults() -> None:
    """The shortest guest is its boot memory; null is as much as left out."""
    assert read_guest(value_of("boot_size: 1GiB")) == GuestSpec(name=NAME, boot_size=GIB)
    assert read_guest(value_of("{boot_size: 1GiB, fallback: null}")) == GuestSpec(name=NAME, boot_size=GIB)


def test_every_member_of_the_specs_has_a_type_that_can_be_read() -> None:
    """A member that is added to a spec can be said in a file, or this fails."""
    required: dict[type[GuestSpec | DeviceSpec], dict[str, object]] = {
        GuestSpec: {"name": "x", "boot_size": GIB},
        DeviceSpec: {"size": GIB},
    }
    for cls, defaults in required.items():
        for field in fields(cls):
            # Whatever it is, a list of lists is none: it is refused by name, and not a defect of the reader.
            with pytest.raises(ScenarioInvalid, match=field.name):
                read_spec(cls, value_of(f"{field.name}: [[]]"), defaults=defaults)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("{}", "boot_size"),
        ("[]", "mapping"),
        ("boot_size: lots", "boot_size"),
        ("boot_size: 3", "boot_size"),
        ("{boot_size: 1GiB, colour: red}", "no such key here; known: name, boot_size"),
        ("{boot_size: 1GiB, policy: linux-1.0}", "policy"),
        ("{boot_size: 1GiB, devices: [{size: 1GiB, requested_size: 3}]}", "requested_size"),
        ("{boot_size: 1GiB, devices: [{}]}", "size"),
        ("{boot_size: 1GiB, seed: x}", "seed"),
        ("{boot_size: 1GiB, cost: {profile: free}}", "one of hyperalloc-2025"),
        ("{boot_size: 1GiB, cost: {add_ns: -1}}", "add_ns"),
        ("{boot_size: 1GiB, cost: {luck: 1}}", "no such key here"),
        ("{boot_size: 1GiB, workload: [{do: fly}]}", "workload"),
    ],
)
def test_guest_that_cannot_be_is_refused_with_its_line(text: str, wrong: str) -> None:
    """Shape, values, and what does not go together."""
    with pytest.raises(ScenarioInvalid, match="test, line 1") as caught:
        read_guest(value_of(text))
    assert wrong in caught.value.detail
