"""Where events go: nowhere, a list, or a bounded ring that also keeps a digest of all it ever saw.

Left out: subscribers and threads; whoever needs those wraps a sink above `operations`.
"""

from collections import deque
from hashlib import blake2b
from typing import Protocol

from app.trace.events import Event

# How many events wait before they are hashed together; hashing one by one costs more than the event.
_HASH_BATCH = 4096


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


class RingSink:
    """Keeps the newest `capacity` events, counts the rest, and digests them all."""

    def __init__(self, capacity: int) -> None:
        """Starts empty; `capacity` is a number of events."""
        self._ring: deque[Event] = deque(maxlen=capacity)
        self._pending: list[Event] = []
        self._hash = blake2b(digest_size=16)
        self.emitted = 0

    def emit(self, event: Event) -> None:
        """Keeps it in the ring and remembers it for the digest."""
        self._ring.append(event)
        self._pending.append(event)
        self.emitted += 1
        if len(self._pending) >= _HASH_BATCH:
            self._absorb()

    @property
    def events(self) -> tuple[Event, ...]:
        """The events still held, oldest first."""
        return tuple(self._ring)

    @property
    def dropped(self) -> int:
        """How many events the ring no longer holds."""
        return self.emitted - len(self._ring)

    def digest(self) -> str:
        """Returns a hex digest over every event ever emitted, in order; equal in every process."""
        self._absorb()
        return self._hash.hexdigest()

    def _absorb(self) -> None:
        self._hash.update("".join(f"{event!r}\n" for event in self._pending).encode())
        self._pending.clear()
