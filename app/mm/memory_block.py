"""Memory blocks, the unit of memory hotplug: absent, offline, or online in a zone.

Mirrors drivers/base/memory.c (HP-1).
Left out: transitions with their conditions (app.mm.hotplug).
"""

from enum import StrEnum

from app.mm.zone import ZoneId

_ABSENT = 0
_OFFLINE = 1
# An online block's byte is this plus its zone.
_ONLINE = 2


class MemoryBlockState(StrEnum):
    """States as sysfs knows them, and "absent" for a block that was never added."""

    ABSENT = "absent"
    OFFLINE = "offline"
    ONLINE = "online"


class MemoryBlocks:
    """The states of all memory blocks of a node, one byte each; blocks are named by id = first pfn / size."""

    def __init__(self, nr_blocks: int) -> None:
        """Starts with every block absent."""
        self._states = bytearray(nr_blocks)

    def __len__(self) -> int:
        """How many ids there are, absent ones included."""
        return len(self._states)

    def fork(self) -> "MemoryBlocks":
        """Returns an independent copy."""
        copy = MemoryBlocks(0)
        copy._states = self._states[:]
        return copy

    def state(self, block_id: int) -> MemoryBlockState:
        """Returns a block's state."""
        byte = self._states[block_id]
        if byte >= _ONLINE:
            return MemoryBlockState.ONLINE
        return MemoryBlockState.OFFLINE if byte == _OFFLINE else MemoryBlockState.ABSENT

    def zone_id(self, block_id: int) -> ZoneId | None:
        """Returns the zone in which a block is online, or None."""
        byte = self._states[block_id]
        return ZoneId(byte - _ONLINE) if byte >= _ONLINE else None

    def set_absent(self, block_id: int) -> None:
        """Says that a block is gone."""
        self._states[block_id] = _ABSENT

    def set_offline(self, block_id: int) -> None:
        """Says that a block is there, but not in use."""
        self._states[block_id] = _OFFLINE

    def set_online(self, start_id: int, end_id: int, zone: ZoneId) -> None:
        """Says that the blocks [start_id, end_id) are online in `zone`."""
        self._states[start_id:end_id] = bytes((_ONLINE + zone,)) * (end_id - start_id)

    def first_online(self, zone: ZoneId) -> int | None:
        """Returns the lowest id online in `zone`, or None."""
        found = self._states.find(_ONLINE + zone)
        return found if found >= 0 else None

    def last_online(self, zone: ZoneId) -> int | None:
        """Returns the highest id online in `zone`, or None."""
        found = self._states.rfind(_ONLINE + zone)
        return found if found >= 0 else None

    def present_ids(self) -> list[int]:
        """Returns the ids of all blocks that are not absent, ascending."""
        return [block_id for block_id, byte in enumerate(self._states) if byte != _ABSENT]
