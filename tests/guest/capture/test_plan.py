"""Plans of captured machines: geometry, zones, devices; and every word that a caller can get wrong."""

import numpy as np
import pytest
from numpy.typing import NDArray

from app.errors import InvalidValue
from app.guest.capture.machine import CapturedMachine
from app.guest.capture.plan import (
    CapturedDevice,
    CaptureOptions,
    MemoryBlockFacts,
    facts_of_memory_blocks,
    geometry_of,
    leave_out_strangers,
    plan_devices,
    span_of,
    zones_of_pageblocks,
)
from app.guest.capture.proc_text import IomemRange, ZoneKey
from app.mm.geometry import PRESETS, Geometry
from app.mm.policies.policy import policy
from app.mm.zone import ZONE_NAMES
from app.units import GIB, MIB
from tests.captures import machines as m

X86 = PRESETS["x86-64"]
PER_BLOCK = X86.pageblocks_per_memory_block


def orders(count: int) -> dict[ZoneKey, tuple[int, ...]]:
    """Returns a buddyinfo with that many columns."""
    return {ZoneKey(0, "Normal"): (0,) * count}


def machine(nr_blocks: int = 4, /, **members: object) -> CapturedMachine:
    """Returns a machine of free pages."""
    return m.machine_of(m.paint(nr_blocks * m.BLOCK), **members)


@pytest.mark.parametrize(
    ("members", "preset", "sizes"),
    [
        ({}, "x86-64", (10, 9)),
        ({"architecture": ""}, "x86-64", (10, 9)),
        ({"architecture": "i686"}, "x86-64", (10, 9)),
        ({"architecture": "aarch64"}, "arm64-4K", (10, 9)),
        ({"architecture": "s390x", "pagetypeinfo": m.types({}, 8)}, "s390x", (10, 8)),
        ({"architecture": "", "pagetypeinfo": m.types({}, 8)}, "s390x", (10, 8)),
        ({"pagetypeinfo": None}, "x86-64", (10, 9)),
        ({"pagetypeinfo": None, "buddyinfo": orders(8)}, "x86-64", (7, 7)),
        ({"pagetypeinfo": None, "buddyinfo": {}}, "x86-64", (10, 9)),
        ({"buddyinfo": orders(14)}, "x86-64", (13, 9)),
        ({"memory_block_size": None}, "x86-64", (10, 9)),
    ],
)
def test_geometry_follows_the_captured_kernel(
    members: dict[str, object], preset: str, sizes: tuple[int, int]
) -> None:
    """Orders come from buddyinfo and pagetypeinfo, the rest from the processor's preset."""
    geometry = geometry_of(machine(**members))
    assert (geometry.name, geometry.max_order, geometry.pageblock_order) == (preset, *sizes)
    assert geometry.memory_block_size == 128 * MIB


@pytest.mark.parametrize("architecture", ["aarch64", ""])
def test_geometry_of_large_pages_is_that_of_arm64(architecture: str) -> None:
    """Pages of 16 and 64 KiB: a section is at least the largest free page."""
    told = {"architecture": architecture, "memory_blocks": ()}
    of_16k = machine(
        page_size=16384,
        buddyinfo=orders(12),
        pagetypeinfo=m.types({}, 11),
        memory_block_size=128 * MIB,
        **told,
    )
    assert geometry_of(of_16k) == PRESETS["arm64-16K"]
    of_64k = machine(
        page_size=65536,
        buddyinfo=orders(14),
        pagetypeinfo=m.types({}, 13),
        memory_block_size=512 * MIB,
        **told,
    )
    geometry = geometry_of(of_64k)
    assert (geometry.page_size, geometry.section_size, geometry.pageblock_size) == (
        65536,
        512 * MIB,
        512 * MIB,
    )


@pytest.mark.parametrize(
    "members",
    [
        {"pagetypeinfo": m.types({}, 11)},
        {"pagetypeinfo": m.types({}, 0)},
        {"buddyinfo": orders(1)},
        {"buddyinfo": orders(20)},
        {"memory_block_size": 96 * MIB},
        {"memory_block_size": MIB},
        {"memory_block_size": 1 << 47},
    ],
)
def test_geometry_that_breaks_a_law_is_refused(members: dict[str, object]) -> None:
    """What no kernel is built with is no machine."""
    with pytest.raises(InvalidValue, match="capture"):
        geometry_of(machine(**members))


