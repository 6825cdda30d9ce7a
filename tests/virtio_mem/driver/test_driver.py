"""The work item: passes, retry timer, results, abort by a new config, captured guests, and recorded traces."""

import pytest

from app.mm.hotplug_rules import OnlinePolicy
from app.mm.page import PageKind
from app.mm.policies.policy import POLICIES
from app.mm.zone import ZoneId
from app.trace.events import DriverPassEnded, Event, RequestAnswered
from app.trace.sink import ListSink
from app.units import GIB, MIB
from app.virtio_mem.device import Device
from app.virtio_mem.driver.driver import MAX_PASSES, RETRY_MAX_MS, Driver, DriverState, ImportedBlock
from app.virtio_mem.driver.options import DriverOptions
from app.virtio_mem.driver.report import PassCounts
from app.virtio_mem.driver.requests import RequestQueue
from app.virtio_mem.invariants import verify_driver
from app.virtio_mem.protocol import ResponseType
from tests.virtio_mem.board import TEST_OWNER, TOY, Machine, build
from tests.virtio_mem.interfering import BusyHost

TWO_LEVELS = ("memory_block", "pageblock")

Recording = tuple[tuple[int, int, list[tuple[str, int, int, int, int]]], ...]
# What a real guest of 4 GiB asked for while it was idle, all in ZONE_MOVABLE, step by step in MiB: target,
# size reached, and per run of equal requests: request, first device block, blocks, how often, stride.
RECORDED_6_1: Recording = (
    (1024, 1024, [("PLUG", 0, 64, 8, 64)]),
    (4096, 4096, [("PLUG", 512, 64, 24, 64)]),
    (1024, 1024, [("UNPLUG", 1984, 64, 24, -64)]),
    (1030, 1030, [("PLUG", 512, 3, 1, 0)]),
    (1026, 1026, [("UNPLUG", 514, 1, 2, -1)]),
    (1224, 1224, [("PLUG", 513, 63, 1, 0), ("PLUG", 576, 36, 1, 0)]),
    (1014, 1014, [("UNPLUG", 611, 1, 36, -1), ("UNPLUG", 512, 64, 1, 0), ("UNPLUG", 511, 1, 5, -1)]),
    (512, 512, [("UNPLUG", 506, 1, 59, -1), ("UNPLUG", 384, 64, 3, -64)]),
    (0, 0, [("UNPLUG", 192, 64, 4, -64)]),
)
RECORDED_5_10: Recording = (
    *RECORDED_6_1[:3],
    (1030, 1028, [("PLUG", 512, 2, 1, 0)]),
    (1026, 1028, []),
    (1224, 1224, [("PLUG", 514, 62, 1, 0), ("PLUG", 576, 36, 1, 0)]),
    (1014, 1016, [("UNPLUG", 610, 2, 18, -2), ("UNPLUG", 512, 64, 1, 0), ("UNPLUG", 510, 2, 2, -2)]),
    (512, 512, [("UNPLUG", 506, 2, 30, -2), ("UNPLUG", 384, 64, 3, -64)]),
    (0, 0, [("UNPLUG", 192, 64, 4, -64)]),
)


class ChangingSink(ListSink):
    """A host that sets a new target, and may become busy, when the n-th request has been answered."""

    def __init__(self, nth: int, size: int, *, busy: int = 0) -> None:
        """Waits for the n-th answer from now on."""
        super().__init__()
        self._busy = busy
        self.device: Device | None = None
        self._left = nth
        self._size = size

    def emit(self, event: Event) -> None:
        """Keeps the event, and acts once."""
        super().emit(event)
        if self.device is not None and isinstance(event, RequestAnswered):
            self._left -= 1
            if self._left == 0:
                self.device.set_requested_size(self._size)
                self.device.interference = BusyHost(self._busy)


@pytest.mark.parametrize(
    ("kernel", "recorded"), [("linux-5.10", RECORDED_5_10), ("linux-5.19", RECORDED_6_1)], ids=["5.10", "6.1"]
)
def test_requests_of_an_idle_guest_are_those_recorded(kernel: str, recorded: Recording) -> None:
    """Order and granularity of every PLUG and UNPLUG, as the real driver's."""
    machine = Machine(
        policy=kernel, fallback=TWO_LEVELS, online=OnlinePolicy.ONLINE_MOVABLE, region_size=4 * GIB
    )
    board = build(machine)
    for requested, reached, runs in recorded:
        sent = len(board.requests())
        outcome = board.resize(requested * MIB)
        expected = [
            (request, first + number * stride, blocks, "ACK")
            for request, first, blocks, count, stride in runs
            for number in range(count)
        ]
        assert board.requests()[sent:] == expected
        assert outcome.size == reached * MIB


