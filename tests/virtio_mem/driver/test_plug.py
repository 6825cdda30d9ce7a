"""Plug: partly plugged memory blocks first, then new ones, ascending; and everything that can stop it."""

import pytest

from app.mm.hotplug_rules import OnlinePolicy
from app.mm.page import PageKind
from app.mm.zone import ZoneId
from app.units import MIB
from app.virtio_mem.driver.causes import Cause
from app.virtio_mem.driver.report import StuckPiece
from tests.virtio_mem.board import TEST_OWNER, TOY, build
from tests.virtio_mem.interfering import BusyHost


def test_plug_adds_whole_memory_blocks_ascending() -> None:
    """8.4: one request for each memory block, the last one partly; all online at once."""
    board = build(TOY)
    outcome = board.resize(19 * MIB)
    assert board.requests() == [("PLUG", 0, 8, "ACK"), ("PLUG", 8, 8, "ACK"), ("PLUG", 16, 3, "ACK")]
    counts = board.driver.count_blocks()
    assert (counts["kernel"], counts["kernel_partial"], counts["unused"]) == (2, 1, 5)
    assert (outcome.counts.memory_blocks_added, outcome.counts.memory_blocks_onlined) == (3, 3)


def test_plug_completes_partial_memory_blocks_first() -> None:
    """8.4: the hole above is filled with one request before a new memory block is added."""
    board = build(TOY)
    board.resize(3 * MIB)
    board.resize(10 * MIB)
    assert board.requests()[1:] == [("PLUG", 3, 5, "ACK"), ("PLUG", 8, 2, "ACK")]
    assert board.driver.count_blocks()["kernel"] == 1


def test_plug_fills_each_hole_with_one_request() -> None:
    """8.4: lowest hole first, contiguous, also when the wish ends inside a hole."""
    board = build(TOY)
    board.resize(8 * MIB)
    for offset in (1, 4):
        board.put(offset * MIB, PageKind.UNMOVABLE)
    board.resize(0)
    board.resize(6 * MIB)
    assert board.requests()[-3:] == [("PLUG", 0, 1, "ACK"), ("PLUG", 2, 2, "ACK"), ("PLUG", 5, 1, "ACK")]


def test_plug_prefers_kernel_to_movable_to_offline_blocks() -> None:
    """8.4: the order of states decides, not the address."""
    board = build(TOY._replace(online=OnlinePolicy.OFFLINE))
    board.resize(24 * MIB)
    for memory_block, zone in ((8, ZoneId.MOVABLE), (9, ZoneId.MOVABLE), (10, ZoneId.NORMAL)):
        board.online(memory_block, zone)
    for offset in (*range(7), *range(8, 15), *range(16, 23)):  # all but the top sub-block of each
        board.put(offset * MIB, PageKind.PINNED)
    board.resize(21 * MIB)
    board.node.free_runs(board.node.owned_pfns(TEST_OWNER))
    assert board.offline(8) == "0"
    sent = len(board.requests())
    board.resize(24 * MIB)
    assert board.requests()[sent:] == [("PLUG", 23, 1, "ACK"), ("PLUG", 15, 1, "ACK"), ("PLUG", 7, 1, "ACK")]


def test_plug_half_of_a_chunk_that_was_taken_whole_frees_that_half_only() -> None:
    """D-16: what was taken as one piece comes back piece by piece; INV-21 is checked by resize()."""
    board = build(TOY)
    board.resize(8 * MIB)
    board.resize(4 * MIB)  # takes chunks 6 and 4
    board.resize(5 * MIB)
    node = board.node
    kinds = [node.kind_of(board.pfn(offset * MIB)) for offset in range(8)]
    assert kinds == [PageKind.FREE] * 5 + [PageKind.OFFLINE] * 3


def test_plug_memory_that_was_never_online_makes_it_free() -> None:
    """8.7: sub-blocks unplugged when their block went online come by generic onlining; managed grows with them."""
    board = build(TOY)
    board.resize(2 * MIB)
    managed = board.node.zones[ZoneId.NORMAL].managed
    board.resize(7 * MIB)
    assert board.node.zones[ZoneId.NORMAL].managed == managed + 5 * MIB // board.node.geometry.page_size


def test_rest_smaller_than_a_subblock_is_left_alone() -> None:
    """8.4, recorded on 5.10: 1030 MiB asked for, 1028 MiB reached; 1026 MiB asked for, 1028 MiB stay."""
    board = build(TOY._replace(policy="linux-5.15"))  # sub-blocks of 2 MiB
    assert board.resize(5 * MIB).size == 4 * MIB
    outcome = board.resize(3 * MIB)
    assert (outcome.size, outcome.result, outcome.obstacles) == (4 * MIB, "0", ())


