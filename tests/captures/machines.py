"""Small captured machines for tests of the loader: pages painted with flags, and the tables to go with them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.guest.capture import page_flags as kpf
from app.guest.capture.machine import CapturedMachine
from app.guest.capture.page_flags import mask
from app.guest.capture.proc_text import (
    CapturedMemoryBlock,
    CapturedPageTypes,
    CapturedZone,
    IomemRange,
    ZoneKey,
)

NOPAGE = mask(kpf.KPF_NOPAGE)
BUDDY = mask(kpf.KPF_BUDDY)
UNMARKED = 0
ANON = mask(kpf.KPF_UPTODATE, kpf.KPF_LRU, kpf.KPF_MMAP, kpf.KPF_ANON, kpf.KPF_SWAPBACKED)
PIN = mask(kpf.KPF_UPTODATE, kpf.KPF_LRU, kpf.KPF_ANON, kpf.KPF_SWAPBACKED)
CLEAN = mask(kpf.KPF_UPTODATE, kpf.KPF_LRU)
SHMEM = mask(kpf.KPF_UPTODATE, kpf.KPF_DIRTY, kpf.KPF_LRU, kpf.KPF_SWAPBACKED)
SLAB = mask(kpf.KPF_SLAB)
PGTABLE = mask(kpf.KPF_PGTABLE)
RESERVED = mask(kpf.KPF_RESERVED)
OFFLINE = mask(kpf.KPF_OFFLINE)
HEAD = mask(kpf.KPF_COMPOUND_HEAD)
TAIL = mask(kpf.KPF_COMPOUND_TAIL)
THP_HEAD = ANON | HEAD | mask(kpf.KPF_THP)
# Most flags of a compound page stand at its head alone.
THP_TAIL = TAIL | mask(kpf.KPF_THP, kpf.KPF_ANON, kpf.KPF_MMAP)
SHMEM_THP_HEAD = SHMEM | HEAD | mask(kpf.KPF_THP)
SHMEM_THP_TAIL = TAIL | mask(kpf.KPF_THP)
HUGETLB_HEAD = HEAD | mask(kpf.KPF_HUGE)
HUGETLB_TAIL = TAIL | mask(kpf.KPF_HUGE)

PAGE = 4096
PAGEBLOCK = 512
BLOCK = 32768  # pages of a memory block of 128 MiB
BLOCK_SIZE = BLOCK * PAGE
NR_ORDERS = 11

Part = tuple[int, int, int]


def paint(nr_pages: int, *parts: Part, rest: int = BUDDY) -> NDArray[np.uint64]:
    """Returns the flags of nr_pages: `rest`, and over it (start, end, flags) in turn."""
    flags = np.full(nr_pages, rest, np.uint64)
    for start, end, word in parts:
        flags[start:end] = word
    return flags


def compound(start: int, nr_pages: int, head: int, tail: int) -> tuple[Part, Part]:
    """Returns the parts of one compound page."""
    return (start, start + 1, head), (start + 1, start + nr_pages, tail)


def zone(name: str, start_pfn: int, end_pfn: int, **members: object) -> CapturedZone:
    """Returns a zone that is all present and managed, unless `members` say otherwise."""
    told: dict[str, Any] = {
        "node": 0,
        "name": name,
        "start_pfn": start_pfn,
        "spanned": end_pfn - start_pfn,
        "present": end_pfn - start_pfn,
        "managed": end_pfn - start_pfn,
        "free": 0,
        "min": 10,
        "low": 20,
        "high": 30,
        "boost": 0,
        "pcp_count": 0,
        "protection": (0, 0, 0, 0, 0),
    }
    return CapturedZone(**(told | members))


def memory_block(index: int, zone_name: str = "Normal", state: str = "online") -> CapturedMemoryBlock:
    """Returns a memory block."""
    return CapturedMemoryBlock(index, index, state, (zone_name,), None, 0)


def virtio(start: int, size: int, plugged: int) -> tuple[IomemRange, IomemRange]:
    """Returns what iomem shows of a device's region: its first `plugged` bytes were added by the driver."""
    return (
        IomemRange(start, start + size, "virtio0", 0),
        IomemRange(start, start + plugged, "System RAM (virtio_mem)", 1),
    )


