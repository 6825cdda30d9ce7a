"""What guest a capture calls for: its geometry, the zone of every pageblock, and the devices.

    iomem:  100000000-1ffffffff : virtio0                      the device's region
              100000000-157ffffff : System RAM (virtio_mem)    memory that its driver added

Kept here: which captures can become guests at all; the rest is refused with the field "capture".
Left out: the pages themselves (app.guest.capture.loader).
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.errors import InvalidValue
from app.guest.capture.guess import PerCpuAssumption
from app.guest.capture.machine import CapturedMachine
from app.guest.capture.proc_text import CapturedMemoryBlock, IomemRange
from app.guest.spec import LARGEST_NR_DEVICES, LARGEST_NR_PAGES, default_block_size, extent_of
from app.mm.geometry import HIGHEST_ORDER, PRESETS, Geometry
from app.mm.policies.policy import KernelPolicy
from app.mm.policies.quantities import Mode
from app.mm.zone import ZONE_NAMES
from app.units import KIB, align_down, align_up
from app.virtio_mem.driver.fallback import FallbackPlan, choose_levels, plan_fallback
from app.virtio_mem.region import DeviceRegion

DEVICE_ACCEPTED = 'auto, "zone:Movable", "range:START-END" or "above:START", addresses in hexadecimal'
_VIRTIO_MEM = "System RAM (virtio_mem)"
_KERNEL_IMAGE = ("Kernel code", "Kernel rodata", "Kernel data", "Kernel bss")
_RANGE = re.compile(r"(?:range:(?:0x)?([0-9a-f]{1,15})-|above:)(?:0x)?([0-9a-f]{1,15})", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class CaptureOptions:
    """What a caller says about a capture; the defaults follow the capture."""

    name: str
    # None: the one that stands for the captured kernel's release.
    policy: str | None = None
    # None: the policy's own.
    fallback: tuple[str, ...] | None = None
    # None: the captured machine's own auto_online_blocks.
    online: str | None = None
    seed: int = 0
    # Which memory is a virtio-mem device's: DEVICE_ACCEPTED.
    device: str = "auto"
    block_size: int | None = None
    per_cpu: PerCpuAssumption = PerCpuAssumption.AUTO
    # The share of movable pages that is taken to be pinned, chosen by the seed.
    pinned_fraction: float = 0.0


def geometry_of(machine: CapturedMachine) -> Geometry:
    """Returns the captured kernel's geometry.

    Raises InvalidValue when no geometry agrees with what was captured.
    """
    base = _preset_of(machine)
    orders = {len(counts) for counts in machine.buddyinfo.values()}
    types = machine.pagetypeinfo
    max_order = max(orders) - 1 if orders else base.max_order
    section_size = max(base.section_size, machine.page_size << min(max(max_order, 0), HIGHEST_ORDER))
    try:
        geometry = replace(
            base,
            page_size=machine.page_size,
            max_order=max_order,
            # G-2: a huge page's order, unless the buddy's are smaller.
            pageblock_order=types.pageblock_order if types else min(base.pageblock_order, max_order),
            section_size=section_size,
            memory_block_size=machine.memory_block_size or max(base.memory_block_size, section_size),
        )
        geometry.validate()
    except InvalidValue as error:
        raise InvalidValue(
            "capture", error.detail, "a machine whose sizes keep the laws of geometry"
        ) from None
    return geometry


def _preset_of(machine: CapturedMachine) -> Geometry:
    """Returns the preset of the machine's processor; where files were copied, of one with such pages."""
    name = machine.architecture
    types = machine.pagetypeinfo
    if name.startswith(("aarch64", "arm64")) or (not name and machine.page_size != 4 * KIB):
        name = f"arm64-{machine.page_size // KIB}K"
        return PRESETS.get(name, PRESETS["arm64-16K"])
    if not name and types is not None and types.pageblock_order == PRESETS["s390x"].pageblock_order:
        name = "s390x"
    return PRESETS.get(name, PRESETS["x86-64"])


def span_of(machine: CapturedMachine, geometry: Geometry, devices: Sequence["CapturedDevice"]) -> int:
    """Returns the pages from 0 to the end of all memory that is there or may be plugged.

    Raises InvalidValue when they are more than a guest can have.
    """
    size = geometry.memory_block_size
    ends = [(block.phys_index + 1) * size for block in machine.memory_blocks]
    ends += [device.region.end for device in devices]
    nr_pages = align_up(max([machine.nr_pages * geometry.page_size, *ends]), size) // geometry.page_size
    if nr_pages > LARGEST_NR_PAGES:
        raise InvalidValue("capture", f"a span of {nr_pages} pages", f"at most {LARGEST_NR_PAGES} pages")
    return nr_pages


