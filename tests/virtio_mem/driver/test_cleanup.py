"""Cleanup: memory that could not be added is unplugged later, and removals that failed are repeated."""

from dataclasses import replace

from app.mm.page import PageKind
from app.mm.policies.policy import POLICIES, KernelPolicy
from app.mm.zone import ZoneId
from app.units import MIB
from app.virtio_mem.driver.causes import Cause
from app.virtio_mem.driver.driver import ImportedBlock
from app.virtio_mem.driver.report import StuckPiece
from app.virtio_mem.driver.states import BlockState
from tests.virtio_mem.board import TEST_OWNER, TOY, Board, build
from tests.virtio_mem.interfering import BusyHost

RETRYING = replace(POLICIES["linux-5.19"], retry_removal=True)


def stuck_board() -> Board:
    """A memory block that is plugged and absent: no memmap, and the device was busy when it was to go back."""
    board = build(TOY)
    node = board.node
    node.alloc_pages(PageKind.UNMOVABLE, 0, node.zones[ZoneId.NORMAL].nr_free, owner=TEST_OWNER)
    sbm = board.driver.book
    board.device.set_requested_size(8 * MIB)
    sbm.queue.refresh()
    index = sbm.blocks.claim_next()
    assert sbm.plug(index, first=0, count=8) == "0"
    sbm.blocks.set_state(index, BlockState.PLUGGED)
    return board


def test_plugged_and_absent_memory_is_unplugged_first() -> None:
    """D-7, 8.3: the next pass gets rid of it before it plugs anything."""
    board = stuck_board()
    board.verify()
    assert board.driver.count_blocks()["plugged"] == 1
    outcome = board.resize(0)
    assert board.requests()[-1] == ("UNPLUG", 0, 8, "ACK")
    assert (outcome.size, outcome.result) == (0, "0")
    assert board.driver.count_blocks()["plugged"] == 0


def test_plugged_and_absent_memory_waits_while_the_device_is_busy() -> None:
    """8.3: the device's BUSY ends the pass; the timer tries again."""
    board = stuck_board()
    board.device.interference = BusyHost(1)
    outcome = board.resize(0)
    assert (outcome.result, outcome.retry_ms) == ("ETXTBSY", 50_000)
    assert outcome.obstacles == (StuckPiece(None, None, None, outcome.result, 8 * MIB, Cause.DEVICE),)
    outcome = board.driver.fire_timer()
    board.verify()
    assert (outcome.result, outcome.size) == ("0", 0)


def removal_board(driver_policy: KernelPolicy | None) -> Board:
    """A captured guest: a memory block online without a plugged sub-block, and a page in it that cannot go."""
    board = build(TOY._replace(driver_policy=driver_policy))
    board.resize(16 * MIB)
    board.put(0, PageKind.UNMOVABLE)
    board.device.adopt([(8, 16)], 8 * MIB)
    board.driver.import_state([ImportedBlock(8, ZoneId.NORMAL, 0), ImportedBlock(9, ZoneId.NORMAL, 0xFF)])
    return board


def test_removal_that_fails_is_forgotten_up_to_6_1() -> None:
    """8.5: the block stays online, entirely unplugged, and the pass is a success."""
    board = removal_board(None)
    board.device.set_requested_size(7 * MIB)
    outcome = board.driver.run()
    assert (outcome.result, outcome.size, outcome.retry_ms) == ("0", 7 * MIB, 0)
    assert board.driver.count_blocks()["kernel_partial"] == 2


def test_removal_that_fails_is_retried_from_6_6_on() -> None:
    """8.3: EBUSY and the timer until the removal succeeds, although the target is met."""
    board = removal_board(RETRYING)
    board.device.set_requested_size(7 * MIB)
    outcome = board.driver.run()
    assert (outcome.result, outcome.size, outcome.retry_ms) == ("EBUSY", 7 * MIB, 50_000)
    board.node.free_runs(board.node.owned_pfns(TEST_OWNER))
    outcome = board.driver.fire_timer()
    assert (outcome.result, outcome.retry_ms) == ("0", 0)
    assert board.driver.count_blocks()["unused"] == 7
    board.verify()
