"""Boot memory: its zones, and the memmap's share of it reserved; and guests that are booted anew."""

from dataclasses import replace

import pytest

from app.errors import InvalidValue, StateError
from app.guest.allocations import AllocationSpec
from app.guest.boot import BOOT_OWNER, RebootKind, boot_node
from app.guest.creation import create_guest
from app.guest.guest import Guest
from app.guest.spec import DeviceSpec, GuestSpec, plan_guest
from app.mm.checks.invariants import verify
from app.mm.hotplug import offline_pages
from app.mm.memory_block import MemoryBlockState
from app.mm.outcome import Errno
from app.mm.page import PageKind
from app.mm.zone import ZoneId
from app.trace.events import GuestRebooted, MemoryDeviceSizeChanged, RequestAnswered
from app.trace.sink import NullSink
from app.units import GIB, MIB
from tests.guest.making import toy_guest
from tests.virtio_mem.interfering import BusyHost


@pytest.mark.parametrize(
    ("preset", "boot_size", "memmap", "zone"),
    [
        ("x86-64", 4 * GIB, 64 * MIB, ZoneId.DMA32),
        ("arm64-16K", 4 * GIB, 16 * MIB, ZoneId.NORMAL),
        ("toy", 64 * MIB, 8 * 128 * 1024, ZoneId.NORMAL),
    ],
)
def test_boot_reserves_memmap_and_frees_the_rest(
    preset: str, boot_size: int, memmap: int, zone: ZoneId
) -> None:
    """64 bytes for each page, in whole pages for each memory block; everything else is free and managed."""
    plan = plan_guest(GuestSpec(name="boot", preset=preset, boot_size=boot_size))
    node = boot_node(plan, NullSink())
    page_size = plan.geometry.page_size
    booted = node.zones[zone]
    assert booted.present * page_size == boot_size
    assert booted.managed * page_size == booted.nr_free * page_size == boot_size - memmap
    assert node.kind_of(0) is PageKind.RESERVED
    assert node.kind_of(memmap // page_size) is PageKind.FREE
    assert 0 < booted.watermarks.min < booted.watermarks.low < booted.watermarks.high


def test_boot_memory_above_four_gib_is_zone_normal() -> None:
    """x86-64: 4 GiB of 6 are zone DMA32, and no free page lies over the border."""
    node = boot_node(plan_guest(GuestSpec(name="boot", boot_size=6 * GIB)), NullSink())
    present = [zone.present * 4096 for zone in node.zones]
    assert present == [0, 4 * GIB, 2 * GIB, 0]
    assert node.zones[ZoneId.NORMAL].nr_free * 4096 == 2 * GIB
    assert verify(node) == []


def rebooted(kind: RebootKind) -> Guest:
    """A guest with 32 MiB plugged and pages in use, after its reboot began."""
    guest = toy_guest(online="online_kernel")
    guest.resize("vm0", 32 * MIB)
    guest.pages.allocate(AllocationSpec(kind="anon", nr_pages=600))
    guest.reboot(kind)
    return guest


def size_events(guest: Guest, after: int) -> list[int]:
    """Returns the sizes that were told since event `after`."""
    events = [row.event for row in guest.events.read(after, 4096)]
    return [event.size for event in events if isinstance(event, MemoryDeviceSizeChanged)]


def requests(guest: Guest) -> list[str]:
    """Returns the kinds of request of which there were any, in order of their first."""
    asked = [event.request for event in guest.events.events if isinstance(event, RequestAnswered)]
    return list(dict.fromkeys(asked))


def test_system_reset_unplugs_and_plugs_up_to_the_target_again() -> None:
    """As recorded: size 0 at once, the target stays; once the kernel is up its driver plugs."""
    guest = rebooted(RebootKind.SYSTEM_RESET)
    config = guest.find_device("vm0").device.config
    assert (config.plugged_size, config.requested_size) == (0, 32 * MIB)
    assert (list(guest.pages.allocations), guest.verify()) == ([], [])
    began_ns = guest.clock.now_ns
    guest.settle()
    assert guest.clock.now_ns - began_ns > guest.profile.boot_ns
    assert guest.find_device("vm0").device.plugged_size == 32 * MIB
    assert guest.verify() == []


def test_system_reset_tells_one_size_change_of_zero() -> None:
    """As recorded: one event, when nothing was told in the second before."""
    guest = toy_guest()
    guest.resize("vm0", 32 * MIB)
    guest.advance(2_000_000)
    before = guest.events.newest
    guest.reboot(RebootKind.SYSTEM_RESET)
    assert size_events(guest, before) == [0]
    assert GuestRebooted("system_reset", guest.clock.now_us) in guest.events.events


def test_kexec_keeps_blocks_until_the_new_driver_unplugs_all() -> None:
    """D-5, V-15, V-17: the new kernel finds memory plugged that it does not use, gives it back, and plugs anew."""
    guest = rebooted(RebootKind.KEXEC)
    device = guest.find_device("vm0").device
    assert (device.plugged_size, guest.memory_blocks()["memory_blocks"]) == (32 * MIB, boot_blocks(guest))
    device.interference = BusyHost(1)
    guest.settle()
    assert (device.plugged_size, guest.find_device("vm0").driver.armed_ms) == (32 * MIB, 50_000)
    guest.advance(51_000_000)
    assert (device.plugged_size, requests(guest)) == (32 * MIB, ["PLUG", "UNPLUG_ALL"])
    assert device.answers["UNPLUG_ALL", "BUSY"] == device.answers["UNPLUG_ALL", "ACK"] == 1
    assert guest.verify() == []


def boot_blocks(guest: Guest) -> list[object]:
    """Returns the memory blocks that no device has."""
    blocks = guest.memory_blocks()["memory_blocks"]
    assert isinstance(blocks, list)
    return [block for block in blocks if block["device"] is None]


def test_reboot_wakes_the_dead_and_ends_what_was_under_way() -> None:
    """A guest that died in the middle of a resize comes back, and its driver starts from nothing."""
    guest = toy_guest()
    guest.begin_resize("vm0", 64 * MIB)
    guest.settle(max_acts=3)
    assert 0 < guest.find_device("vm0").device.plugged_size < 64 * MIB
    guest.condition.crash("panic")
    guest.reboot(RebootKind.SYSTEM_RESET)
    assert guest.condition.is_running
    guest.settle()
    assert (guest.find_device("vm0").device.plugged_size, guest.verify()) == (64 * MIB, [])


def test_reboot_gives_every_guest_the_same_future() -> None:
    """Equal guests stay equal, a copy included."""
    digests = set()
    for guest in (rebooted(RebootKind.SYSTEM_RESET), rebooted(RebootKind.SYSTEM_RESET).fork()):
        guest.settle()
        digests.add(guest.digest())
    copy = toy_guest(online="online_kernel").fork()
    copy.resize("vm0", 32 * MIB)
    copy.pages.allocate(AllocationSpec(kind="anon", nr_pages=600))
    copy.reboot(RebootKind.SYSTEM_RESET)
    copy.settle()
    assert digests == {copy.digest()}


def test_reboot_of_a_guest_without_a_plan_changes_nothing() -> None:
    """A captured guest has nothing to boot from."""
    made = toy_guest()
    guest = Guest(made.identity, made.node, sink=made.events)
    before = guest.digest()
    with pytest.raises(StateError, match="it has nothing to boot from"):
        guest.reboot(RebootKind.KEXEC)
    assert guest.digest() == before


def test_boot_memory_may_end_inside_a_memory_block() -> None:
    """192 MiB: two memory blocks online, one there in part; the memmap is that of both, and no law is broken."""
    node = boot_node(plan_guest(GuestSpec(name="boot", boot_size=192 * MIB)), NullSink())
    assert node.memory_blocks.present_ids() == [0, 1]
    assert [node.memory_blocks.zone_id(block) for block in (0, 1)] == [ZoneId.DMA32] * 2
    zone = node.zones[ZoneId.DMA32]
    assert (zone.present, zone.managed, zone.spanned) == (49152, 49152 - 2 * 512, 49152)
    assert verify(node) == []


def test_memory_block_over_the_border_of_two_zones_is_in_none_alone() -> None:
    """6 GiB in memory blocks of 8: sysfs shows no zone, and Linux never takes it offline."""
    spec = GuestSpec(name="boot", boot_size=6 * GIB, memory_block_size=8 * GIB)
    node = boot_node(plan_guest(spec), NullSink())
    assert (node.memory_blocks.state(0), node.memory_blocks.zone_id(0)) == (MemoryBlockState.ONLINE, None)
    assert [zone.present * 4096 for zone in node.zones] == [0, 4 * GIB, 2 * GIB, 0]
    assert offline_pages(node, 0, node.nr_pages).result is Errno.EINVAL
    assert verify(node) == []


def test_boot_memory_in_use_from_the_start_is_not_free() -> None:
    """The image is never the buddy's; what programs use is, and does not move."""
    spec = GuestSpec(name="boot", boot_size=GIB, boot_reserved=100 * MIB, boot_used=50 * MIB)
    node = boot_node(plan_guest(spec), NullSink())
    zone = node.zones[ZoneId.DMA32]
    assert zone.managed * 4096 == (1024 - 16 - 100) * MIB
    assert zone.nr_free * 4096 == (1024 - 16 - 100 - 50) * MIB
    assert len(node.owned_pfns(BOOT_OWNER)) * 4096 == 50 * MIB
    assert verify(node) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"boot_size": 2 * MIB}, "boot_size"),
        ({"boot_reserved": -4096}, "boot_reserved"),
        ({"boot_reserved": 100}, "boot_reserved"),
        ({"boot_reserved": 1008 * MIB}, "boot_reserved"),
        ({"boot_used": -4096}, "boot_used"),
        ({"boot_used": 4097}, "boot_used"),
        ({"boot_used": 1008 * MIB}, "boot_used"),
    ],
)
def test_boot_memory_that_is_not_there_is_refused(changes: dict[str, int], field: str) -> None:
    """The memmap of 1 GiB is 16 MiB; a page has to be left."""
    spec = replace(GuestSpec(name="boot", boot_size=GIB), **changes)  # type: ignore[arg-type]  # the table names them
    with pytest.raises(InvalidValue) as refused:
        boot_node(plan_guest(spec), NullSink())
    assert refused.value.members["field"] == field


