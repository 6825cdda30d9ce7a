"""The guests of the service: their names, their locks, and how many pages they all have.

One lock per guest: calls on one guest happen one after the other, in the order they came; guests never wait
for each other. Everything here runs on the event loop; only the calls themselves may run in a thread
(app.operations.crew). A guest's description is the one read that never waits: while a call runs in a thread,
it is the state before that call, which is sound, since a call that has not ended may be said not to have
happened yet.

    command    lock ▸ realtime: clock to now ▸ the call ▸ look, note ▸ unlock ▸ instant: drivers run until they rest
"""

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TypeVar

from app.errors import GuestLimitReached, InvalidValue, NameTaken, PageLimitReached, Unknown
from app.guest.guest import Guest
from app.operations import estimates
from app.operations.crew import Crew, ServiceStopping
from app.operations.entry import Description, Entry
from app.operations.guest_time import ClockMode, ClockSetting, GuestTime
from app.operations.limits import Limits

__all__ = ["NAME_PATTERN", "RESERVED_NAMES", "Description", "Entry", "Registry", "Reservation"]

Answer = TypeVar("Answer")
# From a guest to microseconds: see app.operations.estimates.
Estimate = Callable[[Guest], int]

NAME_PATTERN = r"^[a-z0-9-]{1,63}$"
# What stands in the place of a guest's name in a path of its own.
RESERVED_NAMES = ("import",)
# How long drivers run before others get their turn at the guest: on the event loop, and in a thread.
INLINE_SLICE_S = 0.002
SLICE_S = 0.02

_log = logging.getLogger("vmemsim")


@dataclass(eq=False)
class Reservation:
    """A name and pages held for a guest that is being made."""

    name: str
    nr_pages: int


