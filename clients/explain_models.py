"""What the service answers about why memory stays plugged and what would become of a target, as frozen typed values.

Mirrors the REST API v1 (openapi.json). Sizes are bytes, times simulated microseconds.
"""

from clients.models import Answer, Outcome


class Remedy(Answer):
    """What would free it: a word, and a sentence."""

    action: str
    text: str


class OwnerSort(Answer):
    """Whose pages they are."""

    type: str
    label: str = ""


class Owner(OwnerSort):
    """Whose page it is; number: the allocation, or the memory block whose memmap it is."""

    number: int | None = None


class Gain(Answer):
    """The longest range without a gap that would be released together, for so many pages."""

    start_pfn: int
    end_pfn: int
    bytes: int
    obstacle_pages: int


class ExplainGroup(Answer):
    """Pieces that stay for one reason; released_alone: what freeing these pages alone would release."""

    level: str | None = None
    result: str | None = None
    kind: str | None = None
    owner: OwnerSort | None = None
    numbers: tuple[int, ...] = ()
    count: int
    bytes: int
    obstacles: int = 0
    obstacle_pages: int = 0
    youngest_us: int | None = None
    oldest_us: int | None = None
    remedy: Remedy
    released_alone: int = 0
    largest_gain: Gain | None = None


class ExplainedPage(Answer):
    """A run of pages in the way, and the piece that it keeps plugged; pfn is None where no page is."""

    pfn: int | None = None
    kind: str | None = None
    order: int | None = None
    owner: Owner | None = None
    age_us: int | None = None
    start_pfn: int
    end_pfn: int
    level: str | None = None
    result: str | None = None
    remedy: Remedy


class Hindrance(Answer):
    """What keeps the driver from working at all."""

    what: str
    text: str
    remedy: str


class NextRetry(Answer):
    """When the driver tries again by itself."""

    due_us: int
    in_us: int
    interval_ms: int
    next_interval_ms: int


class Explanation(Answer):
    """Why memory stays plugged above a target: what could be had now, and what would not, by reason."""

    device: str
    target: int
    size: int
    unit_size: int
    above_target: int
    obtainable: int
    stays: int
    rest: int = 0
    result: str | None = None
    hindrances: tuple[Hindrance, ...] = ()
    retry: NextRetry | None = None
    pieces: int
    groups: tuple[ExplainGroup, ...] = ()
    pages: tuple[ExplainedPage, ...] = ()
    nr_pages: int = 0
    next_cursor: int | None = None


class RetryForecast(Answer):
    """A retry, and what becomes of it."""

    at_us: int
    outcome: Outcome


class SizeLimits(Answer):
    """How far a device could be shrunk and grown now."""

    floor: int
    floor_reason: str | None = None
    safe_floor: int
    free_at_safe_floor: int = 0
    high_watermarks: int = 0
    ceiling: int
    ceiling_reason: str = ""


class Forecast(Answer):
    """What would become of a target. Nothing has changed."""

    device: str
    policy: str
    fallback: tuple[str, ...] = ()
    size_before: int
    requested_size: int
    size: int
    outcome: Outcome
    retries: tuple[RetryForecast, ...] = ()
    simulated_us: int = 0
    limits: SizeLimits | None = None


class Snapshot(Answer):
    """A guest as it was; equal digests mean equal futures."""

    id: str
    at_us: int
    digest: str
    nr_pages: int = 0


class SnapshotList(Answer):
    """The snapshots of a guest, oldest first."""

    snapshots: tuple[Snapshot, ...]
