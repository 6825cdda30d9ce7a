"""Which guests there are, what they say of themselves, and their end."""

import asyncio
from collections.abc import Sequence

from app.operations.registry import Description, Entry
from app.operations.service import Service

# Describing so many guests takes about a millisecond; then others get their turn.
_BATCH = 16
# Of so many, the end of one tick is waited for at most; so long the ticker does without them.
_STEPPED_OVER = 128


async def all_guests(service: Service) -> list[Description]:
    """Returns every guest's description, oldest first; a busy one's is from before its present call."""
    descriptions: list[Description] = []
    entries = service.registry.entries()
    for start in range(0, len(entries), _STEPPED_OVER):
        some = entries[start : start + _STEPPED_OVER]
        with service.registry.stepped_over(some):
            descriptions += await _describe(some)
    return descriptions


async def _describe(entries: Sequence[Entry]) -> list[Description]:
    """Describes guests that the ticker steps over."""
    descriptions: list[Description] = []
    nr_fresh = 0
    for entry in entries:
        await entry.wait_until_told()
        nr_fresh += entry.description is None
        descriptions.append(entry.describe())
        if nr_fresh >= _BATCH:
            nr_fresh = 0
            await asyncio.sleep(0)
    return descriptions


async def show(service: Service, name: str) -> Description:
    """Returns the guest's description; that of a busy guest is from before the call that it is busy with.

    Raises Unknown.
    """
    return await service.registry.show(service.registry.entry(name))


async def delete(service: Service, name: str) -> None:
    """Deletes the guest, once the calls that came before have ended.

    Raises Unknown.
    """
    await service.registry.delete(name)
