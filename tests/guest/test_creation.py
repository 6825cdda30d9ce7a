"""Making guests: cheap, from any preset, and as the spec says."""

import pytest

from app.errors import CallerError, InvalidValue
from app.guest.allocations import AllocationSpec
from app.guest.creation import create_guest
from app.guest.spec import DeviceSpec, GuestSpec
from app.guest.workload import workload
from app.guest.workload_json import parse_workload
from app.mm.geometry import PRESETS
from app.trace.events import MemoryDeviceSizeChanged
from app.trace.sink import RingSink
from app.units import GIB, MIB, TIB
from app.virtio_mem.driver.options import DriverModule, ModuleParameters
from tests.guest.making import x86_guest

# Not free pages over sections without a policy that cuts them (G-8).
PAIRS = [
    (preset, policy)
    for preset in PRESETS
    for policy in ("linux-5.15", "linux-5.19")
    if (preset, policy) != ("toy-spanning", "linux-5.15")
]


@pytest.mark.parametrize(("preset", "policy"), PAIRS)
@pytest.mark.parametrize("online", ["online_kernel", "online_movable"])
def test_create_on_every_preset_plugs_and_unplugs(preset: str, policy: str, online: str) -> None:
    """A guest of each kind gets what it requests at once, is sound, and gives most of it back."""
    spec = GuestSpec(
        name="any",
        preset=preset,
        policy=policy,
        online=online,
        boot_size=GIB,
        devices=(DeviceSpec(size=GIB, requested_size=512 * MIB),),
    )
    guest = create_guest(spec)
    assert guest.describe_device("vm0")["size"] == 512 * MIB
    assert guest.verify() == []
    assert int(str(guest.unplug("vm0", 512 * MIB)["size"])) <= 128 * MIB
    assert guest.verify() == []


def test_create_runs_workload_after_devices() -> None:
    """The workload sees plugged memory."""
    spec = GuestSpec(
        name="busy",
        boot_size=GIB,
        devices=(DeviceSpec(size=GIB, requested_size=GIB),),
        workload=workload("busy"),
    )
    guest = create_guest(spec)
    movable = guest.node.zones[3]
    assert movable.nr_free < movable.managed // 2
    assert {row.label for row in guest.pages.allocations} >= {"heap", "huge"}


def test_create_keeps_newest_events_only() -> None:
    """The ring holds as many as it was told; the digest covers all."""
    guest = create_guest(
        GuestSpec(name="few", boot_size=GIB, devices=(DeviceSpec(size=GIB, requested_size=GIB),)),
        event_ring_capacity=2,
    )
    sink = guest.node.sink
    assert isinstance(sink, RingSink)
    assert len(sink.events) == 2
    assert isinstance(sink.events[-1], MemoryDeviceSizeChanged)
    assert (
        guest.event_digest() == x86_guest(devices=(DeviceSpec(size=GIB, requested_size=GIB),)).event_digest()
    )


def test_create_wrong_spec_raises_before_memory() -> None:
    """What cannot be is refused by plan_guest(), with the field's name."""
    with pytest.raises(CallerError) as caught:
        x86_guest(boot_size=3)
    assert caught.value.members["field"] == "boot_size"


