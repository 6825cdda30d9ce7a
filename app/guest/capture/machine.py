"""A captured machine: what clients/capture.py recorded of a real one, as numpy arrays and records.

Left out: how a file becomes one (app.guest.capture.decoder), and what its page flags make of a simulated
guest (app.guest.capture.loader).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.errors import InvalidValue
from app.guest.capture.page_flags import KPF_NOPAGE
from app.guest.capture.proc_text import (
    CapturedMemoryBlock,
    CapturedPageTypes,
    CapturedZone,
    IomemRange,
    ZoneKey,
)
from app.guest.capture.vmem_file import invalid_capture
from app.units import MIB, is_power_of_two

_NOPAGE: Final = np.uint64(1 << KPF_NOPAGE)
_MAX_NR_ORDERS = 20
_UNTOLD_RAM = MIB  # without root, each range of iomem shows as one byte at 0
# The kernel's page counters and the reservations of its firmware do not add up to the byte.
_RAM_TOLERANCE = 1.05


class PageRuns(NamedTuple):
    """Runs of pages that agree in flags and in count, column by column."""

    start_pfn: NDArray[np.int64]
    nr_pages: NDArray[np.int64]
    flags: NDArray[np.uint64]
    mapcount: NDArray[np.uint32]


@dataclass(frozen=True, kw_only=True)
class CapturedMachine:
    """One machine at one moment; a live one moved while it was read, for `capture_seconds`.

    Run i is the pages [run_start[i], run_start[i + 1]), the last one ends at nr_pages, the first starts at 0;
    neighbours differ in flags or in count.
    """

    page_size: int  # bytes
    nr_pages: int  # pfns [0, nr_pages) were read, holes among them
    run_start: NDArray[np.int64]  # pfn, rising
    run_flags: NDArray[np.uint64]  # KPF_ bits
    run_count: NDArray[np.uint32]  # how often the page is mapped; 65535 stands for more; 0 where unknown
    has_counts: bool  # whether the machine had /proc/kpagecount

    zones: tuple[CapturedZone, ...]
    buddyinfo: Mapping[ZoneKey, tuple[int, ...]]  # free entries by order, just before the pages were read
    buddyinfo_after: Mapping[ZoneKey, tuple[int, ...]] | None  # just after it, if the machine was live
    pagetypeinfo: CapturedPageTypes | None
    iomem: tuple[IomemRange, ...]
    memory_blocks: tuple[CapturedMemoryBlock, ...]
    memory_block_size: int | None  # bytes; None without memory hotplug
    auto_online_blocks: str | None  # "online_kernel" ...
    meminfo: Mapping[str, int]  # bytes, or counts
    vmstat: Mapping[str, int]
    min_free_kbytes: int | None
    watermark_scale_factor: int | None

    kernel_release: str  # "6.1.0-56-amd64"
    architecture: str  # as uname says: "x86_64"; "" where the files were copies
    cmdline: str  # only the words that concern memory
    is_live: bool  # read from the running machine, not from copied files
    capture_seconds: float | None  # None where the files were copies
    tool: str  # "capture.py 1.0"

    @property
    def nr_runs(self) -> int:
        """How many runs the arrays hold."""
        return int(self.run_start.size)

    def zones_named(self, name: str) -> tuple[CapturedZone, ...]:
        """The zones of that name: one of each NUMA node."""
        return tuple(zone for zone in self.zones if zone.name == name)

    def run_lengths(self) -> NDArray[np.int64]:
        """Pages of each run."""
        return np.diff(self.run_start, append=self.nr_pages)

    def runs_in(self, start_pfn: int, end_pfn: int) -> PageRuns:
        """Returns the runs of [start_pfn, end_pfn), cut to it; pages behind nr_pages are left out.

        Linear in the runs returned.
        """
        end_pfn = min(end_pfn, self.nr_pages)
        start_pfn = max(start_pfn, 0)
        first = int(np.searchsorted(self.run_start, start_pfn, side="right")) - 1
        last = int(np.searchsorted(self.run_start, end_pfn, side="left"))
        taken = slice(first, last if start_pfn < end_pfn else first)
        starts = np.maximum(self.run_start[taken], start_pfn)
        return PageRuns(starts, np.diff(starts, append=end_pfn), self.run_flags[taken], self.run_count[taken])

    def flags_of(self, start_pfn: int, end_pfn: int) -> NDArray[np.uint64]:
        """Returns the flags of every page of [start_pfn, end_pfn); behind nr_pages, NOPAGE."""
        runs = self.runs_in(start_pfn, end_pfn)
        pages = np.repeat(runs.flags, runs.nr_pages)
        return np.pad(pages, (0, max(end_pfn - start_pfn, 0) - pages.size), constant_values=_NOPAGE)

    def counts_of(self, start_pfn: int, end_pfn: int) -> NDArray[np.uint32]:
        """Returns how often every page of [start_pfn, end_pfn) is mapped; behind nr_pages, 0."""
        runs = self.runs_in(start_pfn, end_pfn)
        pages = np.repeat(runs.mapcount, runs.nr_pages)
        return np.pad(pages, (0, max(end_pfn - start_pfn, 0) - pages.size))


def validate_machine(machine: CapturedMachine) -> None:
    """Raises InvalidValue when the parts cannot be of one machine, or not with pages of this size."""
    end_pfn = max(zone.end_pfn for zone in machine.zones)
    if end_pfn > machine.nr_pages:
        raise invalid_capture(f"page flags up to pfn {machine.nr_pages}, and a zone up to pfn {end_pfn}")
    unknown = set(machine.buddyinfo) - {zone.key for zone in machine.zones}
    if unknown:
        raise invalid_capture(f"zones of buddyinfo that zoneinfo lacks: {sorted(unknown)}")
    if any(len(counts) > _MAX_NR_ORDERS for counts in machine.buddyinfo.values()):
        raise invalid_capture(f"more than {_MAX_NR_ORDERS} orders in buddyinfo")
    _validate_memory_blocks(machine)
    _validate_page_size(machine)


def _validate_memory_blocks(machine: CapturedMachine) -> None:
    size = machine.memory_block_size
    if machine.memory_blocks and (size is None or not is_power_of_two(size) or size < machine.page_size):
        raise invalid_capture(f"memory blocks of {size} bytes")
    if len({block.phys_index for block in machine.memory_blocks}) < len(machine.memory_blocks):
        raise invalid_capture("two memory blocks of one phys_index")
    end = machine.nr_pages * machine.page_size
    for block in machine.memory_blocks:
        if size is not None and block.state == "online" and (block.phys_index + 1) * size > end:
            pages = f"{machine.nr_pages} pages of {machine.page_size} bytes"
            raise invalid_capture(f"memory block {block.id} online, but flags of {pages} only")


def _validate_page_size(machine: CapturedMachine) -> None:
    """Compares RAM in bytes, as iomem tells it to root, with RAM in pages."""
    ram = sum(entry.end - entry.start for entry in machine.iomem if entry.name.startswith("System RAM"))
    managed = sum(zone.managed for zone in machine.zones) * machine.page_size
    if ram > _UNTOLD_RAM and managed > ram * _RAM_TOLERANCE:
        raise InvalidValue(
            "capture",
            f"{managed} bytes of RAM in pages of {machine.page_size}, but {ram} bytes of RAM in iomem",
            "the page size of the machine that was captured (capture.py --page-size)",
        )