def test_work_item_at_its_target_asks_for_nothing() -> None:
    """8.3: nothing to do is a success in one pass."""
    board = build(TOY)
    outcome = board.driver.run()
    assert (outcome.result, outcome.nr_passes, board.requests()) == ("0", 1, [])
    assert board.driver.state is DriverState.IDLE


def test_retry_timer_doubles_up_to_five_minutes_and_resets() -> None:
    """D-3, as recorded: 50, 100, 200, then 300 s; back to 50 after a success."""
    board = build(TOY)
    board.resize(8 * MIB)
    board.put(0, PageKind.UNMOVABLE)
    waits = [board.resize(0).retry_ms]
    assert board.driver.state is DriverState.WAITING_RETRY
    for _ in range(5):
        waits.append(board.driver.fire_timer().retry_ms)
        board.verify()
    assert waits == [50_000, 100_000, 200_000, RETRY_MAX_MS, RETRY_MAX_MS, RETRY_MAX_MS]
    board.node.free_runs(board.node.owned_pfns(TEST_OWNER))
    assert board.driver.fire_timer().retry_ms == 0
    board.resize(8 * MIB)
    board.put(0, PageKind.UNMOVABLE)
    assert board.resize(0).retry_ms == 50_000


def test_new_target_does_not_wait_for_the_timer_nor_reset_it() -> None:
    """D-3: a config change runs the work at once; the interval stays what it had grown to."""
    board = build(TOY)
    board.resize(8 * MIB)
    board.put(0, PageKind.UNMOVABLE)
    board.resize(0)
    board.driver.fire_timer()
    assert board.resize(0).retry_ms == 100_000


def test_error_response_breaks_the_driver_for_good() -> None:
    """D-4, INV-26: after an ERROR it sends nothing any more, whatever the host asks for."""
    board = build(TOY)
    board.resize(8 * MIB)
    board.device.process_unplug(board.device.region.addr, 8)  # behind the driver's back
    board.device.set_requested_size(0)
    board.driver.book.queue.refresh()
    board.driver.book.queue.plugged_size = 8 * MIB
    outcome = board.driver.run()
    assert (outcome.result, outcome.retry_ms) == ("EINVAL", 0)
    assert outcome.obstacles[0].result == "EINVAL"
    assert board.driver.state is DriverState.BROKEN
    sent = len(board.requests())
    board.device.set_requested_size(16 * MIB)
    assert board.driver.run().nr_passes == 0
    assert len(board.requests()) == sent


def test_target_raised_during_an_unplug_turns_it_into_a_plug() -> None:
    """S34, D-2: the next request is not sent, the pages of that unit go back, and the work restarts."""
    sink = ChangingSink(nth=2, size=24 * MIB)
    board = build(TOY, sink=sink)
    board.resize(24 * MIB)
    sink.device = board.device
    board.node.sink = board.sink
    outcome = board.resize(0)
    assert (outcome.result, outcome.size, outcome.requested_size) == ("0", 24 * MIB, 24 * MIB)
    unplugged = [request for request in board.requests() if request[0] == "UNPLUG"]
    assert unplugged == [("UNPLUG", 16, 8, "ACK"), ("UNPLUG", 8, 8, "ACK")]
    # The third memory block was taken before the change was noticed (config_abort = request).
    assert board.count_contig_calls() == 3
    assert board.attempts()[-1] == ("memory_block", 0, 8, "EAGAIN")


def test_target_raised_during_an_unplug_stops_a_newer_kernel_before_the_attempt() -> None:
    """S34: from 6.6 on the change is noticed before alloc_contig_range()."""
    sink = ChangingSink(nth=2, size=24 * MIB)
    board = build(TOY._replace(driver_policy=POLICIES["linux-6.6"]), sink=sink)
    board.resize(24 * MIB)
    sink.device = board.device
    board.node.sink = board.sink
    assert (board.resize(0).size, board.count_contig_calls()) == (24 * MIB, 2)


def test_target_changed_by_the_last_request_is_followed_at_once() -> None:
    """8.3: a notification that came during the last request queues the work again."""
    sink = ChangingSink(nth=1, size=3 * MIB)
    board = build(TOY, sink=sink)
    sink.device = board.device
    outcome = board.resize(8 * MIB)
    assert (outcome.size, outcome.requested_size) == (3 * MIB, 3 * MIB)


