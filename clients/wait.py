"""Waiting for the service or a guest, always with a deadline: procedures that either client runs.

    client.run(until_ready(timeout_s=15))
    device = await async_client.run(until_size("web", "vm0", 2 * GIB, timeout_s=60))

Each is a generator of calls and pauses (clients._exchange.Procedure): written once, tested without a socket
or a clock. Pauses grow from 20 ms to 1 s; the last one ends at the deadline, never after it.
An operation is waited for by the service itself, so its procedure has no pauses.
"""

import math
import time
from collections.abc import Callable
from http import HTTPStatus

from clients import _calls, _time_calls
from clients._exchange import Call, Pause, Procedure
from clients.errors import ClientError, DeadlinePassed, Refused, Unreachable
from clients.models import Device
from clients.sizes import format_size
from clients.time_models import Operation

Clock = Callable[[], float]

_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 1.0
_GROWTH = 1.5


class _Schedule:
    """Pauses that grow, within a deadline."""

    def __init__(self, timeout_s: float, clock: Clock) -> None:
        if not (math.isfinite(timeout_s) and timeout_s >= 0):
            raise ValueError(
                f"timeout_s is {timeout_s}; accepted: a number of seconds from 0 on, not infinite"
            )
        self.timeout_s = timeout_s
        self._clock = clock
        self._end = clock() + timeout_s
        self._next = _FIRST_PAUSE_S

    def pause(self, awaited: str, last_seen: str) -> Pause:
        """Returns the next pause; raises DeadlinePassed when no time is left."""
        left = self._end - self._clock()
        if left <= 0:
            raise DeadlinePassed(awaited, self.timeout_s, last_seen)
        pause = Pause(min(self._next, left))
        self._next = min(self._next * _GROWTH, _LONGEST_PAUSE_S)
        return pause


def until_ready(*, timeout_s: float, clock: Clock = time.monotonic) -> Procedure[None]:
    """Waits until the service is ready; that it cannot be reached yet is borne until the deadline.

    Raises DeadlinePassed; Refused when it answers anything but 503.
    """
    schedule = _Schedule(timeout_s, clock)
    while True:
        try:
            yield _calls.readyz()
        except (Unreachable, Refused) as error:
            if not _may_pass(error):
                raise
            last_seen = str(error)
        else:
            return
        yield schedule.pause("a ready service", last_seen)


def until_size(
    guest: str, device: str, size: int, *, timeout_s: float, clock: Clock = time.monotonic
) -> Procedure[Device]:
    """Waits until exactly `size` bytes of the device are plugged, and returns the device as it then is.

    Raises DeadlinePassed with the size last seen; every error of a call at once.
    """
    schedule = _Schedule(timeout_s, clock)
    while True:
        found: Device = yield _calls.show_device(guest, device)
        if found.size == size:
            return found
        yield schedule.pause(
            f"{format_size(size)} on {device} of {guest}",
            f"{format_size(found.size)}, {format_size(found.requested_size)} requested",
        )


def until_over(
    begin: Call[Operation], *, wait_s: float | None = None, clock: Clock = time.monotonic
) -> Procedure[Operation]:
    """Begins a resize and waits until it is over; returns the operation as it is then, or after wait_s.

    wait_s: None for as long as it takes, which may be for ever: a driver may try again and again, and a clock in
    mode manual stands still until somebody advances it. Raises every error of a call at once.
    """
    _require_wait(wait_s)
    end = math.inf if wait_s is None else clock() + wait_s
    operation: Operation = yield begin
    while not operation.is_over and (left := end - clock()) > 0:
        operation = yield _time_calls.show_operation(operation.id, wait=left)
    return operation


def _require_wait(wait_s: float | None) -> None:
    if wait_s is not None and not (math.isfinite(wait_s) and wait_s >= 0):
        raise ValueError(f"wait is {wait_s}; accepted: a number of seconds from 0 on, or None")


def _may_pass(error: ClientError) -> bool:
    """Tells whether time alone may cure `error`: nothing listens yet, or kernels are still loading."""
    return not isinstance(error, Refused) or error.status == HTTPStatus.SERVICE_UNAVAILABLE