def zones_of(captured: CapturedMachine, present: NDArray[np.bool_] | None = None) -> list[str]:
    """Returns the zones as words, one for each pageblock, "" where none is online."""
    nr_pageblocks = captured.nr_pages // m.PAGEBLOCK
    found = zones_of_pageblocks(
        captured, X86, np.ones(nr_pageblocks, np.bool_) if present is None else present
    )
    return [ZONE_NAMES[zone] if zone >= 0 else "" for zone in found]


def test_zones_begin_and_end_inside_pageblocks() -> None:
    """DMA starts at page 1, and memory may end anywhere: a pageblock belongs to the zone that has some of it."""
    zones = (m.zone("DMA", 1, 4096), m.zone("DMA32", 4096, 2 * m.BLOCK - 100))
    found = zones_of(machine(2, zones=zones, memory_blocks=()))
    assert found == ["DMA"] * 8 + ["DMA32"] * (2 * PER_BLOCK - 8)


def test_zones_have_holes_where_no_page_is() -> None:
    """A pageblock without any page is in no zone, though the span goes over it."""
    present = np.ones(PER_BLOCK, np.bool_)
    present[3:5] = False
    found = zones_of(machine(1), present)
    assert found == ["Normal"] * 3 + ["", ""] + ["Normal"] * (PER_BLOCK - 5)


def test_zones_of_memory_blocks_overrule_spans() -> None:
    """Spans of Normal and Movable overlap after hotplug; sysfs tells each memory block's zone."""
    zones = (m.zone("Normal", 0, 4 * m.BLOCK), m.zone("Movable", m.BLOCK, 3 * m.BLOCK))
    blocks = tuple(m.memory_block(n, "Movable" if n == 1 else "Normal") for n in range(4))
    found = zones_of(machine(4, zones=zones, memory_blocks=blocks))
    assert found[::PER_BLOCK] == ["Normal", "Movable", "Normal", "Normal"]


def test_zones_leave_out_memory_that_is_offline() -> None:
    """An offline block's candidates are not its zone; a block in two zones keeps what the spans say."""
    zones = (m.zone("DMA", 0, 4096), m.zone("DMA32", 4096, 3 * m.BLOCK))
    blocks = (
        m.memory_block(0)._replace(valid_zones=()),
        m.memory_block(1, state="offline")._replace(valid_zones=("DMA32", "Movable")),
        m.memory_block(2, "DMA32", state="going-offline"),
    )
    found = zones_of(machine(3, zones=zones, memory_blocks=blocks))
    assert found == ["DMA"] * 8 + ["DMA32"] * (PER_BLOCK - 8) + [""] * (2 * PER_BLOCK)


def test_zones_of_several_nodes_become_one_of_a_name() -> None:
    """A guest has one node: Normal of both is one zone."""
    zones = (m.zone("Normal", 0, m.BLOCK), m.zone("Normal", m.BLOCK, 2 * m.BLOCK, node=1))
    assert set(zones_of(machine(2, zones=zones))) == {"Normal"}


def test_memory_in_a_zone_that_guests_lack_is_refused() -> None:
    """HighMem is no zone of 64-bit kernels; device memory is never online."""
    with pytest.raises(InvalidValue, match="HighMem"):
        zones_of(machine(1, zones=(m.zone("HighMem", 0, m.BLOCK),)))
    zones = (m.zone("Normal", 0, m.BLOCK), m.zone("Device", 0, m.BLOCK, managed=0))
    assert set(zones_of(machine(1, zones=zones))) == {"Normal"}


def test_facts_of_memory_blocks_ask_for_one_zone() -> None:
    """A block with a hole, or in two zones, cannot go offline: it has no zone here."""
    zones = np.full(3 * PER_BLOCK + 2, 2, np.int8)
    zones[5] = -1
    zones[PER_BLOCK] = 3
    reserved = np.zeros(len(zones), np.int64)
    reserved[-1] = 7
    facts = facts_of_memory_blocks(X86, zones, reserved)
    assert facts.zone.tolist() == [-1, -1, 2, -1]
    assert facts.has_reserved.tolist() == [False, False, False, True]


