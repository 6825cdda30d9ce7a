"""One resize that was asked for, from its beginning to its end: the resource behind 202 Accepted.

    running ──▶ waiting_retry ──▶ running ...       while the guest's driver is at work, or will try again
       │              │
       └──────┬───────┘
              ├──▶ succeeded     size is requested_size
              ├──▶ partial       the rest stays, for a reason, and nothing more comes by itself
              ├──▶ superseded    another target was set
              └──▶ cancelled     somebody cancelled it, or deleted the guest

Kept here: one that is over never changes. How it stands is one value, replaced as a whole, so that it may be read
while a thread works on the guest.
Left out: who works on the guest (app.operations.entry), and which operations there are (operation_store).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from app.guest.guest import Guest
from app.guest.progress import DeviceProgress
from app.guest.resize_outcome import join_outcomes
from app.operations import shortfall
from app.operations.bell import Bell
from app.operations.guest_time import ClockMode

_NS_PER_US = 1000
Description = Mapping[str, object]


class OperationState(StrEnum):
    """What has become of it."""

    RUNNING = "running"
    WAITING_RETRY = "waiting_retry"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"


_NOT_OVER = (OperationState.RUNNING, OperationState.WAITING_RETRY)


@dataclass(frozen=True)
class Retry:
    """The driver's timer: it tries again at due_us, for the count-th time."""

    interval_ms: int
    due_us: int
    count: int


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How an operation stands; size in bytes, outcome: of all work items that ended for it, together."""

    size: int
    state: OperationState = OperationState.RUNNING
    ended_us: int | None = None
    retry: Retry | None = None
    superseded_by: str | None = None
    reason: str | None = None
    outcome: Description | None = None

    @property
    def is_over(self) -> bool:
        """Whether it will not change any more."""
        return self.state not in _NOT_OVER


@dataclass(eq=False)
class Operation:
    """A device's new target, and what became of it."""

    id: str
    guest: str
    device: str
    requested_size: int
    size_before: int
    begun_us: int
    standing: Standing
    # Rung when it is over.
    bell: Bell = field(default_factory=Bell)
    _nr_tries: int = 0

    @property
    def is_over(self) -> bool:
        """Whether it will not change any more."""
        return self.standing.is_over

    def look(self, guest: Guest, ended: Sequence[Description], mode: ClockMode) -> None:
        """Takes in what the guest did since the last look; ended: outcomes of work items, oldest first.

        For whoever has the guest in hand, in any thread.
        """
        if self.is_over:
            return
        now = guest.progress(self.device)
        was = self.standing
        tries = [outcome for outcome in ended if self._is_mine(outcome)]
        if not tries and now.is_at_work and self._is_as_it_was(now):
            return
        took_nothing = bool(tries) and self._nr_tries > 0 and not tries[-1]["achieved"]
        self._nr_tries += len(tries)
        outcome = was.outcome
        for one in tries:
            outcome = one if outcome is None else join_outcomes(outcome, one)
        standing = Standing(size=now.size, outcome=outcome)
        if now.requested_size != self.requested_size:
            reason = f"the device's target became {now.requested_size} bytes"
            self._end(standing, OperationState.SUPERSEDED, now, reason)
        elif now.crash is not None:
            self._end(standing, OperationState.PARTIAL, now, f"the guest crashed: {now.crash}")
        elif now.is_at_work:
            self.standing = replace(standing, reason=now.standstill)
        elif now.size == self.requested_size:
            self._end(standing, OperationState.SUCCEEDED, now, None)
        elif mode is ClockMode.INSTANT or took_nothing or now.goes_on_ns is None:
            self._end(standing, OperationState.PARTIAL, now, shortfall.why(outcome, now))
        elif now.deadline_ns is None:
            self.standing = replace(standing, reason=shortfall.why(outcome, now))
        else:
            retry = Retry(now.retry_ms, now.deadline_ns // _NS_PER_US, self._nr_tries)
            waiting = OperationState.WAITING_RETRY
            self.standing = replace(standing, state=waiting, retry=retry, reason=shortfall.why(outcome, now))

    def _is_mine(self, outcome: Description) -> bool:
        """Whether a work item was for this target: the one before may end after this has begun."""
        return outcome["device"] == self.device and outcome["requested_size"] == self.requested_size

    def _is_as_it_was(self, now: DeviceProgress) -> bool:
        """Whether there is nothing to tell but that the driver is at work, which most looks find."""
        was = self.standing
        return (
            now.size == was.size
            and was.state is OperationState.RUNNING
            and now.requested_size == self.requested_size
            and now.crash is None
            and now.standstill == was.reason
        )

    def supersede(self, by: str, guest: Guest) -> None:
        """Ends it, because another operation has set the device's target."""
        now = guest.progress(self.device)
        standing = replace(self.standing, size=now.size, retry=None, superseded_by=by)
        self._end(standing, OperationState.SUPERSEDED, now, "another resize was asked for")

    def cancel(self, guest: Guest, reason: str) -> None:
        """Ends it, because nobody wants it any more."""
        now = guest.progress(self.device)
        self._end(replace(self.standing, size=now.size, retry=None), OperationState.CANCELLED, now, reason)

    def fail(self, now_us: int, reason: str) -> None:
        """Ends it where it was last seen, because the guest cannot go on."""
        self.standing = replace(
            self.standing, state=OperationState.PARTIAL, ended_us=now_us, retry=None, reason=reason
        )

    def _end(
        self, standing: Standing, state: OperationState, now: DeviceProgress, reason: str | None
    ) -> None:
        self.standing = replace(standing, state=state, ended_us=now.now_us, reason=reason)

    def describe(self) -> dict[str, object]:
        """Returns it JSON-ready; sizes in bytes, times of the guest's clock."""
        now = self.standing
        wanted = self.requested_size - self.size_before
        moved = now.size - self.size_before
        retry = now.retry
        return {
            "id": self.id,
            "guest": self.guest,
            "device": self.device,
            "kind": "resize",
            "state": str(now.state),
            "is_over": now.is_over,
            "requested_size": self.requested_size,
            "size_before": self.size_before,
            "size": now.size,
            "requested": abs(wanted),
            "achieved": max(0, moved if wanted > 0 else -moved),
            "begun_us": self.begun_us,
            "ended_us": now.ended_us,
            "retry": None if retry is None else vars(retry),
            "superseded_by": now.superseded_by,
            "reason": now.reason,
            "outcome": now.outcome,
        }
