"""/v1/guests: made from a preset, listed, shown, deleted."""

import asyncio

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api.answers import json_answer, json_parts, problems, ready_answer
from app.api.deps import GuestName, service_of
from app.api.schemas import guests as schemas
from app.operations import creating, listing

router = APIRouter(prefix="/v1/guests", tags=["guests"])


@router.post(
    "",
    operation_id="createGuest",
    status_code=201,
    response_model=schemas.Guest,
    responses=problems(409, 507, has_body=True),
)
async def create_guest(request: Request, body: schemas.GuestIn) -> Response:
    """Makes a guest from a geometry preset, plugs what its devices request, and runs its workload."""
    guest = await creating.create(service_of(request), body.to_spec(), body.to_clock())
    return json_answer(guest, 201, location=f"/v1/guests/{guest['name']}")


@router.get("", operation_id="listGuests", response_model=schemas.Guests, responses=problems())
async def list_guests(request: Request) -> Response:
    """Lists the guests, oldest first."""
    guests = await listing.all_guests(service_of(request))
    parts = []
    for part in json_parts({"guests": guests}, "guests"):
        parts.append(part)
        # Thousands of guests are written in turns with what else is to be done.
        await asyncio.sleep(0)
    return ready_answer(b"".join(parts))


@router.get("/{guest}", operation_id="showGuest", response_model=schemas.Guest, responses=problems(404))
async def show_guest(request: Request, guest: GuestName) -> Response:
    """Shows a guest."""
    return json_answer(await listing.show(service_of(request), guest))


@router.delete("/{guest}", operation_id="deleteGuest", status_code=204, responses=problems(404))
async def delete_guest(request: Request, guest: GuestName) -> Response:
    """Deletes a guest, once what it is doing has ended."""
    await listing.delete(service_of(request), guest)
    return Response(status_code=204)
