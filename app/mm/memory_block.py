"""Memory blocks, the unit of memory hotplug: absent, offline, or online in a zone; and whose group they are of.

Mirrors drivers/base/memory.c (HP-1, HP-10).
Left out: transitions with their conditions (app.mm.hotplug).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from app.mm.zone import ZoneId, zone_index

_ABSENT = 0
_OFFLINE = 1
# An online block's byte is this plus the index of its zone.
_ONLINE = 2
# Online, in more than one zone: boot memory over the border of two.
_IN_SEVERAL = 255


class MemoryBlockState(StrEnum):
    """States as sysfs knows them, and "absent" for a block that was never added."""

    ABSENT = "absent"
    OFFLINE = "offline"
    ONLINE = "online"


@dataclass(slots=True)
class MemoryGroup:
    """The hotplugged memory of one device, in pages (HP-10); unit_nr_pages: the least that it adds and removes."""

    name: str
    unit_nr_pages: int
    numa_node: int = 0
    present_kernel: int = 0
    present_movable: int = 0


class MemoryBlocks:
    """The states of all memory blocks, one byte each; blocks are named by id = first pfn / size."""

    def __init__(self, nr_blocks: int) -> None:
        """Starts with every block absent, on NUMA node 0."""
        self._states = bytearray(nr_blocks)
        self._numa_nodes = bytearray(nr_blocks)
        self._groups: dict[str, MemoryGroup] = {}
        # Blocks that were hotplugged by a device; boot memory is in no group.
        self._group_of: dict[int, str] = {}

    def __len__(self) -> int:
        """How many ids there are, absent ones included."""
        return len(self._states)

    def fork(self) -> "MemoryBlocks":
        """Returns an independent copy."""
        copy = MemoryBlocks(0)
        copy._states = self._states[:]
        copy._numa_nodes = self._numa_nodes[:]
        copy._groups = {name: replace(group) for name, group in self._groups.items()}
        copy._group_of = self._group_of.copy()
        return copy

    def state(self, block_id: int) -> MemoryBlockState:
        """Returns a block's state."""
        byte = self._states[block_id]
        if byte >= _ONLINE:
            return MemoryBlockState.ONLINE
        return MemoryBlockState.OFFLINE if byte == _OFFLINE else MemoryBlockState.ABSENT

    def zone_id(self, block_id: int) -> ZoneId | None:
        """Returns the zone in which a block is online; None when it is not, or lies in several."""
        byte = self._states[block_id]
        return ZoneId((byte - _ONLINE) % len(ZoneId)) if _ONLINE <= byte < _IN_SEVERAL else None

    def numa_node(self, block_id: int) -> int:
        """Returns the NUMA node to which a block's memory belongs, or belonged last."""
        return self._numa_nodes[block_id]

    def set_numa_node(self, start_id: int, end_id: int, numa_node: int) -> None:
        """Says to which NUMA node the blocks [start_id, end_id) belong, none of them online yet."""
        self._numa_nodes[start_id:end_id] = bytes((numa_node,)) * (end_id - start_id)

    def set_absent(self, block_id: int) -> None:
        """Says that a block is gone."""
        self._states[block_id] = _ABSENT
        self._group_of.pop(block_id, None)

    def set_offline(self, block_id: int) -> None:
        """Says that a block is there, but not in use."""
        self._states[block_id] = _OFFLINE

    def set_online(self, start_id: int, end_id: int, zone: ZoneId | None) -> None:
        """Says that blocks [start_id, end_id) of one NUMA node are online in its `zone`, or each in several (None)."""
        byte = _IN_SEVERAL if zone is None else _ONLINE + zone_index(self._numa_nodes[start_id], zone)
        self._states[start_id:end_id] = bytes((byte,)) * (end_id - start_id)

    def present_ids(self) -> list[int]:
        """Returns the ids of all blocks that are not absent, ascending."""
        return [block_id for block_id, byte in enumerate(self._states) if byte != _ABSENT]

    # -------------------------------------------------------------------------------------- groups

    def register_group(self, name: str, unit_nr_pages: int) -> MemoryGroup:
        """Returns the group `name`, made if there is none; its unit is as told from now on."""
        group = self._groups.setdefault(name, MemoryGroup(name, unit_nr_pages))
        group.unit_nr_pages = unit_nr_pages
        return group

    def join_group(self, block_id: int, name: str) -> None:
        """Says that a block is of the group `name`, which is registered."""
        assert name in self._groups, f"HP-10: no memory group {name}"
        self._group_of[block_id] = name
        self._groups[name].numa_node = self.numa_node(block_id)

    def group_of(self, block_id: int) -> MemoryGroup | None:
        """Returns a block's group; None for boot memory."""
        name = self._group_of.get(block_id)
        return None if name is None else self._groups[name]

    def groups(self) -> Iterator[MemoryGroup]:
        """Yields all groups, in the order in which they were registered."""
        return iter(self._groups.values())
