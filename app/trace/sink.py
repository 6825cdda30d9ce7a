"""Where events go: nowhere, a list, or a bounded ring that also keeps a digest of all it ever saw.

The ring serves any number of readers, each with a cursor of its own; one thread emits, others may read meanwhile.
Left out: who reads, and how readers learn that there is something new (app.operations.events).
"""

import marshal
from hashlib import blake2b
from typing import NamedTuple, Protocol

from app.trace.events import Event

# How many events wait before they are hashed together; hashing one by one costs more than the event.
_HASH_BATCH = 4096
# The last format without references: equal values are written as equal bytes, whatever else is. It is three times as
# quick as their repr().
_MARSHAL_FORMAT = 2
# A letter, and a count of four bytes.
_MARSHAL_HEAD = 5
_PLAIN = frozenset({int, str, bool, float, type(None), tuple})


class Sink(Protocol):
    """Takes events. emit() must not fail and must not call back into the core."""

    def emit(self, event: Event) -> None:
        """Takes one event."""


class NullSink:
    """Forgets every event."""

    def emit(self, event: Event) -> None:
        """Forgets it."""


class ListSink:
    """Keeps every event, in order: for tests."""

    def __init__(self) -> None:
        """Starts empty."""
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        """Keeps it."""
        self.events.append(event)


class Timed(Protocol):
    """What tells the ring when an event happened."""

    @property
    def now_ns(self) -> int:
        """Simulated nanoseconds since the guest was made."""


class Timeless:
    """The time where nobody gave a clock."""

    now_ns = 0


class Kept(NamedTuple):
    """An event of the ring: its number, from 1 on, and when it happened."""

    id: int
    at_ns: int
    event: Event


class RingSink:
    """Keeps the newest `capacity` events, counts the rest, and digests them all."""

    def __init__(self, capacity: int) -> None:
        """Starts empty, without a clock; `capacity` is a number of events."""
        self.capacity = capacity
        self.clock: Timed = Timeless()
        # One more than is told: while an event is written over the oldest, nobody reads that one.
        self._nr_slots = capacity + 1
        self._slots: list[Event] = []
        # When each event of a slot happened.
        self._times: list[int] = []
        self._pending: list[Event] = []
        self._hash = blake2b(digest_size=16)
        # The number before that of the first event, and that of the newest.
        self._before = 0
        self.newest = 0

    def emit(self, event: Event) -> None:
        """Keeps it in the ring and remembers it for the digest."""
        slot = (self.newest - self._before) % self._nr_slots
        if slot == len(self._slots):
            self._slots.append(event)
            self._times.append(self.clock.now_ns)
        else:
            self._slots[slot] = event
            self._times[slot] = self.clock.now_ns
        # Only now: a reader in another thread goes by this number.
        self.newest += 1
        self._pending.append(event)
        if len(self._pending) >= _HASH_BATCH:
            self._absorb()

    def read(self, after: int, limit: int) -> list[Kept]:
        """Returns at most `limit` events behind number `after`, oldest first: of those that are still kept.

        A first number above after + 1 means that the ring went past the reader. Sound in any thread.
        """
        first = max(after, self._oldest - 1) + 1
        end = min(self.newest, first - 1 + limit)
        slots = [(number - 1 - self._before) % self._nr_slots for number in range(first, end + 1)]
        rows = [
            Kept(number, self._times[slot], self._slots[slot]) for number, slot in enumerate(slots, first)
        ]
        # What was written over while it was read comes off again.
        return rows[max(0, self._oldest - first) :]

    def renumber(self, before: int) -> None:
        """Makes `before` + 1 the number of the first event; before anybody reads."""
        self.newest += before - self._before
        self._before = before

    @property
    def emitted(self) -> int:
        """How many events there were."""
        return self.newest - self._before

    @property
    def _oldest(self) -> int:
        """The number of the oldest event that is told."""
        return self._before + self.dropped + 1

    @property
    def events(self) -> tuple[Event, ...]:
        """The events still held, oldest first."""
        return tuple(row.event for row in self.read(self._before, self.capacity))

    @property
    def dropped(self) -> int:
        """How many events the ring no longer holds."""
        return max(0, self.emitted - self.capacity)

    def digest(self) -> str:
        """Returns a hex digest over every event ever emitted, in order; equal in every process."""
        self._absorb()
        return self._hash.hexdigest()

    def _absorb(self) -> None:
        rows = [(type(event).__name__, *event) for event in self._pending]
        try:
            written = marshal.dumps(rows, _MARSHAL_FORMAT)
        except ValueError:
            # An event has a word of an Enum in it: written as the plain word.
            plain = [[value if type(value) in _PLAIN else str(value) for value in row] for row in rows]
            written = marshal.dumps([tuple(row) for row in plain], _MARSHAL_FORMAT)
        # Without the list's own head, which counts: batches end wherever somebody asks.
        self._hash.update(written[_MARSHAL_HEAD:])
        self._pending.clear()