def test_busy_device_at_unplug_gives_the_pages_back() -> None:
    """S35: fake-offline succeeded, the device is busy: pages are free again, and the timer is armed."""
    board = build(TOY)
    board.resize(8 * MIB)
    free = board.node.zones[ZoneId.NORMAL].nr_free
    managed = board.node.zones[ZoneId.NORMAL].managed
    board.device.interference = BusyHost(1)
    outcome = board.resize(0)
    assert (outcome.result, outcome.size, outcome.retry_ms) == ("ETXTBSY", 8 * MIB, 50_000)
    assert (outcome.obstacle_count, outcome.obstacles[0].nr_bytes) == (1, 8 * MIB)
    assert next(iter(outcome.by_level.values())) == (0, 1, 0)  # the attempt itself did not fail
    zone = board.node.zones[ZoneId.NORMAL]
    assert (zone.nr_free, zone.managed) == (free, managed)
    assert board.driver.fire_timer().size == 0


def test_missing_migration_target_ends_the_work() -> None:
    """S36, as recorded: ENOMEM ends the pass; no smaller unit and no lower memory block is tried."""
    board = build(TOY._replace(online=OnlinePolicy.ONLINE_MOVABLE))
    board.resize(16 * MIB)
    node = board.node
    for offset in range(16):
        board.put(offset * MIB, PageKind.THP, order=3)
    node.alloc_pages(PageKind.UNMOVABLE, 0, node.zones[ZoneId.NORMAL].nr_free, owner=TEST_OWNER)
    outcome = board.resize(0)
    assert (outcome.result, outcome.size, outcome.retry_ms) == ("ENOMEM", 16 * MIB, 50_000)
    assert [event[1:] for event in board.attempts()] == [(8, 8, "ENOMEM")]
    piece = outcome.obstacles[0]
    # The huge page was split for want of a huge target; its base pages found none either.
    assert (piece.kind, piece.level, piece.nr_bytes) == (PageKind.ANON, "memory_block", 16 * MIB)
    assert (outcome.obstacle_count, outcome.counts.contig_calls) == (1, 1)


def test_shortage_after_busy_pieces_tells_both() -> None:
    """Pieces that failed on their own account stay told beside the shortage that ended the work."""
    board = build(TOY._replace(online=OnlinePolicy.ONLINE_MOVABLE))
    board.resize(16 * MIB)
    node = board.node
    for offset in range(8):
        board.put(offset * MIB, PageKind.THP, order=3)
    pfn = board.put(15 * MIB, PageKind.PINNED)
    node.alloc_pages(PageKind.UNMOVABLE, 0, node.zones[ZoneId.NORMAL].nr_free, owner=TEST_OWNER)
    outcome = board.resize(0)
    assert outcome.result == "ENOMEM"
    assert [(piece.result, piece.nr_bytes) for piece in outcome.obstacles] == [
        ("ENOMEM", 8 * MIB),
        ("EBUSY", 1 * MIB),
    ]
    assert outcome.obstacles[1].pfn == pfn


def test_unit_that_was_dissolved_is_no_piece_of_its_own() -> None:
    """A busy memory block or chunk whose sub-blocks were not reached is covered by the shortage alone."""
    board = build(TOY)
    board.resize(8 * MIB)
    for offset in range(7):
        board.put(offset * MIB, PageKind.THP, order=3)
    board.put(7 * MIB, PageKind.UNMOVABLE)
    zone = board.node.zones[ZoneId.NORMAL]
    board.node.alloc_pages(PageKind.UNMOVABLE, 0, zone.nr_free, owner=TEST_OWNER)
    outcome = board.resize(0)
    assert [result for *_, result in board.attempts()] == ["EBUSY", "EBUSY", "EBUSY", "ENOMEM"]
    pieces = [(piece.result, piece.nr_bytes) for piece in outcome.obstacles]
    assert pieces == [("ENOMEM", 7 * MIB), ("EBUSY", 1 * MIB)]
    assert outcome.obstacle_count == 2


def test_rollback_that_fails_is_made_up_for_by_the_next_pass() -> None:
    """D-7: adding fails, and the sub-blocks cannot be given back: PLUGGED until the cleanup of the next pass."""
    sink = ChangingSink(nth=1, size=8 * MIB)
    board = build(TOY, sink=sink)
    zone = board.node.zones[ZoneId.NORMAL]
    board.node.alloc_pages(PageKind.UNMOVABLE, 0, zone.nr_free, owner=TEST_OWNER)
    sink.device = board.device
    outcome = board.resize(8 * MIB)
    assert (outcome.result, outcome.size, outcome.nr_passes) == ("ENOMEM", 0, 2)
    assert [request for request, *_ in board.requests()] == ["PLUG", "UNPLUG", "PLUG", "UNPLUG"]


def test_pieces_of_an_unplug_are_forgotten_when_it_becomes_a_plug() -> None:
    """A piece that is wanted again is no obstacle; what stopped the plug is."""
    sink = ChangingSink(nth=2, size=64 * MIB, busy=1)
    board = build(TOY, sink=sink)
    board.resize(8 * MIB)
    board.put(7 * MIB, PageKind.UNMOVABLE)
    sink.device = board.device
    outcome = board.resize(0)
    assert (outcome.result, outcome.obstacle_count) == ("ETXTBSY", 1)
    assert [piece.result for piece in outcome.obstacles] == ["ETXTBSY"]


