"""What a guest's acts cost in simulated time: counts of work times the units of a cost profile.

Mirrors semantics section 11.2; the defaults are calibrated against a published measurement (11.1, HA25).
Kept here: costs are linear in the counts, in integer nanoseconds, so that they add up exactly.
Left out: counting (the driver and mm count), and what the guest's own programs lose meanwhile.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from app.mm.geometry import Geometry
from app.mm.outcome import ContigOutcome, Errno
from app.units import MIB
from app.virtio_mem.driver.report import PassCounts

# Block costs are given for the memory block of the measured guest.
_MEASURED_MEMORY_BLOCK = 128 * MIB
_MEASURED_HUGE_PAGE = 2 * MIB
# Order of a 2 MiB page in 4 KiB pages: the migration table ends there.
_MEASURED_HUGE_ORDER = 9
_SHIFT_4K = 12


class Work(NamedTuple):
    """How much of each act was done; pages are the geometry's pages."""

    # Contig calls that came past isolation: each drains the per-cpu lists and disables the LRU caches.
    drains: int = 0
    # Calls in all, and pageblocks isolated by them.
    contig_calls: int = 0
    pageblocks_isolated: int = 0
    # Pages of ranges that were looked at for something unmovable.
    pages_scanned: int = 0
    base_pages_migrated: int = 0
    # Runs above order 0 that were migrated, and the pages in them.
    huge_runs_migrated: int = 0
    huge_run_pages: int = 0
    clean_pages_dropped: int = 0
    free_heads_taken: int = 0
    # Pages that were marked offline, or cleared of that mark.
    pages_marked: int = 0
    device_requests: int = 0
    # Bytes that the host had backed, and discards.
    bytes_discarded: int = 0
    # Bytes plugged and unplugged at the device.
    bytes_plugged: int = 0
    bytes_unplugged: int = 0
    bytes_added: int = 0
    bytes_onlined: int = 0
    bytes_offlined: int = 0
    bytes_removed: int = 0


@dataclass(frozen=True)
class CostProfile:
    """Units in nanoseconds; the basis of each is in semantics 11.2."""

    name: str
    nr_cpus: int = 12
    # By order of a 4 KiB page, 0 to 9: measured at 0, 2, 4, 6, 8 and 9, in between the geometric mean.
    migrate_ns: tuple[int, ...] = (1240, 1903, 2920, 5360, 9840, 19184, 37400, 74147, 147000, 190000)
    drop_clean_page_ns: int = 200
    # Writing a dirty page back before it is dropped: an assumption, a disk of 1 GB/s.
    write_back_page_ns: int = 4_000
    # Choosing a process, killing it, and giving its pages back: an assumption.
    oom_kill_ns: int = 1_000_000
    # From a reset until drivers probe their devices: an assumption.
    boot_ns: int = 5_000_000_000
    isolate_pageblock_ns: int = 300
    scan_page_ns: int = 10
    # On all cpus: a fixed part and a part for each.
    drain_ns: int = 50_000
    drain_cpu_ns: int = 2_000
    lru_disable_ns: int = 72_000
    contig_call_ns: int = 10_000
    take_free_head_ns: int = 50
    mark_page_ns: int = 10
    device_request_ns: int = 25_000
    # Per 2 MiB that the guest had touched: 107 ms for 18 GiB.
    discard_ns: int = 11_600
    # Per 2 MiB that a device assigned with VFIO has to have mapped for DMA, and unmapped; nothing without one.
    vfio_map_ns: int = 0
    vfio_unmap_ns: int = 0
    # Per 128 MiB. Only the totals of a plug (1.37 ms) and an unplug (3.29 ms) are measured.
    add_ns: int = 900_000
    online_ns: int = 445_000
    offline_ns: int = 1_500_000
    remove_ns: int = 1_000_000

    @property
    def drain_all_ns(self) -> int:
        """One drain of the per-cpu lists and of the LRU caches."""
        return self.drain_ns + self.nr_cpus * self.drain_cpu_ns + self.lru_disable_ns

    def migrate_page_ns(self, size: int) -> int:
        """Cost of migrating one page of `size` bytes, at least 4 KiB; as the next lower power of two."""
        order = size.bit_length() - 1 - _SHIFT_4K
        if order <= _MEASURED_HUGE_ORDER:
            return self.migrate_ns[order]
        return self.migrate_ns[_MEASURED_HUGE_ORDER] << (order - _MEASURED_HUGE_ORDER)


HYPERALLOC_2025 = CostProfile("hyperalloc-2025")
# The same machine with a device assigned to the guest: 435 us per 2 MiB on plug, 33 (touched) to 40 on unplug.
HYPERALLOC_2025_VFIO = CostProfile("hyperalloc-2025-vfio", vfio_map_ns=435_000, vfio_unmap_ns=36_000)
PROFILES: Mapping[str, CostProfile] = {
    profile.name: profile for profile in (HYPERALLOC_2025, HYPERALLOC_2025_VFIO)
}


