"""Why memory stays plugged: what could be had now, what stays by reason, and the pages in the way."""

from typing import Annotated

from pydantic import Field

from app.api.schemas.strict import LARGEST_INTEGER, Answer, Closed, Size
from app.operations.explaining import PageWindow

MOST_ROWS = 1000

_TARGET = "explained is what stays plugged above this size; the device's requested_size, when left out"
_NUMBERS = "ids of allocations, or memory blocks whose memmap it is; 16 at most"


class ExplainQuery(Closed):
    """What shall be explained, and whether page by page."""

    target: Size | None = Field(None, description=_TARGET)
    pages: bool = Field(default=False, description="tells single pages, too")
    limit: Annotated[int, Field(ge=1, le=MOST_ROWS)] = Field(100, description="most pages of one answer")
    cursor: Annotated[int, Field(ge=0, le=LARGEST_INTEGER)] = Field(
        0, description="next_cursor of the answer before; of the guest as it is then"
    )

    def to_window(self) -> PageWindow | None:
        """Returns which single pages are wanted."""
        return PageWindow(self.cursor, self.limit) if self.pages else None


class Remedy(Answer):
    """What would free it."""

    action: str = Field(
        description="unpin, end_owner, shrink_slab, drop_caches, remove_memory_block, release_range, "
        "free_gigantic_page, add_memory, load_driver, reboot, wait or nothing"
    )
    text: str


class OwnerSort(Answer):
    """Whose pages they are."""

    type: str = Field(
        description="allocation, gigantic_page, memmap, cma_area, contig_range, virtio_mem, boot, kernel or unknown"
    )
    label: str = Field(description="of the allocation; the area's name")


class Owner(OwnerSort):
    """Whose page it is."""

    number: int | None = Field(description="the allocation's id, or the memory block whose memmap it is")


class Gain(Answer):
    """The longest range without a gap that would be released together."""

    start_pfn: int
    end_pfn: int
    bytes: int
    obstacle_pages: int = Field(description="pages that have to go for that")


class ExplainGroup(Answer):
    """Pieces that stay for one reason."""

    level: str | None = Field(description="tried last; null where the driver did not come to them")
    result: str | None = Field(
        description="the kernel's name of the error, such as EBUSY; null where nothing was tried"
    )
    kind: str | None = Field(description="of the page in the way; null where it is none")
    owner: OwnerSort | None
    numbers: list[int] = Field(description=_NUMBERS)
    count: int = Field(description="pieces")
    bytes: int
    obstacles: int = Field(description="runs of this kind and owner in these pieces")
    obstacle_pages: int
    youngest_us: int | None = Field(description="age of the allocation, in simulated time")
    oldest_us: int | None
    remedy: Remedy
    released_alone: int = Field(
        description="bytes of the pieces in which nothing else is in the way: what freeing this group's pages releases"
    )
    largest_gain: Gain | None


class ExplainedPage(Answer):
    """A run of pages in the way, and the piece that it keeps plugged; pfn is null where no page is."""

    pfn: int | None
    kind: str | None
    order: int | None
    owner: Owner | None
    age_us: int | None = Field(description="since it was allocated, in simulated time")
    start_pfn: int = Field(description="of the piece")
    end_pfn: int
    level: str | None
    result: str | None
    remedy: Remedy


class Hindrance(Answer):
    """What keeps the driver from working at all; the rest of the answer is as if it were gone."""

    what: str
    text: str
    remedy: str


class NextRetry(Answer):
    """When the driver tries again by itself, in simulated time."""

    due_us: int
    in_us: int
    interval_ms: int
    next_interval_ms: int = Field(description="after that, if it fails again")


class Explanation(Answer):
    """Why memory stays plugged above a target, found by asking a copy of the guest; sizes in bytes."""

    device: str
    target: int
    size: int = Field(description="plugged now")
    unit_size: int = Field(description="the least that the driver gives back: a sub-block, or a big block")
    above_target: int = Field(description="size - target, or 0")
    obtainable: int = Field(description="what the driver would give back of that now")
    stays: int = Field(description="what it would not")
    rest: int = Field(description="the part of that which is smaller than a unit: no driver gives it back")
    result: str | None = Field(description="how the driver's last pass would end; null without a driver")
    hindrances: list[Hindrance]
    retry: NextRetry | None = Field(description="null while the retry timer is not armed")
    pieces: int = Field(
        description="that were tried in vain, and those that the driver did not come to, in its own order"
    )
    groups: list[ExplainGroup]
    pages: list[ExplainedPage]
    nr_pages: int = Field(description="rows that there are in all")
    next_cursor: int | None
