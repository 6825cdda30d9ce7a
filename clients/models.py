"""What the service answers, as frozen typed values. Sizes are bytes, times simulated microseconds.

Mirrors the REST API v1 (openapi.json).
Tolerant on purpose: a member that this version does not know is kept and given back by `model_dump`, so that
an older client works with a newer service, and `vmemctl --json` hides nothing.
Left out: what a caller sends (clients.specs).
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue


class Answer(BaseModel):
    """Anything the service answers: cannot be changed; unknown members are kept."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Memory(Answer):
    """A guest's memory, in bytes."""

    total: int
    managed: int
    free: int


class Zone(Answer):
    """A zone of a guest's memory, in bytes; min, low, high are its watermarks."""

    name: str
    node: int = 0
    spanned: int
    present: int
    managed: int
    free: int
    min: int
    low: int
    high: int


class DriverState(Answer):
    """What the guest's driver is at, and what it was loaded with.

    state: `idle`, `working`, `waiting_retry` for retry_ms, `broken` or `unloaded`.
    """

    state: str
    retry_ms: int | None = None
    is_loaded: bool = True
    unplug_online: bool = True
    force_bbm: bool = False
    bbm_block_size: int = 0
    bbm_safe_unplug: bool = True
    # Set, but unknown to the guest's kernel, or without effect.
    ignored_parameters: tuple[str, ...] = ()


class Device(Answer):
    """A virtio-mem device: the host's book, and what the guest's driver says of its Linux memory blocks."""

    id: str
    addr: int
    block_size: int
    region_size: int
    usable_region_size: int
    requested_size: int
    size: int
    node: int = 0
    # "sbm": sub-blocks of memory blocks are plugged; "bbm": big blocks of whole ones.
    mode: str = "sbm"
    subblock_size: int | None = None
    big_block_size: int | None = None
    unplug_levels: tuple[str, ...] = ()
    driver: DriverState | None = None
    blocks: Mapping[str, int] = {}


class Allocation(Answer):
    """Pages taken on the guest's behalf, under a name by which they can be given back."""

    id: int
    kind: str
    nr_pages: int
    order: int | None = None
    label: str | None = None
    node: int = 0


class FreedAllocation(Answer):
    """How much of an allocation went, and how much is left."""

    id: int
    freed_pages: int
    remaining_pages: int


class CmaAllocation(Answer):
    """Pages that the client of a CMA area has."""

    pfn: int
    nr_pages: int


class CmaArea(Answer):
    """A CMA area: its place, what it could hold and what its bitmap counts as taken, in bytes."""

    name: str
    base: int
    size: int
    used: int = 0
    order_per_bit: int = 0
    allocations: tuple[CmaAllocation, ...] = ()


class CmaAreaList(Answer):
    """The CMA areas of a guest."""

    cma_areas: tuple[CmaArea, ...]


class Condition(Answer):
    """Whether a guest runs: `running`, `hung`, `asleep` or `crashed`; reason: what it died of, or how it sleeps."""

    state: str
    reason: str | None = None
    since_us: int = 0


class Guest(Answer):
    """One simulated guest."""

    name: str
    policy: str
    source: str
    preset: str | None = None
    fallback: tuple[str, ...] = ()
    online: str | None = None
    seed: int | None = None
    boot_size: int | None = None
    numa_nodes: tuple[int, ...] = ()
    boot_reserved: int = 0
    boot_used: int = 0
    auto_movable_ratio: int | None = None
    auto_movable_numa_aware: bool | None = None
    offline_max_rounds: int | None = None
    simulated_us: int | float = 0
    condition: Condition | None = None
    memory: Memory
    zones: tuple[Zone, ...] = ()
    devices: tuple[Device, ...] = ()
    allocations: tuple[Allocation, ...] = ()
    cma_areas: tuple[CmaArea, ...] = ()


class GuestList(Answer):
    """All guests of the service."""

    guests: tuple[Guest, ...]


class ImportedGuest(Answer):
    """A guest made from a capture, and what its loading could and could not tell."""

    guest: Guest
    load_report: Mapping[str, JsonValue]


class LevelOutcome(Answer):
    """What one level of the fallback did: bytes that went, attempts, and how many of them failed."""

    bytes: int
    attempts: int
    failed: int