@dataclass
class Pace:
    """How much longer a guest takes than its cost profile says; 1: as long."""

    slowness: float = 1.0
    # Time lost besides, until whoever lost it takes it.
    delay_ns: int = 0

    def stretch(self, duration_ns: int) -> int:
        """Returns how long it takes this guest."""
        return duration_ns if self.slowness == 1 else int(duration_ns * self.slowness)

    def take_delay_ns(self) -> int:
        """Returns the time lost since the last call."""
        delay_ns, self.delay_ns = self.delay_ns, 0
        return delay_ns


def contig_ns(profile: CostProfile, geometry: Geometry, work: Work) -> int:
    """Returns what the contig calls in `work` cost: isolating, draining, migrating and taking."""
    base = profile.migrate_page_ns(geometry.page_size)
    huge = 0
    if work.huge_runs_migrated:
        # Runs of different orders cost as runs of their mean size do.
        mean_pages = max(work.huge_run_pages // work.huge_runs_migrated, 1)
        huge = profile.migrate_page_ns(geometry.page_size * mean_pages)
    return (
        work.contig_calls * profile.contig_call_ns
        + work.drains * profile.drain_all_ns
        + work.pageblocks_isolated * profile.isolate_pageblock_ns
        + work.pages_scanned * profile.scan_page_ns
        + work.base_pages_migrated * base
        + work.huge_runs_migrated * huge
        + work.clean_pages_dropped * profile.drop_clean_page_ns
        + work.free_heads_taken * profile.take_free_head_ns
    )


def hotplug_ns(profile: CostProfile, work: Work) -> int:
    """Returns what adding, onlining, offlining and removing in `work` cost; linear in bytes."""
    scaled = (
        work.bytes_added * profile.add_ns
        + work.bytes_onlined * profile.online_ns
        + work.bytes_offlined * profile.offline_ns
        + work.bytes_removed * profile.remove_ns
    )
    return scaled // _MEASURED_MEMORY_BLOCK


def device_ns(profile: CostProfile, work: Work) -> int:
    """Returns what the requests in `work`, and the host's discards and mappings, cost; linear in bytes."""
    scaled = (
        work.bytes_discarded * profile.discard_ns
        + work.bytes_plugged * profile.vfio_map_ns
        + work.bytes_unplugged * profile.vfio_unmap_ns
    )
    return work.device_requests * profile.device_request_ns + scaled // _MEASURED_HUGE_PAGE


def cost_ns(profile: CostProfile, geometry: Geometry, work: Work) -> int:
    """Returns the simulated nanoseconds that `work` takes."""
    marking = work.pages_marked * profile.mark_page_ns
    return contig_ns(profile, geometry, work) + hotplug_ns(profile, work) + device_ns(profile, work) + marking


def work_of_pass(counts: PassCounts, geometry: Geometry, *, bytes_discarded: int) -> Work:
    """Returns the work of one pass of a driver; bytes_discarded: backed memory that was unplugged."""
    size = geometry.memory_block_size
    return Work(
        drains=counts.contig_drains,
        contig_calls=counts.contig_calls,
        pageblocks_isolated=counts.isolated_pageblocks,
        pages_scanned=counts.isolated_pageblocks << geometry.pageblock_order,
        base_pages_migrated=counts.nr_migrated - counts.nr_migrated_huge,
        huge_runs_migrated=counts.nr_huge,
        huge_run_pages=counts.nr_migrated_huge,
        clean_pages_dropped=counts.nr_dropped,
        # What was isolated has merged: it is taken in chunks.
        free_heads_taken=counts.nr_marked >> geometry.max_order,
        pages_marked=counts.nr_marked,
        device_requests=counts.device_requests,
        bytes_discarded=bytes_discarded,
        bytes_plugged=counts.plugged_bytes,
        bytes_unplugged=counts.unplugged_bytes,
        bytes_added=counts.memory_blocks_added * size,
        bytes_onlined=counts.memory_blocks_onlined * size,
        bytes_offlined=counts.memory_blocks_offlined * size,
        bytes_removed=counts.memory_blocks_removed * size,
    )


def work_of_contig(outcome: ContigOutcome, geometry: Geometry, nr_pages: int) -> Work:
    """Returns the work of one alloc_contig_range() call over `nr_pages`."""
    return Work(
        drains=int(outcome.step != "isolate"),
        contig_calls=1,
        pageblocks_isolated=outcome.nr_pageblocks,
        pages_scanned=outcome.nr_pageblocks << geometry.pageblock_order,
        base_pages_migrated=outcome.nr_migrated - outcome.nr_migrated_huge,
        huge_runs_migrated=outcome.nr_huge,
        huge_run_pages=outcome.nr_migrated_huge,
        clean_pages_dropped=outcome.nr_dropped,
        free_heads_taken=nr_pages if outcome.result is Errno.OK else 0,
    )


# Takes an alloc_contig_range() call, and over how many pages it was.
ContigCharge = Callable[[ContigOutcome, int], None]


def charging_contig(
    advance: Callable[[int], None], profile: CostProfile, geometry: Geometry, pace: Pace
) -> ContigCharge:
    """Returns what advances a clock by the cost of one alloc_contig_range() call over so many pages."""

    def charge(outcome: ContigOutcome, nr_pages: int) -> None:
        spent_ns = cost_ns(profile, geometry, work_of_contig(outcome, geometry, nr_pages))
        advance(pace.stretch(spent_ns))

    return charge
