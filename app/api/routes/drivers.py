"""/v1/guests/{guest}/virtio-mem/{device}/driver: its module, loaded and unloaded."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api.answers import json_answer, problems
from app.api.deps import DeviceId, GuestName, service_of
from app.api.schemas import devices, drivers
from app.operations import drivers as modules

router = APIRouter(prefix="/v1/guests/{guest}/virtio-mem/{device}/driver", tags=["virtio-mem"])


@router.post(
    "/load",
    operation_id="loadDriver",
    response_model=devices.Device,
    responses=problems(404, 409, has_body=True),
)
async def load_driver(
    request: Request, guest: GuestName, device: DeviceId, body: drivers.DriverParametersIn | None = None
) -> Response:
    """Loads the device's driver, which at once goes for the requested size; answers the device.

    Refused (EBUSY) while memory of an earlier driver is still there, as the kernel does.
    """
    parameters = (body or drivers.DriverParametersIn()).to_parameters()
    return json_answer(await modules.load(service_of(request), guest, device, parameters))


@router.post(
    "/unload", operation_id="unloadDriver", response_model=devices.Device, responses=problems(404, 409)
)
async def unload_driver(request: Request, guest: GuestName, device: DeviceId) -> Response:
    """Unloads the device's driver; memory that it added stays online and plugged. Answers the device."""
    return json_answer(await modules.unload(service_of(request), guest, device))