def facts_of(zones: str, reserved: str = "") -> MemoryBlockFacts:
    """Returns facts by one letter for each memory block: D, N, M or `-`; reserved: `R` where pages are."""
    zone = np.array(["D-NM".index(letter) if letter != "-" else -1 for letter in zones], np.int8)
    has_reserved = np.array([letter == "R" for letter in reserved.ljust(len(zones))])
    return MemoryBlockFacts(zone, has_reserved)


def plan(
    captured: CapturedMachine, facts: MemoryBlockFacts, geometry: Geometry = X86, **options: object
) -> list[CapturedDevice]:
    """Returns the devices that are planned."""
    told = CaptureOptions(name="test", **options)  # type: ignore[arg-type]  # tests name the members
    return plan_devices(captured, geometry, told, facts=facts, kernel_policy=policy("linux-5.19"))


def regions(devices: list[CapturedDevice]) -> list[tuple[int, int]]:
    """Returns the regions as numbers of memory blocks."""
    size = m.BLOCK_SIZE
    return [(device.region.addr // size, device.region.end // size) for device in devices]


def test_devices_are_where_iomem_says_virtio_mem() -> None:
    """The region is what holds the memory that the driver added; blocks behind it are not the device's."""
    captured = machine(4, iomem=m.virtio(m.BLOCK_SIZE, GIB, 2 * m.BLOCK_SIZE))
    (device,) = plan(captured, facts_of("NNNN"))
    assert (device.id, regions([device]), device.memory_blocks) == ("vm0", [(1, 9)], (1, 2, 3))
    assert (device.region.block_size, device.unit_size) == (2 * MIB, 2 * MIB)


def test_devices_are_as_many_as_there_are_regions() -> None:
    """Two drivers, each with memory in two ranges of its region: two devices, by address."""
    size = m.BLOCK_SIZE
    iomem = (
        *m.virtio(4 * size, 2 * size, size),
        *m.virtio(size, 2 * size, size)[:1],
        IomemRange(size, size + size, "System RAM (virtio_mem)", 1),
        IomemRange(2 * size, 3 * size, "System RAM (virtio_mem)", 1),
    )
    devices = plan(machine(6, iomem=iomem), facts_of("NNNNNN"))
    assert regions(devices) == [(1, 3), (4, 6)]
    assert [device.id for device in devices] == ["vm0", "vm1"]
    assert [device.memory_blocks for device in devices] == [(1, 2), (4, 5)]


def test_device_without_a_parent_in_iomem_is_its_memory() -> None:
    """Where nothing surrounds the added memory, the region is that memory."""
    iomem = (IomemRange(m.BLOCK_SIZE, 3 * m.BLOCK_SIZE, "System RAM (virtio_mem)", 0),)
    assert regions(plan(machine(4, iomem=iomem), facts_of("NNNN"))) == [(1, 3)]


def test_devices_that_overlap_are_refused() -> None:
    """No address belongs to two devices."""
    iomem = (*m.virtio(m.BLOCK_SIZE, GIB, m.BLOCK_SIZE), *m.virtio(2 * m.BLOCK_SIZE, GIB, m.BLOCK_SIZE))
    with pytest.raises(InvalidValue, match="two devices"):
        plan(machine(4, iomem=iomem), facts_of("NNNN"))


def test_blocks_that_are_no_whole_zone_belong_to_no_device() -> None:
    """Holes and mixed zones cannot be taken back; offline blocks are the driver's all the same."""
    blocks = (*(m.memory_block(n) for n in range(3)), m.memory_block(3, state="offline"))
    captured = machine(4, iomem=m.virtio(0, GIB, m.BLOCK_SIZE), memory_blocks=blocks)
    assert plan(captured, facts_of("N-N-"))[0].memory_blocks == (0, 2, 3)


def test_strangers_in_a_region_are_left_out() -> None:
    """Memory that a driver could plug over is taken out of its zone; blocks that are its own, or outside, stay."""
    iomem = m.virtio(m.BLOCK_SIZE, 3 * m.BLOCK_SIZE, m.BLOCK_SIZE)
    captured = machine(6, iomem=iomem, memory_blocks=tuple(m.memory_block(n) for n in (0, 1, 3, 5)))
    zones = np.full(6 * PER_BLOCK, 2, np.int8)
    zones[3 * PER_BLOCK] = -1
    devices = plan(captured, facts_of_memory_blocks(X86, zones, np.zeros(len(zones), np.int64)))
    assert devices[0].memory_blocks == (1,)
    assert leave_out_strangers(X86, devices, zones) == 2
    assert zones.reshape(6, -1).max(1).tolist() == [2, 2, -1, -1, 2, 2]


def test_device_by_default_is_all_but_kernel_and_reserved_memory() -> None:
    """Neighbouring memory blocks become one device; kernel text and reserved pages keep a block out."""
    kernel = IomemRange(2 * m.BLOCK_SIZE + 5, 2 * m.BLOCK_SIZE + 99, "Kernel code", 1)
    captured = machine(6, iomem=(IomemRange(0, 6 * m.BLOCK_SIZE, "System RAM", 0), kernel))
    assert regions(plan(captured, facts_of("NNNNNN", "R"))) == [(1, 2), (3, 6)]


def test_device_by_default_may_be_none() -> None:
    """A machine whose every memory block has reserved pages has no device, and that is no error."""
    assert plan(machine(2), facts_of("NN", "RR")) == []


def test_devices_by_default_are_the_largest_ranges() -> None:
    """Of more than 32 ranges the smallest are left out."""
    reserved = "-R" * 33
    devices = plan(machine(66 + 2), facts_of("N" * 68, reserved + "--"))
    assert len(devices) == 32
    assert regions(devices)[-1] == (66, 68)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("zone:Movable", [(2, 3)]),
        ("zone:Normal", [(1, 2), (3, 4)]),
        ("zone:DMA", [(0, 1)]),
        ("range:8000000-18000000", [(1, 3)]),
        ("range:0x8000000-0x17ffffff", [(1, 3)]),
        ("RANGE:8000000-17FFFFFF", [(1, 3)]),
        ("range:7ffffff-1fffffff", [(1, 4)]),
        ("range:8000001-1fffffff", [(2, 4)]),
        ("above:8000000", [(1, 4)]),
        ("above:0x8000001", [(2, 4)]),
        ("above:0", [(0, 4)]),
    ],
)
def test_device_is_where_the_caller_says(words: str, found: list[tuple[int, int]]) -> None:
    """A zone, a range with either kind of end, or all above an address; whole memory blocks only."""
    iomem = m.virtio(m.BLOCK_SIZE, GIB, m.BLOCK_SIZE)
    assert regions(plan(machine(4, iomem=iomem), facts_of("DNMN"), device=words)) == found


