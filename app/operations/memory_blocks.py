"""Memory blocks of a guest, set on- and offline from inside, as somebody does through sysfs."""

from app.operations import estimates
from app.operations.registry import Description
from app.operations.service import Service

__all__ = ["set_state"]


async def set_state(service: Service, name: str, memory_block: int, state: str) -> Description:
    """Sets a memory block to online, online_kernel, online_movable or offline; returns it as it is then.

    Raises Unknown, InvalidValue, and MemoryBlockUnchanged when the kernel refuses.
    """
    return await service.registry.change(
        name,
        lambda guest: guest.blocks.set_state(memory_block, state),
        # Everything in it may have to move.
        estimate_us=lambda guest: estimates.amount_us(guest, guest.geometry.memory_block_size),
    )