def types(blocks: Mapping[str, Mapping[str, int]], pageblock_order: int = 9) -> CapturedPageTypes:
    """Returns a pagetypeinfo that counts `blocks`, pageblocks by zone and type, of node 0."""
    counts = {ZoneKey(0, name): dict(row) for name, row in blocks.items()}
    return CapturedPageTypes(pageblock_order, {}, counts)


def managed_pages(flags: NDArray[np.uint64]) -> int:
    """Returns how many of the pages a zone manages."""
    unmanaged = np.uint64(NOPAGE | RESERVED | OFFLINE)
    return int(np.count_nonzero((flags & unmanaged) == 0))


def machine_of(flags: NDArray[np.uint64], **members: object) -> CapturedMachine:
    """Returns a machine with these pages: one zone Normal, all memory blocks online, unless `members` say otherwise."""
    starts = np.flatnonzero(np.diff(flags, prepend=flags[:1] ^ np.uint64(1)))
    nr_pages = len(flags)
    managed = managed_pages(flags)
    told: dict[str, Any] = {
        "page_size": PAGE,
        "nr_pages": nr_pages,
        "run_start": starts.astype(np.int64),
        "run_flags": flags[starts],
        "run_count": np.zeros(len(starts), np.uint32),
        "has_counts": False,
        "zones": (zone("Normal", 0, nr_pages, managed=managed),),
        "buddyinfo": {ZoneKey(0, "Normal"): (0,) * NR_ORDERS},
        "buddyinfo_after": None,
        "pagetypeinfo": types({"Normal": {"Movable": nr_pages // PAGEBLOCK}}),
        "iomem": (),
        "memory_blocks": tuple(memory_block(index) for index in range(nr_pages // BLOCK)),
        "memory_block_size": BLOCK_SIZE,
        "auto_online_blocks": "online_kernel",
        "meminfo": {},
        "vmstat": {},
        "min_free_kbytes": None,
        "watermark_scale_factor": None,
        "kernel_release": "6.1.0-56-amd64",
        "architecture": "x86_64",
        "cmdline": "",
        "is_live": False,
        "capture_seconds": None,
        "tool": "test",
    }
    return CapturedMachine(**(told | members))


def guest_machine(
    *parts: Part, nr_blocks: int = 2, zones: Sequence[str] = (), **members: object
) -> CapturedMachine:
    """Returns a virtio-mem guest: one block of boot memory in DMA32, then `nr_blocks` that its driver added.

    parts: (start, end, flags), from the start of the device's memory; the rest is free. zones: of each of these blocks,
    by default Normal.
    """
    names = list(zones) or ["Normal"] * nr_blocks
    shifted = [(BLOCK + start, BLOCK + end, word) for start, end, word in parts]
    flags = paint((nr_blocks + 1) * BLOCK, *shifted)
    rows = [zone("DMA32", 0, BLOCK)]
    for name in dict.fromkeys(names):
        first = names.index(name)
        end = nr_blocks - names[::-1].index(name)
        pages = [flags[BLOCK * (n + 1) : BLOCK * (n + 2)] for n in range(nr_blocks) if names[n] == name]
        managed = managed_pages(np.concatenate(pages))
        rows.append(zone(name, BLOCK * (first + 1), BLOCK * (end + 1), managed=managed))
    told: dict[str, Any] = {
        "zones": tuple(rows),
        "buddyinfo": {row.key: (0,) * NR_ORDERS for row in rows},
        "pagetypeinfo": types({row.name: {"Movable": row.spanned // PAGEBLOCK} for row in rows}),
        "iomem": virtio(BLOCK_SIZE, nr_blocks * BLOCK_SIZE, nr_blocks * BLOCK_SIZE),
        "memory_blocks": (
            memory_block(0, "DMA32"),
            *(memory_block(n + 1, name) for n, name in enumerate(names)),
        ),
    }
    return machine_of(flags, **(told | members))


def with_pcp(machine: CapturedMachine, **counts: int) -> CapturedMachine:
    """Returns the machine with these numbers of pages on the per-cpu lists of its zones."""
    zones = tuple(row._replace(pcp_count=counts.get(row.name, row.pcp_count)) for row in machine.zones)
    return replace(machine, zones=zones)