def zones_of_pageblocks(
    machine: CapturedMachine, geometry: Geometry, present: NDArray[np.bool_]
) -> NDArray[np.int8]:
    """Returns the zone of every pageblock, -1 where no memory is online.

    present: whether the pageblock has any page. Zones of one name on several NUMA nodes become one.
    Raises InvalidValue for memory in a zone that guests do not have.
    """
    order = geometry.pageblock_order
    zones = np.full(len(present), -1, np.int8)
    for zone in machine.zones:
        if zone.managed and zone.name not in ZONE_NAMES:
            accepted = f"memory in the zones {', '.join(ZONE_NAMES)} only"
            raise InvalidValue("capture", f"{zone.managed} pages in a zone {zone.name}", accepted)
        if zone.spanned and zone.name in ZONE_NAMES:
            span = zones[zone.start_pfn >> order : ((zone.end_pfn - 1) >> order) + 1]
            span[span < 0] = ZONE_NAMES.index(zone.name)
    per_block = geometry.pageblocks_per_memory_block
    for block in machine.memory_blocks:
        here = zones[block.phys_index * per_block : (block.phys_index + 1) * per_block]
        if block.state != "online":
            here[:] = -1
        elif len(block.valid_zones) == 1 and block.valid_zones[0] in ZONE_NAMES:
            here[:] = ZONE_NAMES.index(block.valid_zones[0])
    zones[~present] = -1
    return zones


@dataclass(frozen=True)
class CapturedDevice:
    """A device to make: its region, the memory blocks in it that its driver added, and the driver's unit.

    is_big: the unit is a big block of whole memory blocks, else a sub-block.
    """

    id: str
    region: DeviceRegion
    memory_blocks: tuple[int, ...]
    unit_size: int
    is_big: bool = False


class MemoryBlockFacts(NamedTuple):
    """What pages tell of every memory block of a capture."""

    # The zone in which all of it is online, or -1: Linux takes no other memory block offline. int8[memory block]
    zone: NDArray[np.int8]
    # bool[memory block]
    has_reserved: NDArray[np.bool_]


def facts_of_memory_blocks(
    geometry: Geometry, zones: NDArray[np.int8], reserved: NDArray[np.int64]
) -> MemoryBlockFacts:
    """Returns the facts, by zone and reserved pages of every pageblock."""
    per_block = geometry.pageblocks_per_memory_block
    missing = (0, -len(zones) % per_block)
    by_block = np.pad(zones, missing, constant_values=-1).reshape(-1, per_block)
    is_one_zone = (by_block == by_block[:, :1]).all(1)
    return MemoryBlockFacts(
        zone=np.where(is_one_zone, by_block[:, 0], np.int8(-1)),
        has_reserved=np.asarray(np.pad(reserved, missing).reshape(-1, per_block).any(1), np.bool_),
    )


def plan_devices(
    machine: CapturedMachine,
    geometry: Geometry,
    options: CaptureOptions,
    *,
    facts: MemoryBlockFacts,
    kernel_policy: KernelPolicy,
) -> list[CapturedDevice]:
    """Returns the devices whose memory the capture holds.

    Raises InvalidValue for options that name no memory of the capture, or make no sense for it.
    """
    levels = choose_levels(geometry, kernel_policy, options.fallback)
    block_size = default_block_size(geometry) if options.block_size is None else options.block_size
    blocks = _usable_blocks(machine, geometry, facts)
    regions = list(_virtio_regions(machine, geometry))
    is_default = options.device == "auto" and not regions
    if options.device != "auto" or is_default:
        chosen = _chosen_blocks(machine, geometry, options.device, blocks, facts)
        if not chosen and not is_default:
            raise InvalidValue("device", options.device, f"{DEVICE_ACCEPTED}, with memory there")
        regions = _runs_of_blocks(chosen, geometry)
    plan = plan_fallback(geometry, kernel_policy, fallback=levels, block_size=block_size)
    size = geometry.memory_block_size
    return [
        CapturedDevice(
            f"vm{number}",
            _region(start, end, options, geometry),
            _whole_units([i for i in blocks if start <= i * size and (i + 1) * size <= end], plan, size),
            plan.unit_size,
            plan.mode is Mode.BIG_BLOCK,
        )
        for number, (start, end) in enumerate(regions[:LARGEST_NR_DEVICES])
    ]


