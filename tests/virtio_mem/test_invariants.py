"""The checks of device and driver: each finds its law broken, and a random life of a guest breaks none."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from app.mm import contig, page_offline
from app.mm.checks.invariants import verify
from app.mm.checks.ownership import placed_owner
from app.mm.hotplug_rules import HotplugRules, OnlinePolicy
from app.mm.outcome import Errno
from app.mm.page import PageKind
from app.mm.zone import ZoneId
from app.trace.events import DriverPassEnded, MemoryBlockChanged
from app.units import MIB
from app.virtio_mem.driver.driver import Driver, DriverState
from app.virtio_mem.driver.options import ModuleParameters
from app.virtio_mem.driver.states import BlockState
from app.virtio_mem.invariants import verify_device, verify_driver
from app.virtio_mem.protocol import Request, RequestType
from tests.virtio_mem.board import TOY, Board, build
from tests.virtio_mem.interfering import BusyHost
from tests.virtio_mem.recording import Recording

BIG_BLOCKS = ModuleParameters(force_bbm=True, bbm_block_size=16 * MIB)


def sound_board() -> Board:
    """Two full memory blocks and a partial one, of which two sub-blocks were taken online."""
    board = build(TOY)
    board.resize(24 * MIB)
    board.resize(22 * MIB)
    return board


def test_sound_device_and_driver_break_no_law() -> None:
    """Nothing is reported for a board at rest."""
    board = sound_board()
    assert verify_device(board.device) == []
    assert verify_driver(board.driver, board.device) == []


def _set(name: str, value: object) -> Callable[[Board], None]:
    def act(board: Board) -> None:
        setattr(board.device, name, value)

    return act


@pytest.mark.parametrize(
    ("breaks", "where"),
    [
        (_set("plugged_size", 21 * MIB), "device vm0 plugged_size"),
        (_set("usable_region_size", 10 * MIB), "device vm0 usable_region_size"),
        (_set("usable_region_size", 65 * MIB), "device vm0 usable_region_size"),
        (_set("requested_size", 22 * MIB + 1), "device vm0 requested_size"),
    ],
)
def test_broken_device_is_found(breaks: Callable[[Board], None], where: str) -> None:
    """INV-17: each field is checked against the blocks and the other fields."""
    board = sound_board()
    breaks(board)
    found = verify_device(board.device)
    assert {violation.id for violation in found} == {"INV-17"}
    assert where in [violation.where for violation in found]


def _unplug_behind(board: Board) -> None:
    board.device.process_unplug(board.device.region.addr, 1)


def _set_state(board: Board) -> None:
    board.driver.book.blocks.set_state(0, BlockState.MOVABLE)


def _miscount(board: Board) -> None:
    board.driver.book.blocks.counts[BlockState.KERNEL] += 1


def _use_beyond(board: Board) -> None:
    board.driver.book.blocks.states[7] = BlockState.KERNEL


def _clear_offline(board: Board) -> None:
    page_offline.clear_offline(board.node, board.pfn(23 * MIB), board.pfn(24 * MIB))


def _drop_reference(board: Board) -> None:
    board.node.released.append((board.pfn(23 * MIB), board.pfn(24 * MIB)))


def _misplace_offline(board: Board) -> None:
    board.driver.book.offline_size += 8 * MIB


def _arm_wrongly(board: Board) -> None:
    board.driver.armed_ms = 1000


def _miss_a_step(board: Board) -> None:
    board.driver.retry_ms = 60_000


def _arm_broken(board: Board) -> None:
    board.driver.is_broken = True
    board.driver.armed_ms = 50_000


def _disarm(board: Board) -> None:
    board.driver.last_result = Errno.EBUSY


def _miss_target(board: Board) -> None:
    board.driver.book.queue.requested_size = 10 * MIB


@pytest.mark.parametrize(
    ("breaks", "law"),
    [
        (_unplug_behind, "INV-18"),
        (_set_state, "INV-19"),
        (_miscount, "INV-20"),
        (_use_beyond, "INV-20"),
        (_clear_offline, "INV-21"),
        (_drop_reference, "INV-21"),
        (_misplace_offline, "INV-22"),
        (_arm_wrongly, "INV-26"),
        (_miss_a_step, "INV-26"),
        (_arm_broken, "INV-26"),
        (_disarm, "INV-28"),
        (_miss_target, "INV-28"),
    ],
)
def test_broken_driver_is_found(breaks: Callable[[Board], None], law: str) -> None:
    """Each law's check names it when it alone is broken."""
    board = sound_board()
    breaks(board)
    assert law in {violation.id for violation in verify_driver(board.driver, board.device)}


def _take_unasked(board: Board) -> None:
    board.driver.book.blocks.set_state(0, BlockState.FAKE_OFFLINE)