def test_usable_region_ends_the_plug_with_enospc() -> None:
    """8.4: no memory block beyond the usable region; the driver waits for an event, no timer is armed."""
    board = build(TOY)
    board.device.usable_region_size = 20 * MIB  # narrower than its target allows
    board.device.requested_size = 40 * MIB
    board.device.generation += 1
    outcome = board.driver.run()
    assert (outcome.size, outcome.result, outcome.retry_ms) == (16 * MIB, "ENOSPC", 0)
    assert outcome.obstacles == (StuckPiece(None, None, None, outcome.result, 24 * MIB, Cause.REGION),)


@pytest.mark.parametrize(("kernel", "limit"), [("linux-5.19", 1024), ("linux-5.10", 80)])
def test_offline_memory_ends_the_plug_with_enospc(kernel: str, limit: int) -> None:
    """D-6, as recorded: 1 GiB that nobody onlines on newer drivers, ten memory blocks on 5.10."""
    machine = TOY._replace(policy=kernel, online=OnlinePolicy.OFFLINE, region_size=2048 * MIB)
    board = build(machine)
    outcome = board.resize(2048 * MIB)
    assert (outcome.size, outcome.result, outcome.retry_ms) == (limit * MIB, "ENOSPC", 0)
    assert outcome.obstacle_count == 1


@pytest.mark.parametrize(("kernel", "limit", "woken_by"), [("linux-5.10", 10, 0), ("linux-5.19", 128, 63)])
def test_onlining_by_hand_lets_the_plug_go_on(kernel: str, limit: int, woken_by: int) -> None:
    """D-6, as recorded: onlining what is there makes it go on by as much again; newer ones wait for half of it."""
    board = build(TOY._replace(policy=kernel, online=OnlinePolicy.OFFLINE, region_size=4096 * MIB))
    board.resize(4096 * MIB)
    woken = []
    for number in range(limit):
        board.online(8 + number, ZoneId.MOVABLE)
        woken.append(board.driver.is_work_queued)
    assert woken.index(True) == woken_by
    outcome = board.driver.run()
    board.verify()
    assert outcome.size == 2 * limit * 8 * MIB
    assert not board.driver.is_work_queued


def test_no_room_for_a_memmap_gives_the_subblocks_back() -> None:
    """D-7: adding fails with ENOMEM, the sub-blocks are unplugged again, and the timer is armed."""
    board = build(TOY)
    node = board.node
    node.alloc_pages(PageKind.UNMOVABLE, 0, node.zones[ZoneId.NORMAL].nr_free, owner=TEST_OWNER)
    outcome = board.resize(16 * MIB)
    assert board.requests() == [("PLUG", 0, 8, "ACK"), ("UNPLUG", 0, 8, "ACK")]
    assert (outcome.size, outcome.result, outcome.retry_ms) == (0, "ENOMEM", 50_000)
    assert outcome.obstacles == (
        StuckPiece(board.pfn(0), None, None, outcome.result, 16 * MIB, Cause.MEMORY),
    )
    assert board.driver.count_blocks()["unused"] == 8


def test_busy_device_ends_the_plug_and_keeps_what_was_done() -> None:
    """D-8: the second memory block is refused, the first stays."""
    board = build(TOY)
    board.resize(8 * MIB)
    board.device.interference = BusyHost(1)
    outcome = board.resize(16 * MIB)
    assert (outcome.size, outcome.result, outcome.retry_ms) == (8 * MIB, "ETXTBSY", 50_000)
    assert outcome.obstacles[0].nr_bytes == 8 * MIB


def test_unused_memory_blocks_are_reused_from_below() -> None:
    """D-1, 8.4: a hole that unplug left is filled before anything is added above."""
    board = build(TOY)
    board.resize(24 * MIB)
    for offset in (*range(8), *range(16, 24)):
        board.put(offset * MIB, PageKind.UNMOVABLE)
    board.resize(16 * MIB)
    assert board.driver.count_blocks()["unused"] == 6
    board.resize(32 * MIB)
    assert board.requests()[-2:] == [("PLUG", 8, 8, "ACK"), ("PLUG", 24, 8, "ACK")]


def test_adjacent_unused_memory_blocks_are_all_reused() -> None:
    """D-1: three holes in a row are filled one after the other."""
    board = build(TOY)
    board.resize(32 * MIB)
    for offset in range(24, 32):
        board.put(offset * MIB, PageKind.UNMOVABLE)
    board.resize(8 * MIB)
    board.resize(32 * MIB)
    assert board.requests()[-3:] == [("PLUG", 0, 8, "ACK"), ("PLUG", 8, 8, "ACK"), ("PLUG", 16, 8, "ACK")]
