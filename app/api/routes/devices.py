"""/v1/guests/{guest}/virtio-mem: a device's state, and how it grows and shrinks."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api.answers import json_answer, problems
from app.api.deps import DeviceId, GuestName, service_of
from app.api.schemas import devices as schemas
from app.operations import resizing

router = APIRouter(prefix="/v1/guests/{guest}/virtio-mem/{device}", tags=["virtio-mem"])


@router.get("", operation_id="showDevice", response_model=schemas.Device, responses=problems(404))
async def show_device(request: Request, guest: GuestName, device: DeviceId) -> Response:
    """Shows a device: the host's book of it, and what the guest's driver says of its memory blocks."""
    return json_answer(resizing.show_device(service_of(request), guest, device))


@router.patch(
    "",
    operation_id="resizeDevice",
    response_model=schemas.Outcome,
    responses=problems(404, has_body=True),
)
async def resize_device(
    request: Request, guest: GuestName, device: DeviceId, body: schemas.RequestedSizeIn
) -> Response:
    """Sets how much of the device the guest shall have, and runs the guest's driver to its end."""
    outcome = await resizing.resize(service_of(request), guest, device, body.requested_size)
    return json_answer(outcome)


@router.post(
    "/plug", operation_id="plug", response_model=schemas.Outcome, responses=problems(404, has_body=True)
)
async def plug(
    request: Request, guest: GuestName, device: DeviceId, body: schemas.RelativeSizeIn
) -> Response:
    """Raises the target by so many bytes, and runs the guest's driver to its end."""
    return json_answer(await resizing.plug(service_of(request), guest, device, body.size))


@router.post(
    "/unplug", operation_id="unplug", response_model=schemas.Outcome, responses=problems(404, has_body=True)
)
async def unplug(
    request: Request, guest: GuestName, device: DeviceId, body: schemas.RelativeSizeIn
) -> Response:
    """Lowers the target by so many bytes, and runs the guest's driver to its end."""
    return json_answer(await resizing.unplug(service_of(request), guest, device, body.size))