def _lose_a_big_block(board: Board) -> None:
    board.driver.book.blocks.set_state(0, BlockState.UNUSED)


def _take_a_pageblock(board: Board) -> None:
    first, end = board.pfn(0), board.pfn(MIB)
    assert contig.alloc_contig_range(board.node, first, end, kind=PageKind.OFFLINE).result is Errno.OK


@pytest.mark.parametrize(
    ("breaks", "law"),
    [
        (_unplug_behind, "INV-18"),
        (_take_unasked, "INV-30"),
        (_lose_a_big_block, "INV-30"),
        (_misplace_offline, "INV-22"),
        (_take_a_pageblock, "INV-21"),
    ],
)
def test_broken_driver_of_big_blocks_is_found(breaks: Callable[[Board], None], law: str) -> None:
    """A big block is on its way out only while the driver works, and has pages taken only then."""
    board = build(TOY._replace(parameters=BIG_BLOCKS))
    board.resize(32 * MIB)
    breaks(board)
    assert law in {violation.id for violation in verify_driver(board.driver, board.device)}


def record(board: Board) -> Recording:
    """Returns a recording of a board's device that allows 24 MiB to be offline."""
    return Recording(board.device, memory_block_size=8 * MIB, most_offline=24 * MIB)


def _send_stale(recording: Recording, board: Board) -> None:
    assert recording.config
    board.device.set_requested_size(8 * MIB)
    for kind in (RequestType.STATE, RequestType.UNPLUG_ALL, RequestType.PLUG):
        recording.handle(Request(kind, board.device.region.addr, 1))


def _speak_when_broken(recording: Recording, board: Board) -> None:
    assert recording.config
    recording.emit(DriverPassEnded("vm0", "ENOSPC", 0, 0, 0))
    recording.handle(Request(RequestType.STATE, board.device.region.addr, 1))
    recording.emit(DriverPassEnded("vm0", "EINVAL", 0, 0, 0))
    recording.handle(Request(RequestType.STATE, board.device.region.addr, 1))


def _skip_a_step(recording: Recording, board: Board) -> None:
    for result, retry_ms in (("EBUSY", 50_000), ("EBUSY", 50_000), ("EBUSY", 100_000), ("EBUSY", 300_000)):
        recording.emit(DriverPassEnded(board.device.id, result, 0, retry_ms, 0))


def _begin_late(recording: Recording, board: Board) -> None:
    for result, retry_ms in (("EBUSY", 50_000), ("EBUSY", 100_000), ("0", 0), ("ENOMEM", 100_000)):
        recording.emit(DriverPassEnded(board.device.id, result, 0, retry_ms, 0))


def _add_too_much(recording: Recording, board: Board) -> None:
    first = board.device.region.addr // (8 * MIB)
    for block_id, state in ((0, "offline"), (1, "offline"), (0, "online"), (2, "offline"), (3, "offline")):
        recording.emit(MemoryBlockChanged(first + block_id, state, ""))
    # Offlined by hand: no addition. The one after it is one too many.
    recording.emit(MemoryBlockChanged(first, "offline", ""))
    assert recording.found == []
    recording.emit(MemoryBlockChanged(first + 4, "offline", ""))


@pytest.mark.parametrize(
    ("breaks", "law"),
    [
        (_send_stale, "INV-27"),
        (_speak_when_broken, "INV-26"),
        (_skip_a_step, "INV-26"),
        (_begin_late, "INV-26"),
        (_add_too_much, "INV-22"),
    ],
)
def test_broken_order_is_found_in_a_recording(breaks: Callable[[Recording, Board], None], law: str) -> None:
    """Exactly the last of the acts breaks the law; what comes before it is allowed."""
    board = build(TOY)
    recording = record(board)
    breaks(recording, board)
    assert [violation.id for violation in recording.found] == [law]


def test_target_that_changes_in_a_pass_is_read_before_the_next_request() -> None:
    """INV-27, as it happens: the host changes its mind at the third request of a plug."""
    board = build(TOY)
    recording = record(board)
    board.driver.unload()
    driver = Driver(recording, board.node, board.driver.options, sink=recording)

    def interfere(request: Request) -> None:
        del request
        if len(board.requests()) == 2:
            board.device.set_requested_size(8 * MIB)

    board.device.interference = interfere
    board.device.set_requested_size(40 * MIB)
    driver.run()
    assert (board.device.plugged_size, recording.found) == (8 * MIB, [])


