"""Making guests: cheap, from any preset, and as the spec says."""

import pytest

from app.errors import CallerError
from app.guest.creation import create_guest
from app.guest.spec import DeviceSpec, GuestSpec
from app.guest.workload import workload
from app.mm.geometry import PRESETS
from app.trace.events import MemoryDeviceSizeChanged
from app.trace.sink import RingSink
from app.units import GIB, MIB, TIB
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
