"""Adding big blocks: reused from below, ended by the region, undone where Linux has no room, cleaned up later."""

from app.mm.hotplug_rules import OnlinePolicy
from app.mm.page import PageKind
from app.mm.zone import ZoneId
from app.units import MIB
from app.virtio_mem.driver.causes import Cause
from app.virtio_mem.driver.options import ModuleParameters
from app.virtio_mem.driver.report import StuckPiece
from app.virtio_mem.protocol import Request, RequestType, ResponseType
from tests.virtio_mem.board import TEST_OWNER, TOY, Board, build

BIG = TOY._replace(parameters=ModuleParameters(force_bbm=True, bbm_block_size=16 * MIB))


def _fill_boot_memory(board: Board) -> None:
    node = board.node
    node.alloc_pages(PageKind.UNMOVABLE, 0, node.zones[ZoneId.NORMAL].nr_free, owner=TEST_OWNER)


def test_big_blocks_are_plugged_whole_from_below() -> None:
    """8.9: one request for each, then the whole of it is added and goes online."""
    board = build(BIG)
    outcome = board.resize(48 * MIB)
    assert board.requests() == [("PLUG", 0, 16, "ACK"), ("PLUG", 16, 16, "ACK"), ("PLUG", 32, 16, "ACK")]
    assert (outcome.result, outcome.counts.memory_blocks_added, outcome.counts.memory_blocks_onlined) == (
        "0",
        6,
        6,
    )
    assert board.driver.count_blocks() == {"unused": 1, "plugged": 0, "added": 3, "fake_offline": 0}


def test_hole_is_filled_before_anything_is_added_above() -> None:
    """D-1, D-9: unused big blocks ascending, then new ids."""
    board = build(BIG)
    board.resize(48 * MIB)
    board.put(33 * MIB, PageKind.UNMOVABLE)
    board.put(1 * MIB, PageKind.UNMOVABLE)
    assert board.resize(32 * MIB).size == 32 * MIB
    board.resize(64 * MIB)
    assert board.requests()[-2:] == [("PLUG", 16, 16, "ACK"), ("PLUG", 48, 16, "ACK")]


def test_target_that_differs_by_less_than_a_big_block_does_nothing() -> None:
    """S31: the difference holds no whole big block, up or down."""
    board = build(BIG)
    board.resize(16 * MIB)
    sent = len(board.requests())
    for size in (31 * MIB, 1 * MIB):
        outcome = board.resize(size)
        assert (outcome.result, outcome.size, outcome.nr_passes) == ("0", 16 * MIB, 1)
    assert len(board.requests()) == sent


def test_usable_region_ends_the_plug_with_enospc() -> None:
    """8.4: a big block that is usable in part is not plugged."""
    board = build(BIG)
    board.device.usable_region_size = 40 * MIB  # narrower than its target allows
    board.device.requested_size = 64 * MIB
    board.device.generation += 1
    outcome = board.driver.run()
    assert (outcome.size, outcome.result, outcome.retry_ms) == (32 * MIB, "ENOSPC", 0)


def test_offline_memory_ends_the_plug_until_it_is_onlined() -> None:
    """D-6, 8.8: memory block by memory block; below half the limit the driver wants to go on."""
    board = build(BIG._replace(online=OnlinePolicy.OFFLINE))
    board.driver.book.offline_threshold = 32 * MIB
    outcome = board.resize(64 * MIB)
    assert (outcome.size, outcome.result, outcome.retry_ms) == (32 * MIB, "ENOSPC", 0)
    queued = []
    for memory_block in (8, 9, 10):
        board.online(memory_block, ZoneId.MOVABLE)
        board.verify()
        queued.append(board.driver.is_work_queued)
    assert queued == [False, True, True]
    assert board.driver.run().size == 48 * MIB


def test_no_room_for_the_memmaps_gives_the_big_block_back() -> None:
    """D-7, 8.9: adding is all or nothing; the request is undone, and the timer is armed."""
    board = build(BIG)
    _fill_boot_memory(board)
    outcome = board.resize(32 * MIB)
    assert board.requests() == [("PLUG", 0, 16, "ACK"), ("UNPLUG", 0, 16, "ACK")]
    assert (outcome.size, outcome.result, outcome.retry_ms) == (0, "ENOMEM", 50_000)
    assert outcome.obstacles == (
        StuckPiece(board.pfn(0), None, None, outcome.result, 32 * MIB, Cause.MEMORY),
    )


def test_big_block_that_cannot_be_given_back_waits_for_the_next_cleanup() -> None:
    """D-7, 8.3: plugged and absent until a later pass unplugs it, before it does anything else."""
    board = build(BIG)
    _fill_boot_memory(board)
    board.device.interference = _busy_for_unplug
    outcome = board.resize(16 * MIB)
    assert (outcome.size, outcome.result) == (16 * MIB, "ENOMEM")
    assert board.driver.count_blocks()["plugged"] == 1
    board.device.interference = None
    board.node.free_runs(board.node.owned_pfns(TEST_OWNER))
    assert board.driver.fire_timer().size == 16 * MIB
    board.verify()
    assert board.requests()[-2:] == [("UNPLUG", 0, 16, "ACK"), ("PLUG", 0, 16, "ACK")]
    assert board.driver.count_blocks()["added"] == 1


def _busy_for_unplug(request: Request) -> ResponseType | None:
    return ResponseType.BUSY if request.type is RequestType.UNPLUG else None
