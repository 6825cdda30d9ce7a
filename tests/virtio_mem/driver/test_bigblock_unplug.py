"""Unplugging big blocks: passes, pages taken first, what is given back, and what a driver without safety does."""

from dataclasses import replace

import pytest

from app.mm.hotplug_rules import HotplugRules, OnlinePolicy
from app.mm.page import PageKind
from app.mm.zone import ZoneId
from app.units import GIB, MIB
from app.virtio_mem.driver.driver import DriverState
from app.virtio_mem.driver.options import ModuleParameters
from app.virtio_mem.driver.states import BlockState
from tests.virtio_mem.board import TEST_OWNER, TOY, Board, Machine, build
from tests.virtio_mem.interfering import BusyHost

PARAMETERS = ModuleParameters(force_bbm=True, bbm_block_size=16 * MIB)
# Four big blocks of two memory blocks, each of two sections.
BIG = TOY._replace(parameters=PARAMETERS)
UNSAFE = BIG._replace(parameters=replace(PARAMETERS, bbm_safe_unplug=False))


def full(machine: Machine = BIG) -> Board:
    """All four big blocks plugged."""
    board = build(machine)
    board.resize(64 * MIB)
    return board


def free_all(board: Board) -> None:
    """Frees what tests put down."""
    board.node.free_runs(board.node.owned_pfns(TEST_OWNER))


@pytest.mark.parametrize(
    ("online", "attempts"), [(OnlinePolicy.ONLINE_MOVABLE, (44, 40)), (OnlinePolicy.ONLINE_KERNEL, (8, 4))]
)
def test_pin_in_every_second_big_block_leaves_these(online: OnlinePolicy, attempts: tuple[int, int]) -> None:
    """Recorded on 6.1: order, results and number of calls; a section that fails is tried five times in ZONE_MOVABLE."""
    board = build(Machine(block_size=256 * MIB, region_size=4 * GIB, boot_size=2 * GIB, online=online))
    board.resize(GIB)
    for offset in (0, 512 * MIB):
        board.put(offset, PageKind.PINNED)
    outcome = board.resize(0)
    assert board.requests()[4:] == [("UNPLUG", 3, 1, "ACK"), ("UNPLUG", 1, 1, "ACK")]
    (tally,) = outcome.by_level.values()
    assert (tally.nr_bytes, tally.attempts, tally.failed) == (512 * MIB, *attempts)
    assert (outcome.result, outcome.retry_ms, outcome.nr_passes) == ("EBUSY", 50_000, 2)
    pieces = [(piece.pfn, piece.kind, piece.nr_bytes) for piece in outcome.obstacles]
    pinned = [board.pfn(512 * MIB), board.pfn(0)]
    assert pieces == [(pfn, PageKind.PINNED, 256 * MIB) for pfn in pinned]


def test_offline_then_movable_then_kernel_memory_is_taken() -> None:
    """8.9: three passes, each from the top down."""
    board = full()
    for memory_block, zone in ((8, None), (9, None), (10, ZoneId.MOVABLE), (11, None), (14, ZoneId.MOVABLE)):
        board.offline(memory_block)
        if zone is not None:
            board.online(memory_block, zone)
    board.verify()
    board.resize(0)
    assert [attempt[1] for attempt in board.attempts()] == [0, 16, 48, 32]


def test_offline_big_block_goes_without_an_attempt() -> None:
    """8.9: nothing has to be taken of it, also where online memory may not be unplugged."""
    board = full(BIG._replace(parameters=replace(PARAMETERS, unplug_online=False)))
    outcome = board.resize(32 * MIB)
    assert (outcome.result, outcome.size, outcome.retry_ms) == ("0", 64 * MIB, 0)
    board.offline(10)
    assert board.driver.run().size == 64 * MIB
    board.offline(11)
    assert board.driver.is_work_queued
    outcome = board.driver.run()
    board.verify()
    assert (outcome.size, outcome.offline_bytes, outcome.counts.contig_calls) == (48 * MIB, 16 * MIB, 0)


def test_failure_in_a_later_section_gives_the_earlier_ones_back() -> None:
    """8.9: no page stays taken, none stops being managed, and the big block is tried again."""
    board = full()
    zone = board.node.zones[ZoneId.NORMAL]
    managed = zone.managed
    board.put(13 * MIB, PageKind.UNMOVABLE)  # in the last of the first big block's four sections
    outcome = board.resize(0)
    assert (outcome.size, outcome.result) == (16 * MIB, "EBUSY")
    # Three sections were taken in each try.
    assert outcome.counts.contig_calls >= 2 * 4
    assert board.node.kind_of(board.pfn(0)) is PageKind.FREE
    assert managed - zone.managed == 48 * MIB // board.node.geometry.page_size
    free_all(board)
    assert board.driver.fire_timer().size == 0
    board.verify()


