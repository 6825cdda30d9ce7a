"""The guests of the service: their names, their locks, and how many pages they all have.

One lock per guest: calls on one guest happen one after the other, in the order they came; guests never wait
for each other. Everything here runs on the event loop; only the calls themselves may run in a thread
(app.operations.crew). A guest's description is the one read that never waits: while a call runs in a thread,
it is the state before that call, which is sound, since a call that has not ended may be said not to have
happened yet.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from app.errors import GuestLimitReached, InvalidValue, NameTaken, PageLimitReached, Unknown
from app.guest.guest import Guest
from app.operations.crew import Crew
from app.operations.limits import Limits

Answer = TypeVar("Answer")
Description = dict[str, object]
# From a guest to microseconds: see app.operations.estimates.
Estimate = Callable[[Guest], int]

NAME_PATTERN = r"^[a-z0-9-]{1,63}$"
# What stands in the place of a guest's name in a path of its own.
RESERVED_NAMES = ("import",)


@dataclass(eq=False)
class Entry:
    """A guest under its name."""

    name: str
    guest: Guest
    nr_pages: int
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_deleted: bool = False
    # What guest.describe() said; None once a call may have changed it.
    description: Description | None = None

    def describe(self) -> Description:
        """Returns what the guest says of itself, as of the end of its last call."""
        if self.description is None:
            self.description = self.guest.describe()
        return self.description


@dataclass(eq=False)
class Reservation:
    """A name and pages held for a guest that is being made."""

    name: str
    nr_pages: int


class Registry:
    """All guests, and the one door to each of them."""

    def __init__(self, limits: Limits, crew: Crew) -> None:
        """Starts without guests."""
        self.limits = limits
        self.crew = crew
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
        """Pages of all guests, those being made or copied included."""
        made = sum(entry.nr_pages for entry in self._entries.values())
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

    def add(self, reservation: Reservation, guest: Guest) -> Entry:
        """Makes `guest` known under the reserved name."""
        entry = Entry(reservation.name, guest, reservation.nr_pages)
        self._entries[entry.name] = entry
        return entry

    async def change(self, name: str, call: Callable[[Guest], Answer], *, estimate_us: Estimate) -> Answer:
        """Waits for the guest's lock, then runs `call`, which may change the guest.

        Raises Unknown, and what `call` raises.
        """
        async with self._locked(name) as entry:
            try:
                return await self._run(entry, call, estimate_us)
            finally:
                # A service that stops may have left a thread at work on the guest: then the old one has to do.
                entry.description = entry.description if self.crew.is_stopping else None

    async def read(self, name: str, call: Callable[[Guest], Answer], *, estimate_us: Estimate) -> Answer:
        """Waits for the guest's lock, then runs `call`, which changes nothing.

        Raises Unknown, and what `call` raises.
        """
        async with self._locked(name) as entry:
            return await self._run(entry, call, estimate_us)

    async def delete(self, name: str) -> None:
        """Waits for the guest's lock, then forgets the guest.

        Raises Unknown.
        """
        async with self._locked(name) as entry:
            entry.is_deleted = True
            del self._entries[name]

    @asynccontextmanager
    async def _locked(self, name: str) -> AsyncIterator[Entry]:
        """Holds the guest's lock; who waited while the guest was deleted finds it unknown."""
        entry = self.entry(name)
        async with entry.lock:
            if entry.is_deleted:
                raise Unknown("guest", name, self._entries)
            yield entry

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