def _whole_units(blocks: Sequence[int], plan: FallbackPlan, size: int) -> tuple[int, ...]:
    """Returns those of the memory blocks of `size` bytes that make up whole units: a big block was added as one."""
    per_unit = max(plan.unit_size // size, 1)
    here = Counter(index // per_unit for index in blocks)
    return tuple(index for index in blocks if here[index // per_unit] == per_unit)


def leave_out_strangers(
    geometry: Geometry, devices: Sequence[CapturedDevice], zones: NDArray[np.int8]
) -> int:
    """Takes memory out of its zone that lies in a device's region without being the device's; returns the blocks.

    Such memory blocks came or went while the machine was read: the driver could plug memory over them.
    """
    size, per_block = geometry.memory_block_size, geometry.pageblocks_per_memory_block
    nr_blocks = 0
    for device in devices:
        region = device.region
        for index in range(-(-region.addr // size), min(region.end // size, -(-len(zones) // per_block))):
            here = zones[index * per_block : (index + 1) * per_block]
            if index not in device.memory_blocks and here.max() >= 0:
                here[:] = -1
                nr_blocks += 1
    return nr_blocks


def _region(start: int, end: int, options: CaptureOptions, geometry: Geometry) -> DeviceRegion:
    chosen = options.block_size
    block_size = default_block_size(geometry) if chosen is None else chosen
    region = DeviceRegion(start, end - start, block_size, extent=extent_of(geometry))
    try:
        region.validate()
    except InvalidValue as error:
        if chosen is None:
            found = f"a device from {start:#x} to {end:#x}"
            raise InvalidValue("capture", found, "regions that a device can have") from error
        accepted = f"a power of two that divides the device's memory from {start:#x} to {end:#x}"
        raise InvalidValue("block_size", chosen, accepted) from error
    return region


def _usable_blocks(machine: CapturedMachine, geometry: Geometry, facts: MemoryBlockFacts) -> list[int]:
    """Returns the memory blocks that a device's driver can have added: offline, or online as a whole."""
    return [
        index
        for index, block in sorted(_present_blocks(machine, geometry).items())
        if block.state != "online" or (index < len(facts.zone) and facts.zone[index] >= 0)
    ]


def _present_blocks(machine: CapturedMachine, geometry: Geometry) -> dict[int, CapturedMemoryBlock]:
    """Returns the memory blocks of sysfs by their place in memory; without sysfs, all that RAM in iomem fills."""
    if machine.memory_blocks:
        return {block.phys_index: block for block in machine.memory_blocks}
    size = geometry.memory_block_size
    found = {}
    last = machine.nr_pages * geometry.page_size
    for entry in machine.iomem:
        if entry.name.startswith("System RAM"):
            end = min(entry.end, last)
            for index in range(align_up(entry.start, size) // size, align_down(end, size) // size):
                found[index] = CapturedMemoryBlock(index, index, "online", (), None, None)
    return found


def _virtio_regions(machine: CapturedMachine, geometry: Geometry) -> Iterator[tuple[int, int]]:
    """Yields the regions of virtio-mem devices, by address: what holds the memory that their drivers added.

    Raises InvalidValue when two of them overlap.
    """
    size = geometry.pageblock_size
    last = 0
    for start, end in sorted(set(_virtio_ranges(machine))):
        if start < last:
            raise InvalidValue(
                "capture", f"memory of two devices at {start:#x}", "devices apart from each other"
            )
        last = align_up(end, size)
        yield align_down(start, size), last


def _virtio_ranges(machine: CapturedMachine) -> Iterator[tuple[int, int]]:
    """Yields for each range of virtio-mem memory what it lies in, or itself."""
    parents: list[IomemRange] = []
    for entry in machine.iomem:
        parents = [*parents[: entry.depth], entry]
        if entry.name == _VIRTIO_MEM:
            around = parents[-2] if len(parents) > 1 else entry
            yield around.start, around.end


def _chosen_blocks(
    machine: CapturedMachine,
    geometry: Geometry,
    device: str,
    blocks: Sequence[int],
    facts: MemoryBlockFacts,
) -> list[int]:
    """Returns those of `blocks` that the caller's words mean."""
    size = geometry.memory_block_size
    if device == "auto":
        kernel = [entry for entry in machine.iomem if entry.name in _KERNEL_IMAGE]
        return [
            i
            for i in blocks
            if not (i < len(facts.has_reserved) and facts.has_reserved[i])
            and not any(entry.start < (i + 1) * size and i * size < entry.end for entry in kernel)
        ]
    if device.startswith("zone:") and device[5:] in ZONE_NAMES:
        zone = ZONE_NAMES.index(device[5:])
        return [i for i in blocks if i < len(facts.zone) and facts.zone[i] == zone]
    match = _RANGE.fullmatch(device)
    if match is None:
        raise InvalidValue("device", device, DEVICE_ACCEPTED)
    if match[1] is None:
        start, end = int(match[2], 16), 1 << 62
    else:
        # iomem tells the last byte, other tools the one behind it: either will do.
        start, end = int(match[1], 16), int(match[2], 16) + 1
    return [i for i in blocks if start <= i * size and (i + 1) * size <= end]


def _runs_of_blocks(chosen: list[int], geometry: Geometry) -> list[tuple[int, int]]:
    """Returns the byte ranges of neighbouring memory blocks; of too many ranges, the largest, by address."""
    runs: list[list[int]] = []
    for index in chosen:
        if runs and runs[-1][1] == index:
            runs[-1][1] = index + 1
        else:
            runs.append([index, index + 1])
    largest = sorted(sorted(runs, key=lambda run: run[0] - run[1])[:LARGEST_NR_DEVICES])
    size = geometry.memory_block_size
    return [(first * size, end * size) for first, end in largest]
