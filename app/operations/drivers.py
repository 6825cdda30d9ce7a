"""The module of a device's driver: loaded and unloaded in the guest."""

from app.guest.driver_module import DriverModule, ModuleParameters, load_driver, unload_driver
from app.operations import estimates, resizing
from app.operations.registry import Description
from app.operations.service import Service

__all__ = ["DriverModule", "ModuleParameters", "load", "unload"]


async def load(service: Service, name: str, device_id: str, parameters: ModuleParameters) -> Description:
    """Loads the driver of a device, which begins to work; returns the device.

    Raises Unknown, InvalidValue, GuestCrashed, GuestHung, ModuleRefused; then nothing has changed.
    """
    await service.registry.change(
        name,
        lambda guest: load_driver(guest, device_id, parameters),
        estimate_us=lambda guest: estimates.resize_us(guest, device_id, 0),
    )
    return await resizing.show_device(service, name, device_id)


async def unload(service: Service, name: str, device_id: str) -> Description:
    """Unloads the driver of a device; returns the device, whose memory stays as it is.

    Raises Unknown, GuestCrashed, GuestHung, ModuleRefused; then nothing has changed.
    """
    await service.registry.change(
        name, lambda guest: unload_driver(guest, device_id), estimate_us=lambda _: 0
    )
    return await resizing.show_device(service, name, device_id)
