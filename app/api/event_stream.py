"""Server-sent events, as the HTML standard has them: what is written for each batch.

    id: 17
    event: memory_block_changed
    data: {"memory_block":33,"state":"online","zone":"Movable","id":17,"simulated_us":1370,"type":...}

Left out: which events there are (app.operations.events).
"""

from collections.abc import AsyncIterator

from pydantic_core import to_json
from starlette.responses import StreamingResponse

from app.operations.events import Batch

# A comment: it shows that the connection lives, and readers skip it.
_HEARTBEAT = b": nothing new\n\n"


class EventStream(StreamingResponse):
    """An answer that goes on for as long as somebody reads it."""

    media_type = "text/event-stream"

    def __init__(self, batches: AsyncIterator[Batch]) -> None:
        """Writes the batches as they come."""
        super().__init__(_written(batches), headers={"Cache-Control": "no-store"})


async def _written(batches: AsyncIterator[Batch]) -> AsyncIterator[bytes]:
    async for batch in batches:
        yield written(batch)


def written(batch: Batch) -> bytes:
    """Returns a batch as it goes over the wire."""
    parts: list[bytes] = []
    if batch.dropped is not None:
        first, last, at_us = batch.dropped
        # With the number of the last one, so that a reader that comes back here is not told again.
        lost: dict[str, object] = {"from": first, "to": last, "count": last - first + 1}
        lost |= {"id": last, "simulated_us": at_us, "type": "dropped"}
        parts.append(b"id: %d\nevent: dropped\ndata: %b\n\n" % (last, to_json(lost)))
    for event in batch.events:
        parts += (f"id: {event['id']}\nevent: {event['type']}\ndata: ".encode(), to_json(event), b"\n\n")
    return b"".join(parts) or _HEARTBEAT
