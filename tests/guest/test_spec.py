"""Plans of guests: devices are placed, sizes are checked, and what is wrong is named."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import CallerError, InvalidValue, Unknown
from app.guest.spec import LARGEST_NR_DEVICES, DeviceSpec, GuestSpec, plan_guest
from app.guest.workload import Act, WorkloadStep
from app.mm.geometry import PRESETS
from app.mm.policies.policy import POLICIES
from app.units import GIB, MIB, TIB
from app.virtio_mem.driver.options import DriverModule, ModuleParameters

SPEC = GuestSpec(name="web-1", boot_size=4 * GIB, devices=(DeviceSpec(size=8 * GIB, requested_size=2 * GIB),))


def test_plan_places_devices_behind_boot_memory() -> None:
    """The first at 4 GiB or above boot memory, each at a memory block, none over another."""
    spec = replace(
        SPEC,
        boot_size=5 * GIB,
        devices=(DeviceSpec(size=GIB + 2 * MIB), DeviceSpec(size=GIB, id="second", block_size=4 * MIB)),
    )
    plan = plan_guest(spec)
    assert [device.id for device in plan.devices] == ["vm0", "second"]
    assert [device.region.addr for device in plan.devices] == [5 * GIB, 6 * GIB + 128 * MIB]
    assert plan.devices[0].region.block_size == 2 * MIB
    assert plan.nr_pages == (7 * GIB + 128 * MIB) // 4096


def test_plan_small_guest_has_device_at_4_gib() -> None:
    """Device memory begins at 4 GiB even when boot memory is small."""
    assert plan_guest(replace(SPEC, boot_size=GIB)).devices[0].region.addr == 4 * GIB


def test_plan_large_x86_guest_has_large_memory_blocks() -> None:
    """G-6: from 64 GiB of boot memory on, memory blocks grow to what its end is aligned to."""
    assert plan_guest(replace(SPEC, boot_size=TIB)).geometry.memory_block_size == 2 * GIB
    assert plan_guest(replace(SPEC, boot_size=65 * GIB)).geometry.memory_block_size == GIB
    assert plan_guest(SPEC).geometry.memory_block_size == 128 * MIB
    chosen = replace(SPEC, memory_block_size=256 * MIB)
    assert plan_guest(chosen).geometry.memory_block_size == 256 * MIB


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("policy", POLICIES)
def test_plan_of_every_preset_and_policy(preset: str, policy: str) -> None:
    """Every geometry goes with every policy, but for those that need free pages cut (G-8)."""
    if preset == "toy-spanning" and str(POLICIES[policy].boundary) == "none":
        with pytest.raises(InvalidValue, match="larger than a section"):
            plan_guest(replace(SPEC, preset=preset, policy=policy))
        return
    plan = plan_guest(replace(SPEC, preset=preset, policy=policy))
    assert plan.geometry.page_size == PRESETS[preset].page_size
    assert plan.policy.name == policy


@pytest.mark.parametrize("boot_size", [192 * MIB, GIB + 2 * MIB, 5 * GIB + 64 * MIB])
def test_plan_boot_memory_that_ends_inside_a_memory_block(boot_size: int) -> None:
    """A multiple of the pageblock will do; the device begins at the next memory block, or at 4 GiB."""
    plan = plan_guest(replace(SPEC, boot_size=boot_size))
    addr = plan.devices[0].region.addr
    assert addr == max(4 * GIB, -(-boot_size // (128 * MIB)) * 128 * MIB)


def test_plan_device_whose_blocks_no_driver_of_the_kernel_takes_is_refused() -> None:
    """G-7, as recorded on 5.10: device blocks above a memory block are too big without big block mode."""
    spec = replace(SPEC, devices=(DeviceSpec(size=GIB, block_size=256 * MIB),))
    assert plan_guest(spec).devices[0].region.block_size == 256 * MIB
    with pytest.raises(InvalidValue, match="without big block mode") as caught:
        plan_guest(replace(spec, policy="linux-5.10"))
    assert caught.value.members["field"] == "devices[0].block_size"


def test_plan_places_devices_at_their_blocks() -> None:
    """A device's region begins at a multiple of its block, be that above a memory block (V-8)."""
    devices = (DeviceSpec(size=128 * MIB), DeviceSpec(size=GIB, block_size=512 * MIB))
    assert [device.region.addr for device in plan_guest(replace(SPEC, devices=devices)).devices] == [
        4 * GIB,
        4 * GIB + 512 * MIB,
    ]


