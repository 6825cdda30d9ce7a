"""An operation: a device's new target, and what has become of it."""

from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from app.api.schemas.devices import Outcome
from app.api.schemas.strict import Answer
from app.operations.resizing import LONGEST_WAIT_S

WaitSeconds = Annotated[
    float,
    Query(
        ge=0,
        le=LONGEST_WAIT_S,
        allow_inf_nan=False,
        description="seconds for which the answer may wait until the operation is over",
    ),
]


class Retry(Answer):
    """The driver's timer."""

    interval_ms: int = Field(description="what it was armed with, on the guest's clock")
    due_us: int = Field(description="when it fires, on the guest's clock")
    count: int = Field(description="tries that the operation has had")


class Operation(Answer):
    """A resize, a plug or an unplug. Sizes in bytes; times in simulated microseconds of the guest's clock."""

    id: str
    guest: str
    device: str
    kind: Literal["resize"]
    state: Literal["running", "waiting_retry", "succeeded", "partial", "superseded", "cancelled"]
    is_over: bool = Field(description="an operation that is over never changes")
    requested_size: int
    size_before: int
    size: int = Field(description="what the device has now, or had when the operation ended")
    requested: int = Field(description="bytes that were to be plugged or unplugged")
    achieved: int = Field(description="bytes that were")
    begun_us: int
    ended_us: int | None
    retry: Retry | None = Field(description="while the driver waits to try again")
    superseded_by: str | None = Field(description="the operation that has set another target")
    reason: str | None = Field(description="why the rest stays, or why it ended otherwise")
    outcome: Outcome | None = Field(
        description="of the driver's work items for this target that ended, together: amounts add up, what stays is "
        "of the last; null before the first"
    )


class Operations(Answer):
    """Operations, oldest first."""

    operations: list[Operation]