def test_over_request_is_run_again_and_stopped_in_the_end() -> None:
    """S37: a guest with a stale view plugs beyond the target, is refused, and runs again; counted and bounded."""
    board = build(TOY)
    board.device.set_requested_size(8 * MIB)
    board.driver.book.queue.refresh()
    board.device.requested_size = 0  # lowered without a notification
    outcome = board.driver.run()
    assert (outcome.result, outcome.nr_passes, outcome.is_livelocked) == ("EAGAIN", MAX_PASSES, True)
    assert board.device.answers == {("PLUG", ResponseType.NACK.name): MAX_PASSES}


def test_memory_plugged_by_an_earlier_kernel_is_unplugged_first() -> None:
    """D-5, V-15: UNPLUG_ALL until it succeeds, then the target is approached."""
    board = build(TOY)
    board.device.adopt([(0, 8)], 4 * MIB)
    driver = Driver(board.device, board.node, DriverOptions(), sink=board.sink)
    board.device.interference = BusyHost(1)
    outcome = driver.run()
    assert (outcome.result, outcome.retry_ms) == ("ETXTBSY", 50_000)
    outcome = driver.fire_timer()
    assert (outcome.result, outcome.size) == ("0", 4 * MIB)
    assert [request[0] for request in board.requests()] == ["UNPLUG_ALL", "UNPLUG_ALL", "PLUG"]
    assert verify_driver(driver, board.device) == []


def test_imported_state_is_resized_like_any_other() -> None:
    """A captured guest: full, partial and offline blocks, with a gap, are known as they were."""
    captured = build(TOY)
    captured.resize(24 * MIB)
    captured.put(9 * MIB, PageKind.UNMOVABLE)
    captured.resize(1 * MIB)
    board = build(TOY)
    board.resize(16 * MIB)
    board.node.alloc_at(board.pfn(9 * MIB), 0, PageKind.UNMOVABLE, owner=TEST_OWNER)
    driver = Driver(board.device, board.node, DriverOptions())
    driver.import_state([ImportedBlock(9, ZoneId.NORMAL, 0xFF), ImportedBlock(8, ZoneId.NORMAL, 0xFF)])
    assert verify_driver(driver, board.device) == []
    board.device.set_requested_size(0)
    outcome = driver.run()
    assert verify_driver(driver, board.device) == []
    assert outcome.size == captured.driver.run().size == 1 * MIB
    assert driver.count_blocks()["kernel_partial"] == 1


def test_imported_offline_block_counts_as_offline_memory() -> None:
    """INV-22: what was added and not online counts towards the limit of D-6."""
    board = build(TOY._replace(online=OnlinePolicy.OFFLINE))
    board.resize(16 * MIB)
    driver = Driver(board.device, board.node)
    driver.import_state([ImportedBlock(8, None, 0xFF), ImportedBlock(9, None, 0xFF)])
    assert driver.book.offline_size == 16 * MIB
    assert verify_driver(driver, board.device) == []


def test_each_pass_is_charged_and_told() -> None:
    """The clock gets the counts of every pass, and the event carries the time that it answers."""
    board = build(TOY)
    charged: list[PassCounts] = []

    def charge(counts: PassCounts, _: RequestQueue) -> int:
        charged.append(counts)
        return len(charged) * 1000

    board.driver.unload()
    driver = Driver(board.device, board.node, sink=board.sink, charge=charge)
    board.device.set_requested_size(16 * MIB)
    driver.run()
    board.device.set_requested_size(0)
    outcome = driver.run()
    passes = [event for event in board.sink.events if isinstance(event, DriverPassEnded)]
    assert [event.at_us for event in passes] == [1000, 2000, 3000]
    assert charged[0].memory_blocks_added == charged[0].memory_blocks_onlined == 2
    assert charged[0].plugged_bytes == charged[1].unplugged_bytes == 16 * MIB
    assert (charged[1].device_requests, charged[1].contig_calls, charged[1].contig_drains) == (2, 2, 2)
    assert charged[2] == PassCounts()
    assert outcome.counts == charged[1].plus(charged[2])


def test_count_blocks_has_the_states_of_the_driver() -> None:
    """The API's counts add up to the region's memory blocks, on old and new drivers."""
    for kernel, name in (("linux-5.10", "online"), ("linux-5.19", "kernel")):
        board = build(TOY._replace(policy=kernel))
        board.resize(16 * MIB)
        counts = board.driver.count_blocks()
        assert sum(counts.values()) == 8
        assert counts[name] == 2