@pytest.mark.parametrize("words", ["zone:Movable", "range:18000000-8000000", "above:20000000", "range:1-2"])
def test_device_without_memory_there_is_refused(words: str) -> None:
    """A device that would have no memory is not what the caller meant."""
    with pytest.raises(InvalidValue, match="with memory there") as caught:
        plan(machine(4), facts_of("NNNN"), device=words)
    assert caught.value.members["field"] == "device"


@pytest.mark.parametrize(
    "words",
    [
        *("", "Auto", "vm0", "zone:", "zone:movable", "zone:HighMem"),
        *("range:", "range:1", "range:-1-2", "range:x-y", "range:1-2-3", "range:0x-0x1"),
        *("above:", "above:-1", "above:1-2", "above:10000000000000000"),
    ],
)
def test_device_in_other_words_is_refused(words: str) -> None:
    """The error names the field, the value and what is accepted."""
    with pytest.raises(InvalidValue) as caught:
        plan(machine(4), facts_of("NNNN"), device=words)
    members = caught.value.members
    assert (members["field"], members["value"]) == ("device", words)
    assert "range:START-END" in str(members["accepted"])


def test_device_is_found_without_memory_blocks_in_sysfs() -> None:
    """Without memory hotplug's files, blocks are those that RAM in iomem fills; the rest of a block is none."""
    ram = (IomemRange(5, m.BLOCK_SIZE, "System RAM", 0), IomemRange(m.BLOCK_SIZE, 1 << 60, "System RAM", 0))
    captured = machine(4, memory_blocks=(), memory_block_size=None, iomem=ram)
    assert regions(plan(captured, facts_of("NNNN"))) == [(1, 4)]