def test_small_guest_grows_until_memmaps_fill_its_boot_memory() -> None:
    """HP-1: each memory block's memmap is 2 MiB of boot memory, movable memory holds none; ENOMEM is retried.

    What is free at the start: 192 MiB less 4 of memmap for two memory blocks, less what is reserved and used here.
    """
    free = 192 - 4 - 100 - 30
    guest = create_guest(
        GuestSpec(
            name="small",
            boot_size=192 * MIB,
            boot_reserved=100 * MIB,
            boot_used=30 * MIB,
            devices=(DeviceSpec(size=8 * GIB),),
        )
    )
    outcome = guest.resize("vm0", 8 * GIB)
    device = guest.describe_device("vm0")
    # One memmap less than would fit exactly: the last pages are below the zone's lowest mark.
    assert (outcome["state"], device["size"]) == ("partial", (free // 2 - 1) * 128 * MIB)
    attached = guest.find_device("vm0")
    assert (attached.driver.last_result, attached.driver.armed_ms) == (Errno.ENOMEM, 50_000)
    assert guest.verify() == []
    guest.advance(60 * 1_000_000)
    assert guest.describe_device("vm0")["size"] == device["size"]
    assert guest.resize("vm0", 0)["size"] == 0
    assert guest.node.zones[ZoneId.DMA32].nr_free * 4096 == free * MIB
    assert guest.verify() == []


def test_kernel_memory_holds_the_memmaps_of_what_is_plugged_later() -> None:
    """Recorded: with online_kernel boot memory lasts; memmaps lie in memory that was plugged before."""
    spec = GuestSpec(
        name="small",
        boot_size=192 * MIB,
        boot_reserved=100 * MIB,
        boot_used=30 * MIB,
        online="online_kernel",
        devices=(DeviceSpec(size=8 * GIB),),
    )
    guest = create_guest(spec)
    assert guest.resize("vm0", 8 * GIB)["state"] == "done"
    memmaps = [pfn for pfns in guest.node.memmaps.values() for pfn in pfns]
    assert sum(pfn >= 4 * GIB // 4096 for pfn in memmaps) > 30
    # No memmap lies in the memory that it is of.
    for block, pfns in guest.node.memmaps.items():
        assert all(pfn // 32768 != block for pfn in pfns)
    assert guest.verify() == []