class LifeOfAGuest(RuleBasedStateMachine):
    """Resizes, allocations, pins, a busy device, blocks set online and offline by hand: no law breaks on the way."""

    machine = TOY

    def __init__(self) -> None:
        """Starts with nothing plugged, and every step of the driver recorded."""
        super().__init__()
        board = build(self.machine)
        self.recording = record(board)
        board.driver.unload()
        board.node.sink = self.recording
        driver = Driver(self.recording, board.node, board.driver.options, sink=self.recording)
        # Reached in such a small region, too (D-6).
        driver.book.offline_threshold = 24 * MIB
        self.board = board._replace(driver=driver)
        self.owner = 100

    @initialize(online=st.sampled_from([OnlinePolicy.OFFLINE, OnlinePolicy.ONLINE_KERNEL]))
    def begin(self, online: OnlinePolicy) -> None:
        """Added memory waits to be onlined in every second life."""
        self.board.node.hotplug_rules = HotplugRules(online, offline_max_rounds=3)

    @rule(size=st.integers(0, 64))
    def resize(self, size: int) -> None:
        """Sets any target and runs the driver; what stays above it has a reason."""
        self.board.device.set_requested_size(size * MIB)
        outcome = self.board.driver.run()
        assert outcome.size == self.board.device.plugged_size
        unit = self.board.driver.unit_size
        if outcome.result is Errno.OK:
            assert abs(outcome.size - size * MIB) < unit
        elif outcome.size > size * MIB:
            assert outcome.obstacle_count >= 1
            left = (outcome.size - size * MIB) // unit * unit
            assert sum(piece.nr_bytes for piece in outcome.obstacles) >= left
        moved = sum(tally.nr_bytes for tally in outcome.by_level.values()) + outcome.offline_bytes
        assert moved <= outcome.counts.unplugged_bytes  # a plug that failed is undone as well

    @rule(
        kind=st.sampled_from([PageKind.ANON, PageKind.UNMOVABLE, PageKind.PINNED, PageKind.FILE_CLEAN]),
        count=st.integers(1, 300),
        order=st.integers(0, 2),
    )
    def allocate(self, kind: PageKind, count: int, order: int) -> None:
        """Allocates wherever the buddy likes."""
        self.owner += 1
        order = order if kind is PageKind.UNMOVABLE else 0
        self.board.node.alloc_pages(kind, order, count, owner=self.owner)

    @rule(offset=st.integers(0, 511), kind=st.sampled_from([PageKind.ANON, PageKind.UNMOVABLE]))
    def put(self, offset: int, kind: PageKind) -> None:
        """Puts one page somewhere into the region, if it is free."""
        self.board.node.alloc_at(self.board.pfn(offset * 128 * 1024), 0, kind, owner=placed_owner(1))

    @rule(back=st.integers(0, 3))
    def free(self, back: int) -> None:
        """Frees one of the newest allocations."""
        self.board.node.free_runs(self.board.node.owned_pfns(self.owner - back))

    @rule(count=st.integers(0, 2))
    def make_device_busy(self, count: int) -> None:
        """Makes the next requests busy."""
        self.board.device.interference = BusyHost(count)

    @rule()
    def fire_timer(self) -> None:
        """Lets the retry timer expire if it is armed."""
        if self.board.driver.state is DriverState.WAITING_RETRY:
            self.board.driver.fire_timer()

    @rule(memory_block=st.integers(8, 15))
    def offline_by_hand(self, memory_block: int) -> None:
        """Sets a memory block offline, and lets the driver react."""
        if self.board.offline(memory_block) is Errno.OK:
            self.board.driver.run()

    @rule(memory_block=st.integers(8, 15), zone=st.sampled_from([ZoneId.NORMAL, ZoneId.MOVABLE]))
    def online_by_hand(self, memory_block: int, zone: ZoneId) -> None:
        """Sets a memory block online, and lets the driver react."""
        if self.board.online(memory_block, zone) is Errno.OK:
            self.board.driver.run()

    @rule(online=st.sampled_from(OnlinePolicy))
    def choose_auto_online(self, online: OnlinePolicy) -> None:
        """Changes what the system does with added memory."""
        self.board.node.hotplug_rules = HotplugRules(online, offline_max_rounds=3)

    @invariant()
    def breaks_no_law(self) -> None:
        """Those of device and driver, and those of the memory under them."""
        self.board.verify()
        assert verify(self.board.node) == []
        assert self.recording.found == []


class LifeWithBigBlocks(LifeOfAGuest):
    """The same with big blocks of two memory blocks, of which all pages are taken first."""

    machine = TOY._replace(parameters=BIG_BLOCKS)


class LifeWithoutSafety(LifeOfAGuest):
    """The same with big blocks that are offlined as they are."""

    machine = TOY._replace(parameters=replace(BIG_BLOCKS, bbm_safe_unplug=False))


TestLifeOfAGuest = pytest.mark.boundscheck(LifeOfAGuest.TestCase)
TestLifeWithBigBlocks = pytest.mark.boundscheck(LifeWithBigBlocks.TestCase)
TestLifeWithoutSafety = pytest.mark.boundscheck(LifeWithoutSafety.TestCase)