@pytest.mark.parametrize("block_size", [0, -1, 3 * MIB, 4096, 1 << 62])
def test_block_size_that_no_device_has_is_refused(block_size: int) -> None:
    """The error names the option."""
    with pytest.raises(InvalidValue) as caught:
        plan(machine(4), facts_of("NNNN"), block_size=block_size)
    assert caught.value.members["field"] == "block_size"


def test_block_size_must_divide_the_region() -> None:
    """A region of 2 MiB pieces is none of a device with blocks of 16 MiB."""
    iomem = m.virtio(m.BLOCK_SIZE, GIB - 2 * MIB, m.BLOCK_SIZE)
    with pytest.raises(InvalidValue) as caught:
        plan(machine(4, iomem=iomem), facts_of("NNNN"), block_size=16 * MIB)
    assert caught.value.members["field"] == "block_size"


def test_region_that_no_device_has_is_refused() -> None:
    """Where nobody named a block size, the capture is at fault."""
    iomem = m.virtio(m.BLOCK_SIZE, 1 << 50, m.BLOCK_SIZE)
    with pytest.raises(InvalidValue, match=r"^capture is .*regions that a device can have"):
        plan(machine(4, iomem=iomem), facts_of("NNNN"))


def test_block_size_decides_the_subblock() -> None:
    """The driver's sub-block is never below the device block."""
    assert plan(machine(4), facts_of("NNNN"), block_size=8 * MIB)[0].unit_size == 8 * MIB


def test_fallback_in_other_words_is_refused_without_devices() -> None:
    """A wrong list of levels is told even where no device is made."""
    with pytest.raises(InvalidValue) as caught:
        plan(machine(2), facts_of("NN", "RR"), fallback=("block", "pageblock"))
    assert caught.value.members["field"] == "fallback"


def test_device_whose_blocks_are_memory_blocks_has_big_blocks() -> None:
    """G-7: the driver takes such a device in whole memory blocks."""
    size = X86.memory_block_size
    (device,) = plan(machine(2), facts_of("NN"), block_size=size)
    assert (device.memory_blocks, device.unit_size, device.is_big) == ((0, 1), size, True)


def test_big_block_of_which_a_memory_block_is_missing_is_none() -> None:
    """A big block is added as a whole; what is there of another one is somebody else's."""
    size = 4 * X86.memory_block_size
    iomem = (IomemRange(0, size, "virtio0", 0), IomemRange(0, size, "System RAM (virtio_mem)", 1))
    blocks = tuple(m.memory_block(index) for index in (0, 2, 3))
    captured = machine(4, memory_blocks=blocks, iomem=iomem)
    (device,) = plan(captured, facts_of("NNNN"), block_size=2 * X86.memory_block_size)
    assert device.memory_blocks == (2, 3)


def test_span_reaches_over_all_memory_that_can_be() -> None:
    """To the end of the pages, of the devices, and of blocks that are offline."""
    captured = machine(4, memory_blocks=(m.memory_block(9, state="offline"),))
    assert span_of(machine(4), X86, []) == 4 * m.BLOCK
    assert span_of(captured, X86, []) == 10 * m.BLOCK
    devices = plan(machine(4, iomem=m.virtio(m.BLOCK_SIZE, GIB, m.BLOCK_SIZE)), facts_of("NNNN"))
    assert span_of(machine(4), X86, devices) == 9 * m.BLOCK


def test_span_beyond_every_guest_is_refused() -> None:
    """A block id or a region that lies terabytes away is told, not tried."""
    far = machine(1, memory_blocks=(m.memory_block(0), m.memory_block(1 << 40, state="offline")))
    with pytest.raises(InvalidValue, match="span"):
        span_of(far, X86, [])
    iomem = m.virtio(m.BLOCK_SIZE, 1 << 46, m.BLOCK_SIZE)
    with pytest.raises(InvalidValue, match="span"):
        span_of(machine(4), X86, plan(machine(4, iomem=iomem), facts_of("NNNN")))
