"""A guest's virtio-mem devices: how they stand, and how they grow and shrink."""

from app.errors import Unknown
from app.guest.guest import LONGEST_ADVANCE_US, Guest
from app.operations import estimates
from app.operations.registry import Description
from app.operations.service import Service

__all__ = ["LONGEST_ADVANCE_US", "advance", "plug", "resize", "show_device", "unplug"]


def show_device(service: Service, name: str, device_id: str) -> Description:
    """Returns the device's description; that of a busy guest is from before the call that it is busy with.

    Raises Unknown.
    """
    description = service.registry.entry(name).describe()
    devices = description["devices"]
    assert isinstance(devices, list)
    for device in devices:
        if device["id"] == device_id:
            found: Description = device
            return found
    raise Unknown("device", device_id, [device["id"] for device in devices])


async def resize(service: Service, name: str, device_id: str, requested_size: int) -> Description:
    """Sets the device's target, in bytes, runs the guest's driver to its end, and returns the outcome.

    Raises Unknown, InvalidValue; then the target is as it was.
    """
    return await service.registry.change(
        name,
        lambda guest: guest.resize(device_id, requested_size),
        estimate_us=lambda guest: estimates.resize_us(guest, device_id, requested_size),
    )


async def plug(service: Service, name: str, device_id: str, size: int) -> Description:
    """Raises the device's target by `size` bytes; else as resize()."""
    return await service.registry.change(
        name,
        lambda guest: guest.plug(device_id, size),
        estimate_us=lambda guest: estimates.amount_us(guest, size),
    )


async def unplug(service: Service, name: str, device_id: str, size: int) -> Description:
    """Lowers the device's target by `size` bytes; else as resize()."""
    return await service.registry.change(
        name,
        lambda guest: guest.unplug(device_id, size),
        estimate_us=lambda guest: estimates.amount_us(guest, size),
    )


async def advance(service: Service, name: str, duration_us: int) -> Description:
    """Lets simulated time pass, and returns the outcomes of the retries that fall into it.

    Raises Unknown, InvalidValue.
    """

    def call(guest: Guest) -> Description:
        outcomes = guest.advance(duration_us)
        return {"simulated_us": guest.clock.now_us, "outcomes": outcomes}

    return await service.registry.change(name, call, estimate_us=lambda _: estimates.UNKNOWN_US)