class Registry:
    """All guests, and the one door to each of them."""

    def __init__(self, limits: Limits, crew: Crew, schedule: Callable[[Entry], None]) -> None:
        """Starts without guests; `schedule` tells the ticker that a guest's next act may be at another time now."""
        self.limits = limits
        self.crew = crew
        self.schedule = schedule
        # Tasks that nobody waits for; a loop keeps weak references only.
        self._settling: set[asyncio.Task[None]] = set()
        self._entries: dict[str, Entry] = {}
        self._reservations: dict[str, Reservation] = {}
        # Pages of copies that have no name.
        self._held: list[Reservation] = []
        self._next_number = 1

    def entries(self) -> list[Entry]:
        """Returns the guests, oldest first."""
        return list(self._entries.values())

    def entry(self, name: str) -> Entry:
        """Returns the guest `name`.

        Raises Unknown.
        """
        entry = self._entries.get(name)
        if entry is None:
            raise Unknown("guest", name, self._entries)
        return entry

    @property
    def nr_pages(self) -> int:
        """Pages of all guests, those being made or copied included, and their snapshots."""
        made = sum(entry.nr_pages + entry.snapshots.nr_pages for entry in self._entries.values())
        return made + sum(held.nr_pages for held in (*self._reservations.values(), *self._held))

    @contextmanager
    def reserve(self, name: str | None, nr_pages: int) -> Iterator[Reservation]:
        """Holds a name (a new one, when None) and pages while a guest is made, and lets go of them.

        Raises InvalidValue, NameTaken, GuestLimitReached, PageLimitReached.
        """
        name = self._free_name() if name is None else name
        if re.fullmatch(NAME_PATTERN, name) is None or name in RESERVED_NAMES:
            accepted = f"1 to 63 characters of a-z, 0-9 and -, but not {', '.join(RESERVED_NAMES)}"
            raise InvalidValue("name", name, accepted)
        if name in self._entries or name in self._reservations:
            raise NameTaken(name)
        if len(self._entries) + len(self._reservations) >= self.limits.max_guests:
            raise GuestLimitReached(self.limits.max_guests)
        reservation = Reservation(name, 0)
        self._reservations[name] = reservation
        try:
            self.enlarge(reservation, nr_pages)
            yield reservation
        finally:
            del self._reservations[name]

    @contextmanager
    def hold_pages(self, nr_pages: int) -> Iterator[Reservation]:
        """Holds pages for copies of guests that nobody can name, and lets go of them.

        Raises PageLimitReached.
        """
        held = Reservation("", 0)
        self._held.append(held)
        try:
            self.enlarge(held, nr_pages)
            yield held
        finally:
            self._held.remove(held)

    def enlarge(self, reservation: Reservation, nr_pages: int) -> None:
        """Holds `nr_pages` in all for `reservation`.

        Raises PageLimitReached.
        """
        in_use = self.nr_pages - reservation.nr_pages
        if in_use + nr_pages > self.limits.max_total_pages:
            raise PageLimitReached(requested=nr_pages, in_use=in_use, limit=self.limits.max_total_pages)
        reservation.nr_pages = nr_pages

    def add(self, reservation: Reservation, guest: Guest, clock: ClockSetting | None = None) -> Entry:
        """Makes `guest` known under the reserved name; clock: None for mode instant."""
        due_ns = guest.next_due_ns()
        setting = ClockSetting() if clock is None else clock
        guest_time = GuestTime(setting, wall_s=time.monotonic(), now_ns=guest.clock.now_ns, due_ns=due_ns)
        entry = Entry(reservation.name, guest, reservation.nr_pages, guest_time)
        entry.look()
        self._entries[entry.name] = entry
        self._note(entry)
        if not entry.is_settled:
            self.settle_behind(entry)
        return entry

    async def change(self, name: str, call: Callable[[Guest], Answer], *, estimate_us: Estimate) -> Answer:
        """Waits for the guest's lock, then runs `call`, which may change the guest.

        In mode instant it returns once the drivers rest that `call` has woken. Raises Unknown, and what `call` raises.
        """
        async with self.locked(name) as entry:
            was_settled = entry.is_settled
            answer = await self.change_locked(entry, call, estimate_us=estimate_us)
        if was_settled:
            await self.settle(entry)
        return answer

    async def change_locked(
        self, entry: Entry, call: Callable[[Guest], Answer], *, estimate_us: Estimate
    ) -> Answer:
        """Runs `call` on a guest whose lock is held, its clock brought to now; drivers may have to run afterwards.

        Raises what `call` raises.
        """
        await self._catch_up(entry)
        try:
            return await self._run(entry, call, estimate_us)
        finally:
            # A service that stops may have left a thread at work on the guest: then the old description has to do.
            if not self.crew.is_stopping:
                entry.look()
                self._note(entry)

    async def read(self, name: str, call: Callable[[Guest], Answer], *, estimate_us: Estimate) -> Answer:
        """Waits for the guest's lock, then runs `call`, which changes nothing.

        Raises Unknown, and what `call` raises.
        """
        async with self.locked(name) as entry:
            await self._catch_up(entry)
            return await self._run(entry, call, estimate_us)

    async def delete(self, name: str) -> None:
        """Waits for the guest's lock, then forgets the guest; operations that are under way end.

        Raises Unknown.
        """
        async with self.locked(name) as entry:
            entry.is_deleted = True
            del self._entries[name]
            entry.end_operations("the guest was deleted")

    async def replace(
        self, name: str, make: Callable[[Guest], Guest], *, estimate_us: Estimate, why: str
    ) -> Entry:
        """Puts what `make` returns in the place of the guest; operations that are under way end, and `why`.

        The clock goes on from the new guest's time. Raises Unknown, PageLimitReached, and what `make` raises.
        """
        async with self.locked(name) as entry:
            await self._catch_up(entry)
            guest = await self._run(entry, make, estimate_us)
            in_use = self.nr_pages - entry.nr_pages
            if in_use + guest.nr_pages > self.limits.max_total_pages:
                limit = self.limits.max_total_pages
                raise PageLimitReached(requested=guest.nr_pages, in_use=in_use, limit=limit)
            entry.end_operations(why)
            guest.events.renumber(entry.guest.events.newest)
            entry.guest, entry.nr_pages = guest, guest.nr_pages
            entry.look()
            entry.time.note(now_ns=guest.clock.now_ns, due_ns=guest.next_due_ns())
            entry.time.set(entry.time.setting, wall_s=time.monotonic())
            self._note(entry)
        await self.settle(entry)
        return entry

    async def set_clock(self, name: str, *, mode: str | None, scale: float | None) -> Entry:
        """Lets somebody else drive the guest's clock, from the time that it is now; None: as before.

        Raises Unknown, InvalidValue.
        """
        async with self.locked(name) as entry:
            setting = entry.time.setting.changed(mode=mode, scale=scale)
            await self._catch_up(entry)
            entry.time.set(setting, wall_s=time.monotonic())
            entry.look()
            self._note(entry)
        await self.settle(entry)
        return entry

    async def run_locked(self, entry: Entry, end_ns: int) -> tuple[bool, list[Description]]:
        """Lets a guest whose lock is held act until end_ns, or for a slice; see Entry.run_slice."""
        due_ns = entry.time.due_ns
        if due_ns is None or due_ns > end_ns:
            # Nobody acts on the way.
            entry.guest.run_until(end_ns)
            self._note(entry)
            return True, []
        return await self._run_slice(entry, end_ns)

    async def step_locked(self, entry: Entry, nr_steps: int) -> tuple[int, list[Description]]:
        """Lets whoever is due next in a guest whose lock is held act, so many times; see Entry.run_steps."""
        return await self._in_a_thread(entry, lambda: entry.run_steps(nr_steps, SLICE_S))

    async def settle(self, entry: Entry) -> list[Description]:
        """Lets the drivers run until they rest; returns the outcomes of their work items.

        Calls that wait for the guest come in between.
        """
        outcomes: list[Description] = []
        while not entry.is_settled:
            async with self._holding(entry):
                if entry.is_deleted:
                    entry.is_settled = True
                elif not entry.is_settled:
                    outcomes += (await self._run_slice(entry, None))[1]
        return outcomes

    def settle_behind(self, entry: Entry) -> None:
        """Lets the drivers run until they rest, in a task of its own."""
        task = asyncio.get_running_loop().create_task(self._settle_to_the_end(entry))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def begin_locked(
        self, entry: Entry, call: Callable[[Guest], Answer], *, estimate_us: Callable[[Answer], int]
    ) -> Answer:
        """Runs `call`, which is short, on a guest whose lock is held; in mode instant drivers run for a moment.

        On the loop, that is, if what they have to do takes no longer by estimate_us. Raises what `call` raises.
        """
        await self._catch_up(entry)
        if self.crew.is_stopping:
            raise ServiceStopping
        answer = call(entry.guest)
        is_instant = entry.time.setting.mode is ClockMode.INSTANT
        if is_instant and not self.crew.is_long(estimate_us(answer)):
            entry.run_slice(None, INLINE_SLICE_S)
        else:
            entry.look()
        self._note(entry)
        return answer

    async def _settle_to_the_end(self, entry: Entry) -> None:
        try:
            await self.settle(entry)
        except ServiceStopping:
            return
        except Exception:  # noqa: BLE001 - a defect of ours, which the log gets
            # Nobody waits for this task, but somebody may wait for the operation.
            _log.exception("a driver of guest %s failed", entry.name)
            entry.end_operations("the service failed; its log says how", is_failure=True)

    async def _run_slice(self, entry: Entry, end_ns: int | None) -> tuple[bool, list[Description]]:
        return await self._in_a_thread(entry, lambda: entry.run_slice(end_ns, SLICE_S))

    async def _in_a_thread(self, entry: Entry, call: Callable[[], Answer]) -> Answer:
        """Runs a slice of a guest whose lock is held."""
        entry.describe()
        try:
            return await self.crew.run(call, estimate_us=estimates.UNKNOWN_US)
        finally:
            if not self.crew.is_stopping:
                self._note(entry)

    async def _catch_up(self, entry: Entry) -> None:
        """Brings a realtime guest's clock to now, or nearer to it by a slice: nobody waits for one that is behind."""
        if entry.time.is_realtime:
            await self.run_locked(entry, entry.time.target_ns(time.monotonic()))

    def _note(self, entry: Entry) -> None:
        entry.note()
        self.schedule(entry)

    async def show(self, entry: Entry) -> Description:
        """Returns what the guest says of itself; the end of a tick, which is short, is waited for, a call's is not."""
        with self.stepped_over([entry]):
            await entry.wait_until_told()
            return entry.describe()

    @contextmanager
    def stepped_over(self, entries: Sequence[Entry]) -> Iterator[None]:
        """Has the ticker step over guests that it has not in hand, and schedules them afterwards."""
        for entry in entries:
            entry.nr_callers += 1
        try:
            yield
        finally:
            for entry in entries:
                entry.nr_callers -= 1
                if not entry.nr_callers:
                    self.schedule(entry)

    @asynccontextmanager
    async def locked(self, name: str) -> AsyncIterator[Entry]:
        """Holds the guest's lock; who waited while the guest was deleted finds it unknown."""
        entry = self.entry(name)
        async with self._holding(entry):
            if entry.is_deleted:
                raise Unknown("guest", name, self._entries)
            yield entry

    @asynccontextmanager
    async def _holding(self, entry: Entry) -> AsyncIterator[None]:
        with self.stepped_over([entry]):
            async with entry.lock:
                yield

    async def _run(self, entry: Entry, call: Callable[[Guest], Answer], estimate_us: Estimate) -> Answer:
        """Runs `call` on the guest, whose lock is held."""
        estimate = estimate_us(entry.guest)
        if self.crew.is_long(estimate):
            # Described before, so that nobody has to look at the guest while a thread works on it.
            entry.describe()
        return await self.crew.run(lambda: call(entry.guest), estimate_us=estimate)

    def _free_name(self) -> str:
        """Returns guest-1, guest-2 ...: the next that nobody has."""
        while True:
            name = f"guest-{self._next_number}"
            self._next_number += 1
            if name not in self._entries and name not in self._reservations:
                return name
