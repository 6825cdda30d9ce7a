"""/v1/guests/{guest}/reboot, /suspend and /resume: a guest booted anew, put to sleep, and woken."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api.answers import json_answer, problems
from app.api.deps import GuestName, service_of
from app.api.schemas import guests
from app.api.schemas import power as schemas
from app.operations import power

router = APIRouter(prefix="/v1/guests/{guest}", tags=["guests"])


@router.post(
    "/reboot",
    operation_id="rebootGuest",
    response_model=guests.Guest,
    responses=problems(404, 409, has_body=True),
)
async def reboot_guest(request: Request, guest: GuestName, body: schemas.RebootIn) -> Response:
    """Boots the guest anew, be it alive, asleep, hung or dead; its allocations are gone, its targets stay.

    Once it is up, its drivers plug up to their targets, and its workload over time begins anew.
    """
    return json_answer(await power.reboot(service_of(request), guest, power.RebootKind(body.kind)))


@router.post(
    "/suspend",
    operation_id="suspendGuest",
    response_model=guests.Guest,
    responses=problems(404, 409, has_body=True),
)
async def suspend_guest(request: Request, guest: GuestName, body: schemas.SuspendIn) -> Response:
    """Lets the guest sleep, unless the driver of a device refuses; a sleeping guest does nothing."""
    return json_answer(await power.suspend(service_of(request), guest, power.SleepKind(body.kind)))


@router.post("/resume", operation_id="resumeGuest", response_model=guests.Guest, responses=problems(404, 409))
async def resume_guest(request: Request, guest: GuestName) -> Response:
    """Wakes a guest that sleeps: it has every block that it had, and goes for targets that changed meanwhile."""
    return json_answer(await power.resume(service_of(request), guest))
