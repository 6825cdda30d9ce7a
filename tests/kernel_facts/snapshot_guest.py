"""A simulated guest of the pages that a snapshot tells, loaded as any captured machine is.

What a snapshot does not tell is taken so, for every kernel and scenario alike:

* inside a pageblock, pages of one kind lie side by side, free ones last;
* `other` pages in the lowest pageblocks that hold nothing else are memmaps, one for each memory block of zone
  Normal but those added first; in a pageblock with slab or page tables they are the kernel's; elsewhere they wait
  on per-cpu lists;
* boot memory is free where buddyinfo counts it, in any place; it holds the other memmaps; the rest is the kernel's.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from app.guest.capture.guess import PerCpuAssumption
from app.guest.capture.loader import load_capture
from app.guest.capture.machine import CapturedMachine
from app.guest.capture.plan import CaptureOptions
from app.guest.capture.proc_text import (
    CapturedMemoryBlock,
    CapturedPageTypes,
    CapturedZone,
    IomemRange,
    ZoneKey,
)
from app.guest.guest import Guest
from app.mm.policies.release import policy_for_release
from app.mm.zone import ZONE_NAMES
from app.trace.sink import RingSink
from app.virtio_mem.device import Device
from app.virtio_mem.region import DeviceRegion
from tests.captures import machines
from tests.kernel_facts.boot_pages import lay_out
from tests.kernel_facts.recordings import Json, Setting
from tests.model.twin_watermark import lowmem_reserves

PAGE = 4096
PAGEBLOCK = 512
EVENTS = 1 << 16
PINNED = "pinned"
_FLAGS = {
    "slab": machines.SLAB,
    "pgtable": machines.PGTABLE,
    PINNED: machines.PIN,
    "anon": machines.ANON,
    "mlocked": machines.ANON,
    "file": machines.SHMEM,
    "other": machines.UNMARKED,
    "buddy": machines.BUDDY,
    "offline": machines.OFFLINE,
    "nopage": machines.NOPAGE,
}
_BOOT_ZONES = ("DMA", "DMA32")
_EMPTY = dict.fromkeys(("start_pfn", "spanned", "present", "managed", "free", "min", "low", "high"), 0)

Pageblocks = list[dict[str, int]]
# From which page on, and what flags.
Run = tuple[int, int]


def pageblocks_of(snapshot: Json) -> Pageblocks:
    """Returns for each pageblock of the device's region how many pages of each kind it has."""
    return [dict(kinds) for _, count, kinds in snapshot["pageblocks"] for _ in range(count)]


def pin_every(pageblocks: Pageblocks, every: int) -> int:
    """Pins one anonymous page in each `every`-th pageblock that has one; returns how many."""
    nr_pinned = 0
    for kinds in pageblocks[::every]:
        if kinds.get("anon"):
            kinds["anon"] -= 1
            kinds[PINNED] = 1
            nr_pinned += 1
    return nr_pinned


def free_kinds(pageblocks: Pageblocks, *names: str) -> None:
    """Frees all pages of some kinds: the workload that had them has ended."""
    for kinds in pageblocks:
        nr_freed = sum(kinds.pop(name, 0) for name in names)
        kinds["buddy"] = kinds.get("buddy", 0) + nr_freed


def load_guest(
    setting: Setting, snapshot: Json, pageblocks: Pageblocks, *, make_device: type[Device] = Device
) -> Guest:
    """Returns the guest that a snapshot shows, with these pages in its device's region.

    make_device: what a device is made of that has nothing plugged yet.
    """
    policy = policy_for_release(setting.release)
    options = CaptureOptions(
        name="recorded",
        online=setting.online,
        block_size=setting.device_block_size,
        per_cpu=PerCpuAssumption.ALL,
    )
    sink = RingSink(EVENTS)
    guest, _ = load_capture(_machine(setting, snapshot, pageblocks), options, sink=sink)
    if not list(guest._devices):  # noqa: SLF001 - what the guest keeps is what tests look at
        region = DeviceRegion(setting.memaddr, setting.device_bytes, setting.device_block_size)
        device = make_device("vm0", region, sink=sink)
        guest.attach(device, fallback=policy.fallback)
    return guest


def _machine(setting: Setting, snapshot: Json, pageblocks: Pageblocks) -> CapturedMachine:
    first_pfn = setting.memaddr // PAGE
    nr_pages = (setting.memaddr + setting.device_bytes) // PAGE
    zones = tuple(_zones(snapshot, first_pfn))
    runs = [
        *_boot_runs(zones, snapshot["buddyinfo"], _memmaps_in_boot_memory(setting, snapshot)),
        *_device_runs(pageblocks, first_pfn),
    ]
    starts, flags = _merged(runs)
    return machines.machine_of(
        np.zeros(1, np.uint64),
        nr_pages=nr_pages,
        run_start=starts,
        run_flags=flags,
        run_count=np.zeros(len(starts), np.uint32),
        zones=zones,
        buddyinfo={ZoneKey(0, name): tuple(counts) for name, counts in snapshot["buddyinfo"].items()},
        pagetypeinfo=_page_types(snapshot),
        iomem=tuple(_iomem(setting, pageblocks)),
        memory_blocks=tuple(_memory_blocks(snapshot)),
        memory_block_size=setting.memory_block_size,
        auto_online_blocks=setting.online,
        kernel_release=setting.release,
        cmdline=setting.cmdline,
    )


