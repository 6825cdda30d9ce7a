"""Events of a guest: the call that asks for them, and server-sent events, read as they come. No I/O.

Mirrors the HTML standard, "Server-sent events", as far as the service writes it.
Left out: connections (clients.client, clients.async_client).
"""

import json
from collections.abc import Iterator, Sequence
from functools import partial

from clients._building import Routes, at, call, query_of
from clients._exchange import Call
from clients.event_models import Event

ROUTES: Routes = {
    "events": ("GET", "/v1/guests/{guest}/events"),
    "follow": ("GET", "/v1/guests/{guest}/events"),
}

_at = partial(at, ROUTES)


def events(guest: str, *, after: int = 0, types: Sequence[str] = ()) -> Call[tuple[Event, ...]]:
    """Asks for the events behind number `after` that the service still keeps; types: none for all."""
    query = query_of(after=after, types=_listed(types), follow=False)
    return call(_at("events", guest=guest), _read_all, query=query, accept="text/event-stream")


def follow(guest: str, *, after: int | None = None, types: Sequence[str] = ()) -> Call[tuple[Event, ...]]:
    """Follows events as they happen, from now on or from behind number `after` on, until the guest is deleted."""
    query = query_of(after=after, types=_listed(types))
    return call(_at("follow", guest=guest), _read_all, query=query, accept="text/event-stream")


def _listed(types: Sequence[str]) -> str | None:
    return ",".join(types) or None


def _read_all(body: bytes) -> tuple[Event, ...]:
    return tuple(EventReader().feed(body))


class EventReader:
    """Takes pieces of a stream as they come, and gives the events that are whole."""

    def __init__(self) -> None:
        """Starts at the beginning of a stream."""
        self._rest = b""

    def feed(self, piece: bytes) -> Iterator[Event]:
        """Yields the events that end in `piece`; raises ValueError for what is none."""
        *blocks, self._rest = (self._rest + piece).split(b"\n\n")
        for block in blocks:
            event = _read_block(block)
            if event is not None:
                yield event


def _read_block(block: bytes) -> Event | None:
    """Returns the event of one block of lines; None for a comment, which only shows that the service lives."""
    lines = dict(
        line.split(": ", 1) for line in block.decode().split("\n") if line and not line.startswith(":")
    )
    if not lines:
        return None
    if not {"id", "event", "data"} <= lines.keys():
        raise ValueError(f"no event: {block[:100]!r}")
    return Event(id=int(lines["id"]), type=lines["event"], fields=json.loads(lines["data"]))
