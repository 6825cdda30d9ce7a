"""What the service answers about operations and clocks, as frozen typed values.

Mirrors the REST API v1 (openapi.json). Sizes are bytes, times simulated microseconds, lags milliseconds of the wall.
"""

from clients.models import Answer, Outcome


class Retry(Answer):
    """A driver's timer: when it fires on the guest's clock, and how many tries there were."""

    interval_ms: int
    due_us: int
    count: int


class Operation(Answer):
    """A resize that was asked for: `running`, `waiting_retry`, or over in one of the other states.

    outcome: of the driver's work items for it that ended, together; reason: why the rest stays, or why it ended
    otherwise.
    """

    id: str
    guest: str
    device: str
    state: str
    is_over: bool
    requested_size: int
    size_before: int
    size: int
    requested: int
    achieved: int
    begun_us: int = 0
    ended_us: int | None = None
    retry: Retry | None = None
    superseded_by: str | None = None
    reason: str | None = None
    outcome: Outcome | None = None


class OperationList(Answer):
    """Operations, oldest first."""

    operations: tuple[Operation, ...]


class Clock(Answer):
    """Who drives a guest's clock (`instant`, `manual`, `realtime`), how it stands, and how late the guest is."""

    mode: str
    scale: float = 1.0
    now_us: int
    next_due_us: int | None = None
    lag_ms: float = 0.0
    is_behind: bool = False


class Advanced(Clock):
    """The clock after it was advanced, and the outcomes of the drivers' work items that ended, in order."""

    outcomes: tuple[Outcome, ...] = ()


class Lag(Answer):
    """How late guests are served, in milliseconds of the wall."""

    p50: float
    p99: float
    max: float


class ClockOverview(Answer):
    """How realtime guests keep their clocks, over all of them."""

    realtime_guests: int
    ticks: int = 0
    lag_ms: Lag
    is_behind: bool
