"""Frozen events that the core emits, named after the kernel's tracepoints where one exists.

NamedTuples of integers and strings only: cheap to make, hashable, and equal in every process.
Left out: wall-clock time; the simulated time is in `at_us` where it matters.
"""

from typing import NamedTuple


class ContigAttempted(NamedTuple):
    """One alloc_contig_range() call over [start_pfn, end_pfn): its result, the step at which it failed."""

    start_pfn: int
    end_pfn: int
    result: str
    step: str
    nr_migrated: int


class UnplugAttempted(NamedTuple):
    """The driver tried to take one unit at one fallback level; obstacle_pfn is -1 when none is known."""

    device: str
    level: str
    start_pfn: int
    end_pfn: int
    result: str
    obstacle_pfn: int


class RequestAnswered(NamedTuple):
    """The device answered a request of the driver: PLUG, UNPLUG, UNPLUG_ALL or STATE."""

    device: str
    request: str
    addr: int
    nb_blocks: int
    response: str


class MemoryBlockChanged(NamedTuple):
    """A Linux memory block went to `state` ("absent", "offline", "online"), in `zone` ("" when none)."""

    memory_block: int
    state: str
    zone: str


class MemoryBlockRefused(NamedTuple):
    """A listener refused that a memory block goes on- or offline ("going_online", "going_offline"), with a result."""

    memory_block: int
    action: str
    result: str


class MemoryBlockStayed(NamedTuple):
    """A memory block could not go offline: why, at which page (-1: none known), after how many rounds of migration."""

    memory_block: int
    result: str
    obstacle_pfn: int
    nr_rounds: int


class RequestedSizeChanged(NamedTuple):
    """The hypervisor set the device's requested_size, in bytes."""

    device: str
    requested_size: int


class MemoryDeviceSizeChanged(NamedTuple):
    """The device's plugged size, in bytes, as hypervisors tell it: at most one a second of each device."""

    device: str
    size: int
    at_us: int


class DriverPassEnded(NamedTuple):
    """One run of the driver's work item ended: result, bytes plugged then, retry timer (0 when not armed)."""

    device: str
    result: str
    plugged_size: int
    retry_ms: int
    at_us: int


class DriverLoaded(NamedTuple):
    """The module of a device's driver was loaded: its mode, and the least that it plugs, in bytes."""

    device: str
    mode: str
    unit_size: int


class DriverUnloaded(NamedTuple):
    """The module of a device's driver was unloaded, and may have left memory that it had added."""

    device: str
    is_memory_left: bool


class PagesAllocated(NamedTuple):
    """A workload or a caller allocated pages: allocation id, kind, order, number of base pages."""

    owner: int
    kind: str
    order: int
    nr_pages: int


class PagesFreed(NamedTuple):
    """Pages of an allocation were freed."""

    owner: int
    nr_pages: int


class FaultStruck(NamedTuple):
    """A fault rule struck: its number, its kind, and the device that it struck ("" for the whole guest)."""

    rule: int
    kind: str
    device: str
    at_us: int


class ConditionChanged(NamedTuple):
    """The guest went on, stood still or died: "running", "hung", "crashed"; reason: of a death, else ""."""

    state: str
    reason: str
    at_us: int


class PagesReclaimed(NamedTuple):
    """Memory was short: page cache of any allocation was freed, by "kswapd" or by "direct" reclaim of who waited."""

    by: str
    nr_pages: int
    stall_us: int
    at_us: int


class OomKilled(NamedTuple):
    """The out-of-memory killer took the process with the most memory of its own: all allocations of a label."""

    label: str
    allocation: int
    nr_pages: int
    at_us: int


class GuestRebooted(NamedTuple):
    """The guest booted anew: by "system_reset", which unplugs everything, or "kexec", which does not."""

    kind: str
    at_us: int


class GuestRestored(NamedTuple):
    """The guest became what it was when `snapshot` was taken."""

    snapshot: str
    at_us: int


Event = (
    ContigAttempted
    | UnplugAttempted
    | RequestAnswered
    | MemoryBlockChanged
    | MemoryBlockRefused
    | MemoryBlockStayed
    | RequestedSizeChanged
    | MemoryDeviceSizeChanged
    | GuestRebooted
    | GuestRestored
    | DriverPassEnded
    | DriverLoaded
    | DriverUnloaded
    | PagesAllocated
    | PagesFreed
    | FaultStruck
    | ConditionChanged
    | PagesReclaimed
    | OomKilled
)
