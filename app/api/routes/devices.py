"""/v1/guests/{guest}/virtio-mem: a device's state, and how it grows and shrinks."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api.answers import Responses, json_answer, problems
from app.api.deps import DeviceId, GuestName, service_of
from app.api.schemas import devices as schemas
from app.api.schemas.operations import Operation, WaitSeconds
from app.operations import resizing
from app.operations.operation import Operation as Begun

_OVER: Responses = {200: {"description": "over within the seconds of `wait`", "model": Operation}}

router = APIRouter(prefix="/v1/guests/{guest}/virtio-mem/{device}", tags=["virtio-mem"])


@router.get("", operation_id="showDevice", response_model=schemas.Device, responses=problems(404))
async def show_device(request: Request, guest: GuestName, device: DeviceId) -> Response:
    """Shows a device: the host's book of it, and what the guest's driver says of its memory blocks."""
    return json_answer(await resizing.show_device(service_of(request), guest, device))


@router.patch(
    "",
    operation_id="resizeDevice",
    status_code=202,
    response_model=Operation,
    responses=_OVER | problems(404, 409, 507, has_body=True),
)
async def resize_device(
    request: Request, guest: GuestName, device: DeviceId, body: schemas.RequestedSizeIn, wait: WaitSeconds = 0
) -> Response:
    """Sets how much of the device the guest shall have; what the guest does about it is an operation."""
    begun = await resizing.resize(service_of(request), guest, device, body.requested_size, wait_s=wait)
    return _answer(begun, wait)


@router.post(
    "/plug",
    operation_id="plug",
    status_code=202,
    response_model=Operation,
    responses=_OVER | problems(404, 409, 507, has_body=True),
)
async def plug(
    request: Request, guest: GuestName, device: DeviceId, body: schemas.RelativeSizeIn, wait: WaitSeconds = 0
) -> Response:
    """Raises the target by so many bytes; else as resizeDevice."""
    return _answer(await resizing.plug(service_of(request), guest, device, body.size, wait_s=wait), wait)


@router.post(
    "/unplug",
    operation_id="unplug",
    status_code=202,
    response_model=Operation,
    responses=_OVER | problems(404, 409, 507, has_body=True),
)
async def unplug(
    request: Request, guest: GuestName, device: DeviceId, body: schemas.RelativeSizeIn, wait: WaitSeconds = 0
) -> Response:
    """Lowers the target by so many bytes; else as resizeDevice."""
    return _answer(await resizing.unplug(service_of(request), guest, device, body.size, wait_s=wait), wait)


def _answer(begun: Begun, wait_s: float) -> Response:
    """Answers 200 to those who waited and have seen the end."""
    status = 200 if wait_s and begun.is_over else 202
    return json_answer(begun.describe(), status, location=f"/v1/operations/{begun.id}")