def test_create_huge_guest_touches_little() -> None:
    """A terabyte of boot memory, and of device, is there without being touched."""
    guest = create_guest(GuestSpec(name="huge", boot_size=TIB, devices=(DeviceSpec(size=TIB),)))
    assert guest.nr_pages == 2 * TIB // 4096
    assert guest.node.zones[2].nr_free == (TIB - TIB // 64) // 4096


def test_create_with_nodes_names_a_step_whose_node_is_missing() -> None:
    """A workload may prefer nodes of the guest only."""
    steps = parse_workload([{"do": "fill", "size": "1MiB", "node": 1}])
    assert x86_guest(numa_nodes=(GIB // 2, GIB // 2), workload=steps).verify() == []
    with pytest.raises(InvalidValue, match="0 to 0") as caught:
        x86_guest(workload=steps)
    assert caught.value.members["field"] == "workload[0].node"


def test_create_nodes_whose_memmap_leaves_nothing_is_refused() -> None:
    """A memory block's memmap is whole, however little of the block there is."""
    with pytest.raises(InvalidValue, match="a page beside the memmap") as caught:
        x86_guest(boot_size=GIB + 2 * MIB, numa_nodes=(GIB, 2 * MIB))
    assert caught.value.members["field"] == "numa_nodes[1]"


@pytest.mark.parametrize("preset", ["x86-64", "toy-spanning", "wide"])
def test_create_nodes_have_zones_marks_and_memmaps_of_their_own(preset: str) -> None:
    """Each node's memmap lies at its start; no free page reaches from one node into the next."""
    guest = x86_guest(preset=preset, boot_size=2 * GIB + 256 * MIB, numa_nodes=(GIB + 128 * MIB,) * 2)
    blocks = guest.node.memory_blocks
    assert {blocks.numa_node(block) for block in blocks.present_ids()} == {0, 1}
    booted = [zone for zone in guest.node.zones if zone.present]
    assert [zone.numa_node for zone in booted] == [0, 1]
    assert all(0 < zone.watermarks.min < zone.nr_free == zone.managed < zone.present for zone in booted)
    assert guest.describe()["numa_nodes"] == [GIB + 128 * MIB] * 2
    assert guest.verify() == []


@pytest.mark.parametrize("parameters", [ModuleParameters(), ModuleParameters(force_bbm=True)])
def test_device_of_node_1_fills_and_empties_it(parameters: ModuleParameters) -> None:
    """A node without boot memory has what its device has: with its memmap elsewhere, and pages moved elsewhere."""
    device = DeviceSpec(size=GIB, requested_size=GIB, node=1, driver=DriverModule(parameters=parameters))
    guest = x86_guest(boot_size=2 * GIB, numa_nodes=(2 * GIB, 0), devices=(device,))
    zones = guest.node.zones
    assert (zones[3].present, zones[7].present) == (0, GIB // 4096)
    guest.pages.allocate(AllocationSpec(kind="anon", nr_pages=1000, numa_node=1))
    assert zones[7].managed - zones[7].nr_free == 1000
    assert guest.describe_device("vm0")["node"] == 1
    fork = guest.fork()
    for each in (guest, fork):
        assert each.resize("vm0", 0)["state"] == "done"
        assert (each.node.zones[7].present, each.verify()) == (0, [])
    assert fork.digest() == guest.digest()


def test_unplug_moves_pages_within_their_node_first() -> None:
    """C-5: while there is room on node 1 nothing of it lands on node 0; what does not fit does."""
    guest = x86_guest(
        boot_size=2 * GIB,
        numa_nodes=(GIB, GIB),
        devices=(DeviceSpec(size=GIB, requested_size=GIB, node=1),),
    )
    zones = guest.node.zones
    before = zones[1].nr_free
    guest.pages.allocate(AllocationSpec(kind="anon", nr_pages=100_000, numa_node=1))
    assert guest.resize("vm0", 512 * MIB)["state"] == "done"
    assert zones[1].nr_free == before
    guest.pages.allocate(AllocationSpec(kind="anon", nr_pages=200_000, numa_node=1))
    assert guest.resize("vm0", 0)["state"] == "done"
    assert zones[1].nr_free < before
    assert guest.verify() == []


def test_workload_lands_on_the_node_that_it_names() -> None:
    """Filled, mixed and churned allocations stay on their node while there is room."""
    steps = [
        {"do": "fill", "kind": "anon", "size": "64MiB", "label": "near", "node": 1},
        {"do": "mix", "size": "64MiB", "parts": [{"kind": "file", "weight": 1, "label": "cache"}], "node": 1},
        {"do": "churn", "labels": ["near", "cache"], "fraction": 0.5, "rounds": 2},
    ]
    guest = x86_guest(numa_nodes=(GIB // 2, GIB // 2), devices=(), workload=parse_workload(steps))
    free = [guest.node.zones[index].managed - guest.node.zones[index].nr_free for index in (1, 5)]
    assert free[0] == 0
    assert free[1] >= 128 * MIB // 4096 - 64
    assert {row.describe()["node"] for row in guest.pages.allocations} == {1}


def test_allocation_on_a_node_that_is_not_there_is_refused() -> None:
    """The error says which nodes there are; nothing has changed."""
    guest = x86_guest()
    before = guest.digest()
    with pytest.raises(InvalidValue, match="0 to 0"):
        guest.pages.allocate(AllocationSpec(kind="anon", nr_pages=1, numa_node=1))
    assert guest.digest() == before
