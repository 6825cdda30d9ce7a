"""/v1/guests/{guest}/events: what happens in a guest, as server-sent events."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response

from app.api.answers import Responses, problems
from app.api.deps import GuestName, service_of
from app.api.event_stream import EventStream
from app.api.schemas.strict import LARGEST_INTEGER
from app.operations import events
from app.operations.events import Batch

router = APIRouter(prefix="/v1/guests/{guest}", tags=["events"])

# One event of the stream, as its lines have it.
_EVENT = {
    "type": "object",
    "required": ["id", "event", "data"],
    "properties": {
        "id": {"type": "string", "description": "number of the event in its guest"},
        "event": {"enum": [*events.EVENT_TYPES, "dropped"]},
        "data": {
            "type": "string",
            "description": "a JSON object: the event's own fields, `id`, `simulated_us` and `type`; of `dropped` "
            "`from`, `to` and `count`, and the moment is that of the event after it",
        },
    },
}
_STREAM: Responses = {
    200: {
        "description": "events, each with the number `id`, the name `event` and JSON as `data`; "
        "`dropped` names those that are lost because the reader was too slow",
        "content": {"text/event-stream": {"schema": _EVENT}},
    }
}


@router.get(
    "/events",
    operation_id="followEvents",
    status_code=200,
    response_class=EventStream,
    response_model=None,
    responses=_STREAM | problems(404, 422),
)
async def follow_events(
    request: Request,
    guest: GuestName,
    types: Annotated[
        str, Query(max_length=1024, description=f"some of {', '.join(events.EVENT_TYPES)}; none: all")
    ] = "",
    after: Annotated[
        int | None,
        Query(ge=0, le=LARGEST_INTEGER, description="the event behind which to begin; default: the newest"),
    ] = None,
    last_event_id: Annotated[
        int | None,
        Header(alias="Last-Event-ID", ge=0, le=LARGEST_INTEGER, description="as `after`, and goes before it"),
    ] = None,
    *,
    follow: Annotated[bool, Query(description="whether to wait for more when all is told")] = True,
) -> Response:
    """Tells what happens in a guest, from now on or from an earlier event on that is still kept."""
    service = service_of(request)
    batches = events.follow(
        service,
        guest,
        after=after if last_event_id is None else last_event_id,
        types=frozenset(name for name in types.split(",") if name),
        is_endless=follow,
        heartbeat_s=service.limits.heartbeat_s,
    )
    # What cannot be is refused now: once the stream has begun, its status is said.
    first = await anext(batches)
    return EventStream(_chain(first, batches))


async def _chain(first: Batch, others: AsyncIterator[Batch]) -> AsyncIterator[Batch]:
    yield first
    async for batch in others:
        yield batch
