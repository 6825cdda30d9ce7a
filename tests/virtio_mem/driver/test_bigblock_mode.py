"""Big block mode's book: zones and sections of a big block, and how it follows memory that others set."""

from app.mm.zone import ZoneId
from app.units import MIB
from app.virtio_mem.driver.options import ModuleParameters
from app.virtio_mem.driver.states import BIG_BLOCK_STATES, BlockState
from tests.virtio_mem.board import TOY, Board, build

BIG = TOY._replace(parameters=ModuleParameters(force_bbm=True, bbm_block_size=16 * MIB))


def two_blocks() -> Board:
    """Two big blocks of two memory blocks each, online."""
    board = build(BIG)
    board.resize(32 * MIB)
    return board


def test_zones_of_a_big_block_are_those_of_its_memory_blocks() -> None:
    """None stands for what is not online."""
    board = two_blocks()
    assert board.bbm.zones(0) == {ZoneId.NORMAL}
    board.offline(8)
    assert board.bbm.zones(0) == {ZoneId.NORMAL, None}
    board.online(8, ZoneId.MOVABLE)
    assert board.bbm.zones(0) == {ZoneId.NORMAL, ZoneId.MOVABLE}


def test_online_sections_leave_out_what_is_offline() -> None:
    """Sections of 4 MiB, two to a memory block, ascending."""
    board = two_blocks()
    board.offline(8)
    starts = [start for start, _ in board.bbm.online_sections(0)]
    assert starts == [board.pfn(8 * MIB), board.pfn(12 * MIB)]


def test_offline_size_follows_each_memory_block() -> None:
    """8.8, INV-22: whoever sets it; each OFFLINE is a reason to work."""
    board = two_blocks()
    board.offline(9)
    assert (board.bbm.offline_size, board.driver.is_work_queued) == (8 * MIB, True)
    board.online(9, ZoneId.MOVABLE)
    assert board.bbm.offline_size == 0
    board.verify()


def test_big_block_stays_added_whatever_becomes_of_its_memory_blocks() -> None:
    """8.1: the state does not tell where they are online."""
    board = two_blocks()
    for memory_block in (8, 9):
        board.offline(memory_block)
    assert board.bbm.blocks.states[0] == BlockState.ADDED
    assert set(board.driver.count_blocks()) == {state.name.lower() for state in BIG_BLOCK_STATES}


def test_nothing_is_withheld_of_a_big_block_that_stays() -> None:
    """8.9: only of one on its way out; and nobody else's memory."""
    board = two_blocks()
    first, end = board.pfn(0), board.pfn(8 * MIB)
    assert board.bbm.withheld(first, end) == []
    board.bbm.blocks.set_state(0, BlockState.FAKE_OFFLINE)
    assert board.bbm.withheld(first, end) == [(first, end)]
    assert board.bbm.withheld(0, board.node.geometry.memory_block_nr_pages) == []