def test_every_stop_breaks_no_law() -> None:
    """INV-30: between two acts a big block may be on its way out, with exactly the pages that were taken."""
    board = full()
    board.put(21 * MIB, PageKind.UNMOVABLE)
    board.device.set_requested_size(0)
    board.driver.begin()
    states: set[int] = set()
    while board.driver.step():
        board.verify()
        states.update(board.driver.book.blocks.states)
    board.verify()
    assert BlockState.FAKE_OFFLINE in states
    assert board.device.plugged_size == 16 * MIB


def test_busy_device_leaves_a_big_block_plugged_and_absent() -> None:
    """8.9: Linux has given it up; the next pass, which follows at once, begins with it."""
    board = full()
    board.device.interference = BusyHost(2)
    outcome = board.resize(48 * MIB)
    assert (outcome.size, outcome.result, outcome.retry_ms) == (64 * MIB, "ETXTBSY", 50_000)
    assert board.driver.count_blocks()["plugged"] == 1
    assert board.driver.fire_timer().size == 48 * MIB
    board.verify()
    assert board.requests()[-3:] == [("UNPLUG", 48, 16, answer) for answer in ("BUSY", "BUSY", "ACK")]


@pytest.mark.parametrize(("kernel", "calls"), [("linux-5.19", 4), ("linux-6.17", 1)])
def test_new_target_is_noticed_at_the_request_or_before_each_section(kernel: str, calls: int) -> None:
    """S34, D-2, 8.7: older drivers take all sections first, and then have the memory unplugged by the next cleanup."""
    board = full(BIG._replace(policy=kernel))
    board.node.sink = board.sink
    board.device.set_requested_size(0)
    board.driver.begin()
    for _ in range(2):
        board.driver.step()
    board.device.set_requested_size(64 * MIB)
    outcome = board.driver.finish()
    board.verify()
    assert (outcome.size, outcome.result, board.count_contig_calls()) == (64 * MIB, "0", calls)


def test_memory_onlined_meanwhile_stays_with_the_driver_until_it_gives_up() -> None:
    """8.9: all memory of a big block on its way out is kept, also what goes online by hand; then all comes back."""
    board = full()
    board.offline(14)
    board.driver.run()
    board.device.set_requested_size(48 * MIB)
    board.driver.begin()
    for _ in range(3):
        assert board.driver.step()
    assert board.bbm.blocks.states[3] == BlockState.FAKE_OFFLINE
    board.online(14, ZoneId.NORMAL)
    assert board.node.kind_of(board.pfn(48 * MIB)) is PageKind.OFFLINE
    board.verify()
    board.offline(15)
    board.verify()
    board.driver.finish()
    board.verify()
    assert board.bbm.taken == []


# --------------------------------------------------------------------------------- without safety


def test_unsafe_unplug_offlines_without_taking_pages_first() -> None:
    """8.9, as recorded: no call of alloc_contig_range; free and movable memory goes all the same."""
    board = full(UNSAFE)
    board.put(3 * MIB, PageKind.ANON)
    outcome = board.resize(0)
    assert (outcome.size, outcome.result, outcome.counts.contig_calls) == (0, "0", 0)
    assert outcome.counts.memory_blocks_offlined == 8


def test_unsafe_unplug_passes_over_an_unmovable_page() -> None:
    """HP-5: isolation finds it at once, which is EBUSY; the big blocks below are tried."""
    board = full(UNSAFE)
    pfn = board.put(36 * MIB, PageKind.UNMOVABLE)
    outcome = board.resize(0)
    assert (outcome.size, outcome.result) == (16 * MIB, "EBUSY")
    assert (outcome.obstacles[0].pfn, outcome.obstacles[0].kind) == (pfn, PageKind.UNMOVABLE)


def test_unsafe_unplug_hangs_at_a_pin_until_the_simulator_gives_up() -> None:
    """HP-6, as recorded: the driver never comes to what lies below; it is done once the pin has gone."""
    board = full(UNSAFE._replace(online=OnlinePolicy.ONLINE_MOVABLE))
    board.node.hotplug_rules = HotplugRules(OnlinePolicy.ONLINE_MOVABLE, offline_max_rounds=10)
    pfn = board.put(36 * MIB, PageKind.PINNED)
    outcome = board.resize(0)
    assert (outcome.size, outcome.result, outcome.retry_ms) == (48 * MIB, "EINTR", 50_000)
    assert board.driver.state is DriverState.WAITING_RETRY
    assert (outcome.obstacles[0].pfn, outcome.obstacles[0].result) == (pfn, "EINTR")
    free_all(board)
    assert board.driver.fire_timer().size == 0
    board.verify()


def test_newer_driver_does_not_know_how_to_be_unsafe() -> None:
    """8.10: from 6.6 on the parameter is gone, and passed over."""
    board = full(UNSAFE._replace(policy="linux-6.6"))
    assert board.driver.ignored_parameters == ("bbm_safe_unplug",)
    assert board.resize(0).counts.contig_calls == 16
