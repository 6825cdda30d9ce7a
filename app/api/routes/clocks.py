"""/v1/guests/{guest}/clock, and /v1/clock for all of them: who drives the time, and how well it is kept."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api.answers import json_answer, problems
from app.api.deps import GuestName, service_of
from app.api.schemas import clocks as schemas
from app.operations import clocks

router = APIRouter(tags=["time"])


@router.get(
    "/v1/clock", operation_id="showClocks", response_model=schemas.ClockOverview, responses=problems()
)
async def show_clocks(request: Request) -> Response:
    """Shows how late guests in mode realtime are served, over all of them."""
    return json_answer(await clocks.overview(service_of(request)))


@router.get(
    "/v1/guests/{guest}/clock",
    operation_id="showClock",
    response_model=schemas.Clock,
    responses=problems(404),
)
async def show_clock(request: Request, guest: GuestName) -> Response:
    """Shows who drives the guest's clock, what time it is there, and how late the guest is."""
    return json_answer(await clocks.show(service_of(request), guest))


@router.patch(
    "/v1/guests/{guest}/clock",
    operation_id="changeClock",
    response_model=schemas.Clock,
    responses=problems(404, has_body=True),
)
async def change_clock(request: Request, guest: GuestName, body: schemas.ClockPatch) -> Response:
    """Lets somebody else drive the clock, or the wall at another scale; it goes on from the time that it is."""
    return json_answer(await clocks.change(service_of(request), guest, mode=body.mode, scale=body.scale))


@router.post(
    "/v1/guests/{guest}/clock/advance",
    operation_id="advanceClock",
    response_model=schemas.Advanced,
    responses=problems(404, 409, has_body=True),
)
async def advance_clock(request: Request, guest: GuestName, body: schemas.StretchIn) -> Response:
    """Lets simulated time pass: drivers work, timers fire, programs run. Not in mode realtime.

    It ends early when the caller goes away: what has passed by then has passed.
    """

    async def is_wanted() -> bool:
        return not await request.is_disconnected()

    stretch = body.to_stretch()
    return json_answer(await clocks.advance(service_of(request), guest, stretch, is_wanted=is_wanted))
