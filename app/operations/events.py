"""What happened in a guest, for readers who follow: each with a cursor of its own into the guest's one ring.

Kept here: memory does not grow with readers, or with how slow they are; a reader that the ring went past is told so.
Left out: what is written on the wire (app.api.event_stream).
"""

import re
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from typing import NamedTuple, get_args

from app.errors import InvalidValue
from app.operations.registry import Description
from app.operations.service import Service
from app.trace import events as trace
from app.trace.sink import Kept

__all__ = ["EVENT_TYPES", "Batch", "Dropped", "describe_event", "follow"]

# Events between two looks at whether the reader, or somebody else, wants something.
MOST_IN_BATCH = 256


def _snake_case(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


# MemoryBlockChanged is told as memory_block_changed.
_TYPES: dict[type, str] = {cls: _snake_case(cls.__name__) for cls in get_args(trace.Event)}
EVENT_TYPES = tuple(sorted(_TYPES.values()))


class Dropped(NamedTuple):
    """Events that are lost, by their numbers; at_us: when the next one happened, on the guest's clock."""

    first: int
    last: int
    at_us: int


@dataclass(frozen=True)
class Batch:
    """Events that follow one another; dropped: those before them that are lost.

    Neither: nothing happened for a while.
    """

    events: list[Description]
    dropped: Dropped | None = None


async def follow(
    service: Service,
    name: str,
    *,
    after: int | None,
    types: Collection[str],
    is_endless: bool,
    heartbeat_s: float,
) -> AsyncIterator[Batch]:
    """Yields what happens in a guest behind event number `after`; None: from now on. types: none for all.

    Ends when the guest is deleted or the service stops; without is_endless, too, when all is told that there is.
    Raises Unknown, InvalidValue before the first batch.
    """
    entry = service.registry.entry(name)
    newest = entry.guest.events.newest
    cursor = newest if after is None else after
    if not 0 <= cursor <= newest:
        raise InvalidValue("Last-Event-ID", after, f"0 to {newest}, the guest's newest event")
    _require_known(types)
    is_first = True
    while True:
        rows = entry.guest.events.read(cursor, MOST_IN_BATCH)
        if rows:
            lost = _lost(cursor, rows[0])
            cursor = rows[-1].id
            told = [describe_event(row) for row in rows if not types or _TYPES[type(row.event)] in types]
            if told or lost:
                is_first = False
                yield Batch(told, lost)
        elif is_first:
            # The reader learns that it is heard.
            is_first = False
            yield Batch([])
        elif not is_endless or entry.is_deleted or service.is_closing:
            return
        elif not await entry.news.wait(heartbeat_s):
            yield Batch([])


def _lost(cursor: int, row: Kept) -> Dropped | None:
    """Returns what a reader has missed that has read up to `cursor`, and finds `row` next."""
    return Dropped(cursor + 1, row.id - 1, row.at_ns // 1000) if row.id > cursor + 1 else None


def _require_known(types: Collection[str]) -> None:
    for name in types:
        if name not in EVENT_TYPES:
            raise InvalidValue("types", name, f"some of {', '.join(EVENT_TYPES)}")


def describe_event(row: Kept) -> Description:
    """Returns an event as readers are told it: its fields, number, time and type."""
    event = row.event
    told: Description = dict(zip(event._fields, event, strict=True))
    told["id"] = row.id
    told["simulated_us"] = row.at_ns // 1000
    told["type"] = _TYPES[type(event)]
    return told