def test_plan_shares_boot_memory_among_nodes() -> None:
    """One node has all of it if nobody says otherwise; devices may be the only memory of a node (V-Q10)."""
    assert plan_guest(SPEC).numa_nodes == (4 * GIB,)
    devices = (DeviceSpec(size=GIB), DeviceSpec(size=GIB, node=2))
    spec = replace(SPEC, numa_nodes=(3 * GIB, GIB, 0), devices=devices)
    plan = plan_guest(spec)
    assert plan.numa_nodes == (3 * GIB, GIB, 0)
    assert [device.region.node_id for device in plan.devices] == [0, 2]
    assert (
        plan_guest(replace(spec, boot_size=GIB + 2 * MIB, numa_nodes=(GIB, 0, 2 * MIB))).numa_nodes[2]
        == 2 * MIB
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"numa_nodes": (GIB, GIB)}, "numa_nodes"),
        ({"numa_nodes": (GIB // 2,) * 8 + (0,)}, "numa_nodes"),
        ({"numa_nodes": (GIB + 2 * MIB, 3 * GIB - 2 * MIB)}, "numa_nodes[0]"),
        ({"numa_nodes": (5 * GIB, -GIB)}, "numa_nodes[1]"),
        ({"devices": (DeviceSpec(size=GIB), DeviceSpec(size=GIB, node=1))}, "devices[1].node"),
        ({"devices": (DeviceSpec(size=GIB, node=-1),)}, "devices[0].node"),
        ({"name": "a b"}, "name"),
        ({"name": "x" * 64}, "name"),
        ({"boot_size": 0}, "boot_size"),
        ({"boot_size": -GIB}, "boot_size"),
        ({"boot_size": GIB + MIB}, "boot_size"),
        ({"boot_size": 1 << 62}, "boot_size"),
        ({"memory_block_size": 100 * MIB}, "geometry.memory_block_size"),
        ({"fallback": ()}, "fallback"),
        ({"fallback": ("pageblock", "chunk")}, "fallback"),
        ({"fallback": ("memory_block", "section", "pageblock")}, "fallback"),
        ({"policy": "linux-6.17+fallback=memory_block:section:pageblock"}, "policy.fallback"),
        ({"online": "movable"}, "online"),
        ({"auto_movable_ratio": -1}, "auto_movable_ratio"),
        ({"offline_max_rounds": 0}, "offline_max_rounds"),
        ({"seed": -1}, "seed"),
        ({"seed": 1 << 63}, "seed"),
        ({"devices": (DeviceSpec(size=GIB),) * (LARGEST_NR_DEVICES + 1)}, "devices"),
        ({"devices": (DeviceSpec(size=GIB, id="no way"),)}, "devices[0].id"),
        ({"devices": (DeviceSpec(size=GIB), DeviceSpec(size=GIB, id="vm0"))}, "devices[1].id"),
        ({"devices": (DeviceSpec(size=GIB + 1),)}, "devices[0].size"),
        ({"devices": (DeviceSpec(size=-GIB),)}, "devices[0].size"),
        ({"devices": (DeviceSpec(size=5 * TIB),)}, "devices[0].size"),
        ({"devices": (DeviceSpec(size=GIB), DeviceSpec(size=4 * TIB))}, "devices[1].size"),
        ({"devices": (DeviceSpec(size=GIB, block_size=3 * MIB),)}, "devices[0].block_size"),
        ({"devices": (DeviceSpec(size=GIB, block_size=MIB // 2),)}, "devices[0].block_size"),
        (
            {
                "devices": (
                    DeviceSpec(size=GIB, driver=DriverModule(parameters=ModuleParameters(bbm_block_size=-1))),
                )
            },
            "devices[0].driver.bbm_block_size",
        ),
        ({"devices": (DeviceSpec(size=GIB, requested_size=2 * GIB),)}, "devices[0].requested_size"),
        ({"devices": (DeviceSpec(size=GIB, requested_size=MIB),)}, "devices[0].requested_size"),
        ({"devices": (DeviceSpec(size=GIB, requested_size=-2 * MIB),)}, "devices[0].requested_size"),
        ({"workload": (WorkloadStep(act=Act.FREE, label="x", fraction=1.0),)}, "workload[0].label"),
    ],
)
def test_plan_names_wrong_field(change: dict[str, object], field: str) -> None:
    """Each value that cannot be is refused by the name of its field."""
    with pytest.raises(InvalidValue) as caught:
        plan_guest(replace(SPEC, **change))  # type: ignore[arg-type]  # the table names the fields
    assert caught.value.members["field"] == field


@pytest.mark.parametrize("change", [{"preset": "vax"}, {"policy": "linux-1.0"}])
def test_plan_unknown_names(change: dict[str, str]) -> None:
    """A preset or policy that does not exist is answered with those that do."""
    with pytest.raises(Unknown, match="known:"):
        plan_guest(replace(SPEC, **change))  # type: ignore[arg-type]  # the table names the fields


@given(
    boot_size=st.integers(-GIB, 1 << 50),
    sizes=st.lists(st.tuples(st.integers(-MIB, 1 << 50), st.integers(-1, 1 << 40)), max_size=3),
    preset=st.sampled_from(list(PRESETS)),
)
def test_plan_answers_any_sizes(boot_size: int, sizes: list[tuple[int, int]], preset: str) -> None:
    """Whatever the sizes, they make a plan or are the caller's error; regions never overlap."""
    devices = tuple(DeviceSpec(size=size, requested_size=requested) for size, requested in sizes)
    with contextlib.suppress(CallerError):
        plan = plan_guest(GuestSpec(name="any", boot_size=boot_size, preset=preset, devices=devices))
        ends = [boot_size, *(device.region.end for device in plan.devices)]
        starts = [device.region.addr for device in plan.devices]
        assert all(start >= end for start, end in zip(starts, ends, strict=False))
        assert plan.nr_pages * plan.geometry.page_size >= max(ends)
