"""Which guests there are, what they say of themselves, and their end."""

import asyncio

from app.operations.registry import Description
from app.operations.service import Service

# Describing so many guests takes about a millisecond; then others get their turn.
_BATCH = 16


async def all_guests(service: Service) -> list[Description]:
    """Returns every guest's description, oldest first; a busy one's is from before its present call."""
    descriptions: list[Description] = []
    nr_fresh = 0
    for entry in service.registry.entries():
        nr_fresh += entry.description is None
        descriptions.append(await entry.show())
        if nr_fresh >= _BATCH:
            nr_fresh = 0
            await asyncio.sleep(0)
    return descriptions


async def show(service: Service, name: str) -> Description:
    """Returns the guest's description; that of a busy guest is from before the call that it is busy with.

    Raises Unknown.
    """
    return await service.registry.entry(name).show()


async def delete(service: Service, name: str) -> None:
    """Deletes the guest, once the calls that came before have ended.

    Raises Unknown.
    """
    await service.registry.delete(name)
