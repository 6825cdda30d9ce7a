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


def test_first_and_last_online_are_those_of_the_zone() -> None:
    """Each zone has edges of its own, or none."""
    blocks = MemoryBlocks(6)
    blocks.set_online(1, 3, ZoneId.NORMAL)
    blocks.set_online(3, 4, ZoneId.MOVABLE)
    blocks.set_online(5, 6, ZoneId.NORMAL)
    assert (blocks.first_online(ZoneId.NORMAL), blocks.last_online(ZoneId.NORMAL)) == (1, 5)
    assert (blocks.first_online(ZoneId.MOVABLE), blocks.last_online(ZoneId.MOVABLE)) == (3, 3)
    assert (blocks.first_online(ZoneId.DMA), blocks.last_online(ZoneId.DMA)) == (None, None)


def test_fork_is_equal_and_apart() -> None:
    """A copy has the same states, and keeps them when the original's change."""
    blocks = MemoryBlocks(3)
    blocks.set_online(1, 2, ZoneId.NORMAL)
    copy = blocks.fork()
    blocks.set_absent(1)
    assert copy.present_ids() == [1]
    assert copy.zone_id(1) is ZoneId.NORMAL
