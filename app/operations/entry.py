"""A guest under its name: its lock, its time, the operations that are under way, and who wants to hear of it.

    in hand      whoever holds the lock, in whatever thread: call, run_slice, look
    on the loop  whoever holds the lock, and no thread has the guest in hand: note
    any time     time, description, what operations tell

Kept here: a guest runs in slices, so that others get their turn in between, and operations see every act's end.
Left out: taking the lock, and deciding when the guest runs (registry, ticker).
"""

import asyncio
import time
from dataclasses import dataclass, field

from app.guest.guest import Guest
from app.operations.bell import Bell
from app.operations.guest_time import LAG_LIMIT_S, ClockMode, GuestTime
from app.operations.operation import Operation
from app.operations.snapshot import Snapshots

Description = dict[str, object]

# Acts between two looks at the wall's clock while nobody watches.
_ACTS = 16
_LONGEST_TICK_S = 1.0


@dataclass(eq=False)
class Entry:
    """A guest under its name."""

    name: str
    guest: Guest
    nr_pages: int
    time: GuestTime
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    # Callers that hold the lock or wait for it.
    nr_callers: int = 0
    is_deleted: bool = False
    # In mode instant: whether every driver rests.
    is_settled: bool = True
    # What guest.describe() said; None once a call may have changed it.
    description: Description | None = None
    snapshots: Snapshots = field(default_factory=Snapshots)
    # At most one for each device.
    operations: dict[str, Operation] = field(default_factory=dict)
    # Rung when something may have happened to the guest.
    news: Bell = field(default_factory=Bell)
    # Held while somebody advances the clock, which others may not do meanwhile.
    advancing: asyncio.Lock = field(default_factory=asyncio.Lock)
    # The guest's place in the ticker's queue, 0 for none, and the moment for which it waits there.
    ticket: int = 0
    queued_s: float = 0.0
    # Whether the ticker has the guest in hand.
    is_ticking: bool = False

    async def wait_until_told(self) -> None:
        """Waits until describe() needs no guest that the ticker has in hand; who waits has it stepped over."""
        while self.is_ticking and self.description is None:
            await self.news.wait(_LONGEST_TICK_S)

    def describe(self) -> Description:
        """Returns what the guest says of itself, as of the end of its last call or slice."""
        if self.description is None:
            self.description = self.guest.describe()
        setting, wall_s = self.time.setting, time.monotonic()
        is_behind = self.time.shown_lag_s(wall_s) > LAG_LIMIT_S
        return {
            **self.description,
            "simulated_us": self.time.shown_ns(wall_s) // 1000,
            "clock": {"mode": str(setting.mode), "scale": setting.scale, "is_behind": is_behind},
        }

    def run_slice(self, end_ns: int | None, seconds: float) -> tuple[bool, list[Description]]:
        """Lets the guest act until its clock is at end_ns (None: until all drivers rest), or `seconds` have passed.

        Returns whether that was enough, and the outcomes of the drivers' work items that ended.
        """
        stops_at = time.monotonic() + seconds
        outcomes: list[Description] = []
        # The first act shows whether acts are quick.
        max_acts = 1
        while True:
            is_done = (
                self.guest.settle(max_acts=max_acts)
                if end_ns is None
                else self.guest.run_until(end_ns, max_acts=max_acts)
            )
            outcomes += self.look()
            if is_done or time.monotonic() >= stops_at:
                return is_done, outcomes
            max_acts = 1 if self.operations else min(2 * max_acts, _ACTS)

    def run_steps(self, nr_steps: int, seconds: float) -> tuple[int, list[Description]]:
        """Lets whoever is due next act, so many times, or until `seconds` have passed.

        Returns how many acts are left to be done, and the outcomes of work items that ended.
        """
        stops_at = time.monotonic() + seconds
        outcomes: list[Description] = []
        while nr_steps and (due_ns := self.guest.next_due_ns()) is not None:
            self.guest.run_until(due_ns, max_acts=1)
            outcomes += self.look()
            nr_steps -= 1
            if time.monotonic() >= stops_at:
                return nr_steps, outcomes
        return 0, outcomes

    def look(self) -> list[Description]:
        """Lets operations see what the guest did; returns the outcomes of work items that ended."""
        outcomes = self.guest.take_outcomes()
        for operation in self.operations.values():
            operation.look(self.guest, outcomes, self.time.setting.mode)
        return outcomes

    def note(self) -> None:
        """Takes in where the guest stands, and tells those who wait."""
        self.description = None
        self.time.note(now_ns=self.guest.clock.now_ns, due_ns=self.guest.next_due_ns())
        self.is_settled = (
            self.time.setting.mode is not ClockMode.INSTANT
            or self.guest.settle(max_acts=0)
            # A driver of a guest that hangs neither works nor rests.
            or self.time.due_ns is None
        )
        for device, operation in list(self.operations.items()):
            if operation.is_over:
                del self.operations[device]
                operation.bell.ring()
        self.news.ring()

    def end_operations(self, reason: str, *, is_failure: bool = False) -> None:
        """Ends all operations that are under way; the guest is not looked at where it has failed."""
        for operation in self.operations.values():
            if is_failure:
                operation.fail(self.time.now_ns // 1000, reason)
            else:
                operation.cancel(self.guest, reason)
            operation.bell.ring()
        self.operations.clear()
        self.news.ring()
