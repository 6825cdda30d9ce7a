"""A virtio-mem device: what a caller says of it, and what it answers."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from app.api.schemas.drivers import Driver, DriverIn
from app.api.schemas.strict import Answer, Request, Size

DEVICE_ID_PATTERN = r"^[A-Za-z0-9_.-]{1,63}$"


class DeviceIn(Request):
    """A device of a guest that is to be made."""

    id: Annotated[str, Field(pattern=DEVICE_ID_PATTERN)] | None = Field(
        None, description="vm0, vm1 ... when left out"
    )
    size: Size = Field(description="size of the device's region; a multiple of the memory block size")
    block_size: Size | None = Field(
        None, description="device block size; default: a pageblock, 1 MiB at least"
    )
    requested_size: Size = Field(0, description="what the guest shall plug at once; a multiple of block_size")
    node: int = Field(0, ge=0, le=7, description="the NUMA node to which its memory belongs")
    backing_page_size: Size = Field(
        4096,
        description="page size of the host's memory behind it; block_size is no less: more than 4096 for hugetlb",
    )
    unplugged_inaccessible: bool = Field(
        default=True, description="offers UNPLUGGED_INACCESSIBLE, and needs a driver that accepts it"
    )
    persistent_suspend: bool = Field(
        default=True, description="offers PERSISTENT_SUSPEND: the guest may sleep with memory plugged"
    )
    driver: DriverIn = Field(default_factory=DriverIn, description="of the booting guest")


class RequestedSizeIn(Request):
    """A new target for a device."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"requested_size": "2GiB"}]})

    requested_size: Size = Field(description="what the device shall have plugged in the end")


class RelativeSizeIn(Request):
    """By how much a device shall grow or shrink."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"size": "512MiB"}]})

    size: Size = Field(description="added to, or taken from, the present requested_size")


class BlockCounts(Answer):
    """The device's memory blocks, or big blocks in mode `bbm`, by their state in the driver."""

    unused: int
    plugged: int
    offline: int
    offline_partial: int
    kernel: int
    kernel_partial: int
    movable: int
    movable_partial: int
    online: int = Field(description="of old drivers, which do not tell kernel from movable")
    online_partial: int
    added: int = Field(description="big blocks whose memory the guest has, online or not")
    fake_offline: int = Field(description="big blocks of which pages are being taken")


class Device(Answer):
    """A virtio-mem device; sizes in bytes."""

    id: str
    addr: int = Field(description="physical address of the region")
    block_size: int
    region_size: int
    usable_region_size: int
    requested_size: int
    size: int = Field(description="plugged")
    node: int
    mode: Literal["sbm", "bbm"] = Field(
        description="the driver plugs and unplugs sub-blocks of memory blocks, or big blocks of whole ones"
    )
    subblock_size: int | None = Field(description="null in mode bbm")
    big_block_size: int | None = Field(description="null in mode sbm")
    unplug_levels: list[str]
    driver: Driver
    blocks: BlockCounts


class LevelOutcome(Answer):
    """What one level of the fallback did."""

    bytes: int
    attempts: int
    failed: int


# A shortage has no piece of its own.
_OBSTACLE_BYTES = (
    "of the pieces that stay; of what ended the pass early (a shortage): what the pass had still to do then, without "
    "pieces that had failed before, and at least a sub-block"
)
_CAUSE = (
    "what stopped it: page, memory (no room to migrate to, or for a memmap), device (it was busy, or refused), "
    "fault_rule, offline_limit (too much added memory is not online), region (it has no room for more), simulator"
)


class Obstacle(Answer):
    """Why a piece stayed."""

    pfn: int | None = Field(description="the page in the way; null when a shortage stopped it")
    kind: str | None
    level: str
    result: str = Field(description="the kernel's name of the error, such as EBUSY")
    cause: str = Field(description=_CAUSE)
    bytes: int = Field(description=_OBSTACLE_BYTES)


class ObstacleGroup(Answer):
    """Pieces that stayed for alike reasons: all of them, counted."""

    kind: str | None
    level: str
    result: str
    cause: str = Field(description=_CAUSE)
    count: int
    bytes: int = Field(description=_OBSTACLE_BYTES)


class FailureGroup(Answer):
    """Attempts that failed for alike reasons, whatever became of the piece later."""

    kind: str | None = Field(description="of the page in the way; null where it was none")
    level: str
    result: str
    count: int = Field(description="attempts")


class Outcome(Answer):
    """What became of a plug, an unplug or a resize. A part is a normal answer."""

    device: str
    state: Literal["done", "partial"]
    requested: int = Field(description="bytes that were to be plugged or unplugged")
    achieved: int = Field(description="bytes that were")
    requested_size: int
    size: int
    by_level: dict[str, LevelOutcome]
    obstacles: list[Obstacle] = Field(description="at most 64 of them")
    obstacle_count: int = Field(description="all of them")
    obstacle_groups: list[ObstacleGroup] = Field(description="all of them, by reason, most bytes first")
    is_simulator_limit: bool = Field(
        description="memory was given up after offline_max_rounds (EINTR), where Linux would still be trying"
    )
    failures: list[FailureGroup] = Field(
        description="all attempts that failed, by reason, most frequent first"
    )
    migrated_pages: int
    dropped_pages: int = Field(description="clean page cache that went instead of being migrated")
    types_lost: dict[str, int] = Field(
        description='pageblocks that came back as another migratetype, by "OLD->NEW"'
    )
    simulated_us: int = Field(description="simulated microseconds that it took")