class Obstacle(Answer):
    """Why a piece stayed: the page (pfn, kind) in the way, or only a result where a shortage stopped it."""

    level: str
    result: str
    bytes: int
    pfn: int | None = None
    kind: str | None = None
    cause: str = "page"


class ObstacleGroup(Answer):
    """Pieces that stayed for alike reasons, counted however many they are."""

    level: str
    result: str
    count: int
    bytes: int
    kind: str | None = None
    cause: str = "page"


class FailureGroup(Answer):
    """Attempts that failed for alike reasons, whatever became of the piece later."""

    level: str
    result: str
    count: int
    kind: str | None = None


class Outcome(Answer):
    """What became of a plug, an unplug or a resize; `obstacles` is bounded, what counts them is not."""

    state: Literal["done", "partial"]
    requested: int
    achieved: int
    requested_size: int
    size: int
    by_level: Mapping[str, LevelOutcome] = {}
    obstacles: tuple[Obstacle, ...] = ()
    obstacle_count: int = 0
    obstacle_groups: tuple[ObstacleGroup, ...] = ()
    is_simulator_limit: bool = False
    failures: tuple[FailureGroup, ...] = ()
    migrated_pages: int = 0
    dropped_pages: int = 0
    types_lost: Mapping[str, int] = {}
    simulated_us: int | float = 0


class RangeObstacle(Answer):
    """The page that kept a range from being taken."""

    pfn: int
    kind: str | None = None


class RangeOutcome(Answer):
    """What became of alloc_contig_range: the kernel's result ("0", "EBUSY", ...), and where it failed."""

    result: str
    step: str | None = None
    obstacle: RangeObstacle | None = None
    migrated_pages: int = 0

    @property
    def succeeded(self) -> bool:
        """Tells whether the range was taken."""
        return self.result == "0"


class CmaOutcome(Answer):
    """What became of cma_alloc: the kernel's result, where, and how many calls of alloc_contig_range it took."""

    result: str
    pfn: int | None = None
    nr_pages: int
    calls: int
    step: str | None = None
    obstacle: RangeObstacle | None = None
    migrated_pages: int = 0

    @property
    def succeeded(self) -> bool:
        """Tells whether the pages were taken."""
        return self.result == "0"


class CmaReleased(Answer):
    """Pages that went back to a CMA area."""

    pfn: int
    freed_pages: int


class FreedRange(Answer):
    """A range that was given back to the guest's buddy allocator."""

    start_pfn: int
    end_pfn: int
    freed_pages: int


class MemoryBlock(Answer):
    """A Linux memory block that is present."""

    id: int
    start_pfn: int
    state: str
    zone: str | None = None
    node: int = 0
    device: str | None = None


class ChangedMemoryBlock(MemoryBlock):
    """A memory block that was set, and what that took."""

    migrated_pages: int
    simulated_us: int


class MemoryBlocks(Answer):
    """The memory blocks of a guest; absent ones are left out."""

    memory_block_size: int
    memory_blocks: tuple[MemoryBlock, ...]


class PageblockRun(Answer):
    """Pageblocks in a row that are alike: `pages` counts the pages of each kind in each one of them."""

    start_pageblock: int
    nr_pageblocks: int
    migratetype: str | None = None
    zone: str | None = None
    node: int = 0
    pages: Mapping[str, int] = {}


class Pageblocks(Answer):
    """The pageblocks of a guest, run-length coded."""

    pageblock_nr_pages: int
    runs: tuple[PageblockRun, ...]


class Violation(Answer):
    """A broken invariant: which, where, what the law says and what was found.

    weight: "finding" where the policy's own releases do the same, else "failure", a bug of the simulator.
    """

    id: str
    where: str = ""
    expected: str = ""
    found: str = ""
    weight: str = "failure"

    @property
    def is_failure(self) -> bool:
        """Whether no release of the policy's kernel does this."""
        return self.weight != "finding"


class Verification(Answer):
    """The broken invariants of a guest; none, in a sound one."""

    violations: tuple[Violation, ...]


class Status(Answer):
    """The answer of /healthz and /readyz."""

    status: str = ""


class Version(Answer):
    """Which service answers."""

    name: str = ""
    version: str = ""
