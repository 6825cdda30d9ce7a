"""Memory blocks: one state each, and the edges of what is online."""

from app.mm.memory_block import MemoryBlocks, MemoryBlockState
from app.mm.zone import ZoneId


def test_memory_blocks_start_absent() -> None:
    """Nothing was added yet."""
    blocks = MemoryBlocks(3)
    assert len(blocks) == 3
    assert [blocks.state(block) for block in range(3)] == [MemoryBlockState.ABSENT] * 3
    assert blocks.present_ids() == []
    assert [blocks.zone_id(block) for block in range(3)] == [None] * 3


def test_memory_block_goes_through_its_states() -> None:
    """Absent, offline, online in a zone, and back."""
    blocks = MemoryBlocks(3)
    blocks.set_offline(1)
    assert (blocks.state(1), blocks.zone_id(1)) == (MemoryBlockState.OFFLINE, None)
    blocks.set_online(1, 3, ZoneId.MOVABLE)
    assert (blocks.state(2), blocks.zone_id(2)) == (MemoryBlockState.ONLINE, ZoneId.MOVABLE)
    assert blocks.present_ids() == [1, 2]
    blocks.set_offline(2)
    blocks.set_absent(1)
    assert blocks.present_ids() == [2]
    assert str(blocks.state(1)) == "absent"


def test_a_block_in_several_zones_is_online_in_none_of_them() -> None:
    """In sysfs such a block's zone is "none"."""
    blocks = MemoryBlocks(2)
    blocks.set_online(0, 1, None)
    assert (blocks.state(0), blocks.zone_id(0)) == (MemoryBlockState.ONLINE, None)


def test_groups_are_copied_and_left_by_blocks_that_go() -> None:
    """HP-10: a copy counts for itself; a group's unit is the one told last."""
    blocks = MemoryBlocks(2)
    group = blocks.register_group("vm0", 16)
    blocks.join_group(1, "vm0")
    copy = blocks.fork()
    assert blocks.register_group("vm0", 32) is group
    group.present_kernel = 16
    (its,) = copy.groups()
    assert (its.unit_nr_pages, its.present_kernel, copy.group_of(1), copy.group_of(0)) == (16, 0, its, None)
    blocks.set_absent(1)
    assert blocks.group_of(1) is None


def test_fork_is_equal_and_apart() -> None:
    """A copy has the same states, and keeps them when the original's change."""
    blocks = MemoryBlocks(3)
    blocks.set_online(1, 2, ZoneId.NORMAL)
    copy = blocks.fork()
    blocks.set_absent(1)
    assert copy.present_ids() == [1]
    assert copy.zone_id(1) is ZoneId.NORMAL


def test_block_keeps_its_numa_node() -> None:
    """Online, its zone is one of that node; offline, the node is not forgotten; copies have it too."""
    blocks = MemoryBlocks(4)
    blocks.set_numa_node(1, 3, 1)
    blocks.set_online(1, 3, ZoneId.MOVABLE)
    assert [blocks.numa_node(block) for block in range(4)] == [0, 1, 1, 0]
    assert blocks.zone_id(1) is ZoneId.MOVABLE
    blocks.set_offline(2)
    assert (blocks.zone_id(2), blocks.numa_node(2), blocks.fork().numa_node(2)) == (None, 1, 1)
