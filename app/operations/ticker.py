"""Realtime: one task that wakes when the next guest is due, and lets those that are due act, in one thread.

    queue (by the wall's clock)     due ──▶ batch ──▶ thread: a slice for each ──▶ note, back into the queue
                                                      │ whose turn did not come, or whose slice was too short:
                                                      └─▶ back as well, behind those who waited longer

Kept here: guests are served by turns, however far one is behind; a guest that somebody holds is stepped over, and
comes back when he lets go.
Left out: how the wall's time becomes a guest's (app.operations.guest_time).
"""

import asyncio
import heapq
import itertools
import logging
import time
from functools import partial

from app.operations import estimates
from app.operations.crew import Crew, ServiceStopping
from app.operations.entry import Entry
from app.operations.guest_time import ClockMode, ClockSetting
from app.operations.lag import LagRecord, LagSummary

# For one guest, and for all of a batch, before the loop and other guests get their turn.
GUEST_SLICE_S = 0.004
BATCH_SLICE_S = 0.01
MOST_IN_BATCH = 256
_LONGEST_WAIT_S = 60.0
# Void places that the queue may have beside twice those of guests; beyond, they are taken out.
MOST_VOID = 256

_log = logging.getLogger("vmemsim")


class Ticker:
    """Drives the clocks of realtime guests."""

    def __init__(self, crew: Crew) -> None:
        """Starts without guests, and without its task; `crew` has one thread, which is the ticker's own."""
        self._crew = crew
        # Moments with tickets; one whose ticket nobody has is void.
        self._queue: list[tuple[float, int]] = []
        self._waiting: dict[int, Entry] = {}
        self._tickets = itertools.count(1)
        self._due_earlier = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._lag = LagRecord()

    @property
    def is_busy(self) -> bool:
        """Whether a thread has guests in hand."""
        return self._crew.is_busy

    @property
    def nr_places(self) -> int:
        """How many places the queue holds, void ones included."""
        return len(self._queue)

    def schedule(self, entry: Entry) -> None:
        """Puts a guest where it belongs in the queue, for its next act or the clock's mode may have changed."""
        due_s = entry.time.due_s()
        if entry.is_deleted or due_s is None:
            self._void(entry)
        elif not entry.ticket or due_s != entry.queued_s:
            self._put(entry, due_s)

    def stop(self) -> None:
        """Begins nothing new."""
        self._crew.stop()
        if self._task is not None:
            self._task.cancel()

    def summarize(self, entries: list[Entry]) -> LagSummary:
        """Returns how late the guests were served within the last seconds."""
        wall_s = time.monotonic()
        waiting = (entry.time.lag_s(wall_s) for entry in entries)
        return self._lag.summarize(wall_s, (lag_s for lag_s in waiting if lag_s > 0))

    def _void(self, entry: Entry) -> None:
        """Gives up a guest's place in the queue, which keeps few of such places: their moments may be far off."""
        self._waiting.pop(entry.ticket, None)
        entry.ticket = 0
        if len(self._queue) > 2 * len(self._waiting) + MOST_VOID:
            self._queue = [place for place in self._queue if place[1] in self._waiting]
            heapq.heapify(self._queue)

    def _put(self, entry: Entry, due_s: float) -> None:
        self._void(entry)
        entry.ticket, entry.queued_s = next(self._tickets), due_s
        self._waiting[entry.ticket] = entry
        is_first = not self._queue or due_s < self._queue[0][0]
        heapq.heappush(self._queue, (due_s, entry.ticket))
        if is_first:
            self._due_earlier.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            while True:
                batch = self._take_due()
                if batch:
                    await self._serve(batch)
                else:
                    await self._wait()
        except ServiceStopping:
            return

    async def _wait(self) -> None:
        """Waits until the first of the queue is due, or another becomes the first."""
        self._due_earlier.clear()
        left_s = self._queue[0][0] - time.monotonic() if self._queue else _LONGEST_WAIT_S
        waiting = asyncio.ensure_future(self._due_earlier.wait())
        await asyncio.wait((waiting,), timeout=min(max(left_s, 0.0), _LONGEST_WAIT_S))
        waiting.cancel()

    def _take_due(self) -> list[Entry]:
        """Takes those off the queue that are due and that nobody holds."""
        wall_s = time.monotonic()
        batch: list[Entry] = []
        while self._queue and self._queue[0][0] <= wall_s and len(batch) < MOST_IN_BATCH:
            entry = self._waiting.pop(heapq.heappop(self._queue)[1], None)
            if entry is None:
                continue
            entry.ticket = 0
            # Who holds the guest schedules it when he lets go.
            if not entry.nr_callers and not entry.is_deleted:
                batch.append(entry)
        return batch

    async def _serve(self, batch: list[Entry]) -> None:
        """Lets the guests of a batch act, as far as there is time."""
        for entry in batch:
            # Nobody has it, so this does not wait.
            await entry.lock.acquire()
            entry.is_ticking = True
        served: set[Entry] = set()
        try:
            failed = await self._crew.run(
                partial(self._tick, batch, served), estimate_us=estimates.UNKNOWN_US
            )
        finally:
            for entry in batch:
                entry.is_ticking = False
                entry.lock.release()
                entry.news.ring()
        wall_s = time.monotonic()
        for entry in batch:
            if entry in served and entry not in failed:
                entry.note()
            if entry in failed:
                self._give_up(entry)
            due_s = entry.time.due_s()
            # One that was served goes behind those that were due meanwhile.
            if due_s is not None:
                self._put(entry, max(due_s, wall_s) if entry in served else due_s)

    def _tick(self, batch: list[Entry], served: set[Entry]) -> set[Entry]:
        """Lets one guest after the other act until its clock is at now; returns those that failed."""
        stops_at = time.monotonic() + BATCH_SLICE_S
        failed: set[Entry] = set()
        for entry in batch:
            wall_s = time.monotonic()
            if wall_s >= stops_at:
                break
            served.add(entry)
            entry.time.last_lag_s = entry.time.lag_s(wall_s)
            self._lag.add(wall_s, entry.time.last_lag_s)
            try:
                entry.run_slice(entry.time.target_ns(wall_s), GUEST_SLICE_S)
            except Exception:  # noqa: BLE001 - a defect of ours in one guest does not stop the others
                _log.exception("guest %s failed", entry.name)
                failed.add(entry)
        return failed

    def _give_up(self, entry: Entry) -> None:
        """Stops the clock of a guest in which something failed that should not have: a defect of ours."""
        entry.time.set(ClockSetting(ClockMode.MANUAL, entry.time.setting.scale), wall_s=time.monotonic())
        entry.end_operations("the service failed; its log says how", is_failure=True)
