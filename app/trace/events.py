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


class RequestedSizeChanged(NamedTuple):
    """The hypervisor set the device's requested_size, in bytes."""

    device: str
    requested_size: int


class DriverPassEnded(NamedTuple):
    """One run of the driver's work item ended: result, bytes plugged then, retry timer (0 when not armed)."""

    device: str
    result: str
    plugged_size: int
    retry_ms: int
    at_us: int


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


Event = (
    ContigAttempted
    | UnplugAttempted
    | RequestAnswered
    | MemoryBlockChanged
    | RequestedSizeChanged
    | DriverPassEnded
    | PagesAllocated
    | PagesFreed
)
