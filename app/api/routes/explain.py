"""/v1/guests/{guest}/virtio-mem/{device}: why memory stays plugged, and what would become of a request."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.api.accept import choose_media_type
from app.api.answers import Responses, json_answer, problems
from app.api.deps import DeviceId, GuestName, service_of
from app.api.explain_png import render
from app.api.schemas import explain as schemas
from app.api.schemas.forecast import Forecast, ForecastIn
from app.operations import explaining

router = APIRouter(prefix="/v1/guests/{guest}/virtio-mem/{device}", tags=["virtio-mem"])

_JSON, _PNG = "application/json", "image/png"
_SHAPES: Responses = {
    200: {
        "description": "The reasons as JSON, or as a map of the guest on which what stays is marked",
        "content": {_PNG: {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.get(
    "/explain",
    operation_id="explainDevice",
    response_model=schemas.Explanation,
    responses=_SHAPES | problems(404, 406, 409, 422, 507),
)
async def explain_device(
    request: Request, guest: GuestName, device: DeviceId, query: Annotated[schemas.ExplainQuery, Query()]
) -> Response:
    """Explains why the device has more plugged than it shall have: what would free which part of it.

    A copy of the guest is asked for the target now, under its own policy; the guest does not change.
    """
    media_type = choose_media_type(request.headers.get("accept", ""), [_JSON, _PNG])
    service = service_of(request)
    if media_type == _PNG:
        png = await explaining.draw(service, guest, device, target=query.target, render=render)
        return Response(png, media_type=_PNG)
    window = query.to_window()
    return json_answer(
        await explaining.explain_device(service, guest, device, target=query.target, window=window)
    )


@router.post(
    "/forecast",
    operation_id="forecastDevice",
    response_model=Forecast,
    responses=problems(404, 409, 507, has_body=True),
)
async def forecast_device(request: Request, guest: GuestName, device: DeviceId, body: ForecastIn) -> Response:
    """Tells what would become of a target, by asking a copy of the guest; the guest does not change."""
    return json_answer(await explaining.forecast_device(service_of(request), guest, device, body.to_wish()))
