"""A guest booted anew, put to sleep, and woken.

Left out: what becomes of its memory and its devices (app.guest.guest, app.guest.sleep).
"""

from app.guest.boot import RebootKind
from app.guest.guest import Guest
from app.guest.sleep import SleepKind
from app.operations import estimates, listing
from app.operations.registry import Description
from app.operations.service import Service

__all__ = ["RebootKind", "SleepKind", "reboot", "resume", "suspend"]


async def reboot(service: Service, name: str, kind: RebootKind) -> Description:
    """Boots the guest anew, whatever it was at; returns it.

    Raises Unknown, and StateError for a captured guest.
    """
    await service.registry.change(name, lambda guest: guest.reboot(kind), estimate_us=_boot_us)
    return await listing.show(service, name)


async def suspend(service: Service, name: str, kind: SleepKind) -> Description:
    """Lets the guest sleep; returns it.

    Raises Unknown, GuestCrashed, GuestHung, and StateError when a driver refuses, or it sleeps already.
    """
    await service.registry.change(name, lambda guest: guest.sleep.begin(kind), estimate_us=lambda _: 0)
    return await listing.show(service, name)


async def resume(service: Service, name: str) -> Description:
    """Wakes the guest; returns it.

    Raises Unknown, and StateError when it does not sleep.
    """
    await service.registry.change(name, lambda guest: guest.sleep.end(), estimate_us=estimates.walk_us)
    return await listing.show(service, name)


def _boot_us(guest: Guest) -> int:
    # Its boot memory is made, and its devices plug up to their targets.
    return estimates.amount_us(guest, guest.nr_pages * guest.geometry.page_size)
