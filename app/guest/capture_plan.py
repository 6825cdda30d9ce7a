"""What guest a capture calls for: its geometry, the zone of every pageblock, and the devices.

    iomem:  100000000-1ffffffff : virtio0                      the device's region
              100000000-157ffffff : System RAM (virtio_mem)    memory that its driver added

Kept here: which captures can become guests at all; the rest is refused with the field "capture".
Left out: the pages themselves (app.guest.capture).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.errors import InvalidValue
from app.guest.capture_guess import PerCpuAssumption
from app.guest.captured import CapturedMachine
from app.guest.proc_text import CapturedMemoryBlock
from app.guest.spec import LARGEST_NR_DEVICES, LARGEST_NR_PAGES, default_block_size, extent_of
from app.mm.geometry import PRESETS, Geometry
from app.mm.zone import ZONE_NAMES
from app.units import align_down, align_up
from app.virtio_mem.driver.fallback import DEFAULT_FALLBACK
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
    fallback: tuple[str, ...] = DEFAULT_FALLBACK
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
    family = "arm64" if machine.architecture.startswith(("aarch64", "arm64")) else machine.architecture
    names = {"arm64": f"arm64-{machine.page_size // 1024}K", "s390x": "s390x", "riscv64": "riscv64"}
    base = PRESETS.get(names.get(family, "x86-64"), PRESETS["x86-64"])
    orders = {len(counts) for counts in machine.buddyinfo.values()}
    types = machine.pagetypeinfo
    try:
        geometry = replace(
            base,
            page_size=machine.page_size,
            max_order=max(orders) - 1 if orders else base.max_order,
            pageblock_order=types.pageblock_order if types else base.pageblock_order,
            memory_block_size=machine.memory_block_size or base.memory_block_size,
        )
        geometry.validate()
    except InvalidValue as error:
        raise InvalidValue(
            "capture", error.detail, "a machine whose sizes keep the laws of geometry"
        ) from None
    if machine.nr_pages > LARGEST_NR_PAGES:
        raise InvalidValue("capture", f"{machine.nr_pages} pages", f"at most {LARGEST_NR_PAGES} pages")
    return geometry


def zones_of_pageblocks(
    machine: CapturedMachine, geometry: Geometry, present: NDArray[np.bool_]
) -> NDArray[np.int8]:
    """Returns the zone of every pageblock, -1 where no memory is online.

    present: whether the pageblock has any page. Zones of one name on several NUMA nodes become one.
    """
    order = geometry.pageblock_order
    zones = np.full(len(present), -1, np.int8)
    for zone in machine.zones:
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
    """A device to make: its region, and the memory blocks in it that its driver added."""

    id: str
    region: DeviceRegion
    memory_blocks: tuple[int, ...]


def plan_devices(
    machine: CapturedMachine, geometry: Geometry, options: CaptureOptions, reserved: NDArray[np.bool_]
) -> list[CapturedDevice]:
    """Returns the devices whose memory the capture holds; reserved: whether a memory block has reserved pages.

    Raises InvalidValue for options that name no memory of the capture.
    """
    blocks = _present_blocks(machine, geometry)
    ranges = list(_virtio_ranges(machine))
    if options.device == "auto" and ranges:
        regions = [_around(start, end, geometry) for start, end in ranges]
    else:
        chosen = _chosen_blocks(machine, geometry, options.device, blocks, reserved)
        if not chosen and options.device != "auto":
            raise InvalidValue("device", options.device, f"{DEVICE_ACCEPTED}, with memory there")
        regions = _runs_of_blocks(chosen, geometry)
    block_size = default_block_size(geometry) if options.block_size is None else options.block_size
    devices = []
    for number, (start, end) in enumerate(regions[:LARGEST_NR_DEVICES]):
        region = DeviceRegion(start, end - start, block_size, extent=extent_of(geometry))
        region.validate()
        size = geometry.memory_block_size
        owned = tuple(i for i in blocks if start <= i * size and (i + 1) * size <= end)
        devices.append(CapturedDevice(f"vm{number}", region, owned))
    return devices


def _present_blocks(machine: CapturedMachine, geometry: Geometry) -> dict[int, CapturedMemoryBlock]:
    """Returns the memory blocks of sysfs by their place in memory; without sysfs, all that RAM in iomem fills."""
    if machine.memory_blocks:
        return {block.phys_index: block for block in machine.memory_blocks}
    size = geometry.memory_block_size
    found = {}
    for entry in machine.iomem:
        if entry.name.startswith("System RAM"):
            for index in range(align_up(entry.start, size) // size, align_down(entry.end, size) // size):
                found[index] = CapturedMemoryBlock(index, index, "online", (), None, None)
    return found


def _virtio_ranges(machine: CapturedMachine) -> Iterator[tuple[int, int]]:
    """Yields the physical ranges of virtio-mem devices: the parents of the memory that their drivers added."""
    parent: tuple[int, int] | None = None
    seen: set[tuple[int, int]] = set()
    for entry in machine.iomem:
        if entry.depth == 0:
            parent = (entry.start, entry.end)
        if entry.name == _VIRTIO_MEM:
            found = parent if entry.depth and parent else (entry.start, entry.end)
            if found not in seen:
                seen.add(found)
                yield found


def _around(start: int, end: int, geometry: Geometry) -> tuple[int, int]:
    """Returns a region as it is, its end at least on a pageblock's edge."""
    return align_down(start, geometry.pageblock_size), align_up(end, geometry.pageblock_size)


def _chosen_blocks(
    machine: CapturedMachine,
    geometry: Geometry,
    device: str,
    blocks: dict[int, CapturedMemoryBlock],
    reserved: NDArray[np.bool_],
) -> list[int]:
    """Returns the memory blocks that the caller's words mean, ascending."""
    size = geometry.memory_block_size
    if device == "auto":
        kernel = [entry for entry in machine.iomem if entry.name in _KERNEL_IMAGE]
        return [
            i
            for i in sorted(blocks)
            if not (i < len(reserved) and reserved[i])
            and not any(entry.start < (i + 1) * size and i * size < entry.end for entry in kernel)
        ]
    if device.startswith("zone:") and device[5:] in ZONE_NAMES:
        return [i for i in sorted(blocks) if device[5:] in blocks[i].valid_zones]
    match = _RANGE.fullmatch(device)
    if match is None:
        raise InvalidValue("device", device, DEVICE_ACCEPTED)
    if match[1] is None:
        start, end = int(match[2], 16), 1 << 62
    else:
        start, end = int(match[1], 16), int(match[2], 16)
    return [i for i in sorted(blocks) if start <= i * size and (i + 1) * size <= end]


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
