"""A guest's clock, as a caller sees and moves it; and how well realtime guests keep theirs.

Left out: the modes (app.operations.guest_time), and the task that drives realtime guests (ticker).
"""

import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.errors import InvalidValue, StateError
from app.guest.guest import LONGEST_ADVANCE_US
from app.operations.entry import Entry
from app.operations.guest_time import (
    FASTEST_SCALE,
    LAG_LIMIT_S,
    SLOWEST_SCALE,
    ClockMode,
    ClockSetting,
)
from app.operations.lag import WINDOW_S
from app.operations.registry import Description
from app.operations.service import Service

__all__ = [
    "FASTEST_SCALE",
    "LONGEST_ADVANCE_US",
    "MOST_STEPS",
    "SLOWEST_SCALE",
    "ClockSetting",
    "Stretch",
    "advance",
    "change",
    "overview",
    "show",
]

MOST_STEPS = 100_000
# Of an advance, the newest: each may name dozens of pages.
MOST_OUTCOMES = 100
_NS_PER_US = 1000
_MS_PER_S = 1000


class ClockDriven(StateError):
    """The wall's clock drives the guest's, so nobody else can."""

    def __init__(self, name: str) -> None:
        """Says how to change that."""
        super().__init__(
            f"the clock of {name} is in mode realtime; only in instant and manual it can be advanced"
        )


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """How far a clock is to go: exactly one of microseconds, and acts of whoever is due next."""

    duration_us: int | None = None
    steps: int | None = None

    def __post_init__(self) -> None:
        """Raises InvalidValue."""
        if self.duration_us is not None and not 0 <= self.duration_us <= LONGEST_ADVANCE_US:
            raise InvalidValue("duration_us", self.duration_us, f"0 to {LONGEST_ADVANCE_US}, a day")
        if self.steps is not None and not 1 <= self.steps <= MOST_STEPS:
            raise InvalidValue("steps", self.steps, f"1 to {MOST_STEPS}")


async def show(service: Service, name: str) -> Description:
    """Returns how the guest's clock stands.

    Raises Unknown.
    """
    entry = service.registry.entry(name)
    return _describe(entry)


async def change(service: Service, name: str, *, mode: str | None, scale: float | None) -> Description:
    """Lets somebody else drive the clock, or the wall at another scale; the time stays what it is.

    Raises Unknown, InvalidValue.
    """
    return _describe(await service.registry.set_clock(name, mode=mode, scale=scale))


async def always() -> bool:
    """Says that somebody waits for the end."""
    return True


async def advance(
    service: Service, name: str, stretch: Stretch, *, is_wanted: Callable[[], Awaitable[bool]] = always
) -> Description:
    """Lets simulated time pass; returns the clock, and the newest outcomes of work items that ended in it.

    Once is_wanted() says no, no other slice begins: the clock stands where it has come to. Raises Unknown, ClockDriven.
    """
    entry = service.registry.entry(name)
    outcomes: deque[Description] = deque(maxlen=MOST_OUTCOMES)
    async with entry.advancing:
        way = _Way(stretch)
        while True:
            async with service.registry.locked(name) as entry:
                outcomes.extend(await way.go_on(service, entry))
            if way.is_done or not await is_wanted():
                break
        outcomes.extend(await service.registry.settle(entry))
    return {**_describe(entry), "outcomes": list(outcomes)}


class _Way:
    """How far an advance has come: slice by slice, so that others get their turn at the guest."""

    def __init__(self, stretch: Stretch) -> None:
        self._stretch = stretch
        # Where the clock will be at the end; known once the guest's lock is held for the first time.
        self._end_ns: int | None = None
        self._steps_left = stretch.steps or 0
        self.is_done = False

    async def go_on(self, service: Service, entry: Entry) -> list[Description]:
        """Goes on for a slice, the guest's lock held; returns the outcomes of work items that ended."""
        if entry.time.setting.mode is ClockMode.REALTIME:
            raise ClockDriven(entry.name)
        if self._stretch.duration_us is None:
            self._steps_left, ended = await service.registry.step_locked(entry, self._steps_left)
            self.is_done = not self._steps_left
            return ended
        if self._end_ns is None:
            self._end_ns = entry.time.now_ns + self._stretch.duration_us * _NS_PER_US
        self.is_done, ended = await service.registry.run_locked(entry, self._end_ns)
        return ended


async def overview(service: Service) -> Description:
    """Returns how late realtime guests were served within the last seconds, over all of them."""
    entries = [entry for entry in service.registry.entries() if entry.time.is_realtime]
    lag = service.ticker.summarize(entries)
    return {
        "realtime_guests": len(entries),
        "window_s": WINDOW_S,
        "ticks": lag.nr_samples,
        "lag_ms": {"p50": lag.p50_s * _MS_PER_S, "p99": lag.p99_s * _MS_PER_S, "max": lag.max_s * _MS_PER_S},
        "is_behind": lag.p99_s > LAG_LIMIT_S,
    }


def _describe(entry: Entry) -> Description:
    guest_time, wall_s = entry.time, time.monotonic()
    lag_s = guest_time.shown_lag_s(wall_s)
    return {
        "mode": str(guest_time.setting.mode),
        "scale": guest_time.setting.scale,
        "now_us": guest_time.shown_ns(wall_s) // _NS_PER_US,
        "next_due_us": None if guest_time.due_ns is None else guest_time.due_ns // _NS_PER_US,
        "lag_ms": lag_s * _MS_PER_S,
        "is_behind": lag_s > LAG_LIMIT_S,
    }