def _zones(snapshot: Json, first_pfn: int) -> Iterator[CapturedZone]:
    managed = [snapshot["zones"].get(name, {"managed": 0})["managed"] for name in ZONE_NAMES]
    reserves = dict(zip(ZONE_NAMES, lowmem_reserves(managed), strict=True))
    for name in ZONE_NAMES:
        fact = snapshot["zones"].get(name, _EMPTY)
        start = fact["start_pfn"]
        assert name in _BOOT_ZONES or not start or start >= first_pfn
        members = {key: fact[key] for key in ("spanned", "present", "managed", "free", "min", "low", "high")}
        yield machines.zone(name, start, start + fact["spanned"], protection=tuple(reserves[name]), **members)


def _page_types(snapshot: Json) -> CapturedPageTypes | None:
    found = snapshot.get("pagetypeinfo")
    return machines.types(found["blocks"]) if found else None


def _iomem(setting: Setting, pageblocks: Pageblocks) -> Iterator[IomemRange]:
    """Yields what iomem shows; that the kernel's image fills boot memory keeps it from being taken for a device's."""
    yield IomemRange(0, setting.boot_bytes, "System RAM", 0)
    yield IomemRange(0, setting.boot_bytes, "Kernel code", 1)
    added = [index for index, kinds in enumerate(pageblocks) if "nopage" not in kinds]
    if added:
        yield IomemRange(setting.memaddr, setting.memaddr + setting.device_bytes, "virtio0", 0)
        end = setting.memaddr + (added[-1] + 1) * PAGEBLOCK * PAGE
        yield IomemRange(setting.memaddr, end, "System RAM (virtio_mem)", 1)


def ids_of(text: str) -> Iterator[int]:
    """Yields the ids that "0-7,9" names."""
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def _memory_blocks(snapshot: Json) -> Iterator[CapturedMemoryBlock]:
    for row in snapshot["memory_blocks"]:
        zones = () if row["valid_zones"] == "none" else tuple(row["valid_zones"].split())
        for index in ids_of(row["ids"]):
            yield CapturedMemoryBlock(index, index, row["state"], zones, None, 0)


def _memmaps_in_boot_memory(setting: Setting, snapshot: Json) -> int:
    """Returns of how many of the device's memory blocks the memmap lies in boot memory.

    The first's, all that a big block has, and where zone Normal has none of the others, theirs as well.
    """
    nr_blocks: int = sum(row["n"] for row in snapshot["memory_blocks"] if row["where"] == "dev")
    nr_first = max(setting.device_block_size // setting.memory_block_size, 1)
    return min(nr_blocks, nr_first) if snapshot["zones"].get("Normal") else nr_blocks


# --------------------------------------------------------------------------------------------- pages


def _boot_runs(
    zones: Sequence[CapturedZone], buddyinfo: dict[str, Sequence[int]], nr_memmaps: int
) -> Iterator[Run]:
    """Yields the pages of boot memory; what is neither free nor the kernel's was never given to the buddy."""
    for zone in zones:
        if zone.name not in _BOOT_ZONES or not zone.spanned:
            continue
        nr_here = nr_memmaps if zone.name == _BOOT_ZONES[-1] else 0
        counts = buddyinfo[zone.name]
        free, memmaps = lay_out(zone.start_pfn, zone.end_pfn, counts, nr_used=nr_here)
        parts = [(*part, machines.BUDDY) for part in free] + [(*part, machines.UNMARKED) for part in memmaps]
        left = zone.managed - sum(end - start for start, end, _ in parts)
        pfn = zone.start_pfn
        for start, end, flags in [*sorted(parts), (zone.end_pfn, 0, machines.NOPAGE)]:
            used = min(left, start - pfn)
            yield pfn, machines.SLAB
            yield pfn + used, machines.RESERVED
            yield start, flags
            left -= used
            pfn = end


def _device_runs(pageblocks: Pageblocks, first_pfn: int) -> Iterator[Run]:
    yield first_pfn, machines.NOPAGE
    for index, kinds in enumerate(pageblocks):
        pfn = first_pfn + index * PAGEBLOCK
        if kinds.get("thp") == PAGEBLOCK:
            yield pfn, machines.THP_HEAD
            yield pfn + 1, machines.THP_TAIL
            continue
        for name, flags in _FLAGS.items():
            yield pfn, flags
            pfn += kinds.get(name, 0)


def _merged(runs: Sequence[Run]) -> tuple[np.ndarray, np.ndarray]:
    """Returns starts and flags of the runs, without empty ones and neighbours that agree."""
    kept: list[Run] = [(0, machines.NOPAGE)]
    for pfn, flags in runs:
        if kept and kept[-1][0] == pfn:
            kept.pop()
        if not kept or kept[-1][1] != flags:
            kept.append((pfn, flags))
    return np.array([pfn for pfn, _ in kept], np.int64), np.array([flags for _, flags in kept], np.uint64)
