"""V-14 to V-36: features, who touches which memory, resets and sleep."""

import gc
from types import FunctionType, ModuleType

import numpy as np
import pytest

from app.errors import StateError
from app.guest.allocations import AllocationSpec
from app.guest.guest import Guest
from app.guest.sleep import SleepKind
from app.mm.census import count_kinds
from app.mm.digest import node_digest
from app.mm.hotplug_rules import OnlinePolicy
from app.mm.node import Node
from app.mm.outcome import Errno
from app.mm.page import PageKind
from app.units import MIB
from app.virtio_mem.device import Device
from app.virtio_mem.driver.driver import Driver
from app.virtio_mem.driver.options import DriverOptions
from app.virtio_mem.protocol import ALL_FEATURES, Feature, Request, RequestType, Response, ResponseType
from app.virtio_mem.region import DeviceRegion
from tests.conformance.boards import (
    board_with,
    live,
    over_the_wire,
    owned_pages,
    unplugged_kinds,
    with_driver_at,
)
from tests.conformance.wire import WirePort
from tests.guest.making import toy_guest
from tests.virtio_mem.board import TEST_OWNER, TOY, Board, build
from tests.virtio_mem.interfering import BusyHost

SEEDS = (2, 3, 4)
MOVABLE = TOY._replace(online=OnlinePolicy.ONLINE_MOVABLE)
WITHOUT = Feature.ACPI_PXM


@pytest.mark.row("V-14")
def test_driver_accepts_the_feature_that_is_offered() -> None:
    """All that is offered is accepted, and nothing else."""
    for features in (ALL_FEATURES, Feature.UNPLUGGED_INACCESSIBLE, WITHOUT):
        board = build(TOY)
        device = Device("vm0", board.device.region, features=features)
        Driver(device, board.node, board.driver.options)
        assert device.negotiated == features


@pytest.mark.row("V-15")
def test_driver_gives_back_what_an_earlier_kernel_left() -> None:
    """UNPLUG_ALL is the first request, and comes again until the device is no longer busy."""
    board = build(TOY)
    board.device.adopt([(0, 8)], 4 * MIB)
    board = over_the_wire(board)
    board.device.interference = BusyHost(2)
    results = [board.driver.run().result]
    results += [board.driver.fire_timer().result for _ in range(2)]
    assert results == [Errno.ETXTBSY, Errno.ETXTBSY, Errno.OK]
    asked = [(request, answer) for request, _, _, answer in board.requests()]
    assert asked == [("UNPLUG_ALL", "BUSY"), ("UNPLUG_ALL", "BUSY"), ("UNPLUG_ALL", "ACK"), ("PLUG", "ACK")]


@pytest.mark.row("V-16", "V-Q8")
def test_driver_that_refuses_the_feature_is_refused() -> None:
    """Required by default: the probe fails, and nothing is negotiated; where it is not offered all is well."""
    board = build(TOY)
    options = DriverOptions(features=ALL_FEATURES & ~Feature.UNPLUGGED_INACCESSIBLE)
    device = Device("vm0", board.device.region)
    with pytest.raises(StateError, match="vm0 needs UNPLUGGED_INACCESSIBLE"):
        Driver(device, board.node, options)
    assert device.negotiated is None
    Driver(Device("vm0", board.device.region, features=WITHOUT), board.node, options)


@pytest.mark.row("V-17", "V-Q7")
def test_device_reset_changes_no_block_and_no_memory() -> None:
    """What the guest has stays as it is, to the page."""
    board = build(TOY)
    board.resize(20 * MIB)
    board.put(MIB, PageKind.ANON)
    before = (node_digest(board.node), board.device.config, list(board.device.plugged_runs()))
    board.device.reset()
    assert (node_digest(board.node), board.device.config, list(board.device.plugged_runs())) == before


@pytest.mark.row("V-18")
def test_device_offers_to_keep_memory_over_sleep() -> None:
    """By default; whoever wants another host leaves the feature out."""
    region = DeviceRegion(0, 8 * MIB)
    assert Feature.PERSISTENT_SUSPEND in Device("vm0", region).features
    assert Feature.PERSISTENT_SUSPEND not in Device("vm0", region, features=WITHOUT).features


@pytest.mark.row("V-19", "V-21", "V-22", "V-23")
@pytest.mark.parametrize("features", [ALL_FEATURES, WITHOUT], ids=["with", "without"])
@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_owns_a_page_of_unplugged_memory(features: Feature, seed: int) -> None:
    """With and without UNPLUGGED_INACCESSIBLE: after each act such pages are absent or offline, pinned ones none."""
    board = board_with(features=features)
    nr_pinned = 0
    for act in live(board, seed):
        kinds = unplugged_kinds(board)
        assert owned_pages(kinds) == 0, f"after {act}: {dict(zip(PageKind, kinds.tolist(), strict=True))}"
        nr_pinned += int(count_kinds(board.node, 0, 128)[:, PageKind.PINNED].sum())
    assert nr_pinned, "no life had a pinned page"


@pytest.mark.row("V-20")
@pytest.mark.parametrize("seed", SEEDS)
def test_linux_has_no_memory_outside_the_usable_region(seed: int) -> None:
    """Every memory block that is present ends inside it, though targets end in the middle of memory blocks."""
    board = board_with(extent=0)
    nr_short = 0
    size, region = board.node.geometry.memory_block_size, board.device.region
    for _ in live(board, seed):
        present = [block for block in board.node.memory_blocks.present_ids() if block * size >= region.addr]
        end = (max(present) + 1) * size if present else region.addr
        assert end <= region.addr + board.device.usable_region_size
        nr_short += board.driver.last_result is Errno.ENOSPC
    assert nr_short, "no target ended in the middle of a memory block"


class Watching(WirePort):
    """Looks at the memory of each UNPLUG before it is sent."""

    __slots__ = ("node", "nr_seen_online")

    def __init__(self, board: Board) -> None:
        """Watches a board's memory."""
        super().__init__(board.device)
        self.node = board.node
        self.nr_seen_online = 0

    def handle(self, request: Request) -> Response:
        """Passes a request on; one to unplug memory in use is a defect."""
        if request.type is RequestType.UNPLUG:
            first = request.addr // self.node.geometry.pageblock_size
            kinds = count_kinds(self.node, first, first + request.nb_blocks).sum(axis=0)
            assert owned_pages(np.asarray(kinds)) == 0, "V-24: memory in use is to be unplugged"
            self.nr_seen_online += bool(kinds[PageKind.OFFLINE])
        return super().handle(request)


@pytest.mark.row("V-24")
@pytest.mark.parametrize("seed", SEEDS)
def test_no_unplug_is_requested_for_memory_in_use(seed: int) -> None:
    """At the moment of each UNPLUG its pages are marked offline, or Linux has not that memory."""
    board = build(TOY)
    port = Watching(board)
    for _ in live(with_driver_at(port, board), seed):
        pass
    assert port.nr_seen_online > 5


@pytest.mark.row("V-25")
def test_memory_comes_back_free_and_without_owner() -> None:
    """What was there before the unplug is not there after the next plug."""
    board = board_with(MOVABLE)
    board.resize(16 * MIB)
    for offset in range(16):
        board.put(offset * MIB, PageKind.ANON)
    board.node.free_runs(board.node.owned_pfns(TEST_OWNER))
    board.put(0, PageKind.FILE_CLEAN)
    board.resize(0)
    board.node.free_runs(board.node.owned_pfns(TEST_OWNER))
    board.resize(16 * MIB)
    first = board.device.region.addr // MIB
    pages = count_kinds(board.node, first, first + 16).sum(axis=0)
    assert pages[PageKind.FREE] == pages.sum() == 16 * 8
    assert len(board.node.owned_pfns(TEST_OWNER)) == 0


@pytest.mark.row("V-26")
def test_guest_follows_each_change_of_its_target() -> None:
    """Up, down and up again, without anybody else's doing."""
    guest = toy_guest()
    sizes = []
    for size in (40 * MIB, 8 * MIB, 64 * MIB, 0):
        guest.begin_resize("vm0", size)
        guest.settle()
        sizes.append(guest.find_device("vm0").device.plugged_size)
    assert sizes == [40 * MIB, 8 * MIB, 64 * MIB, 0]


@pytest.mark.row("V-27")
def test_edges_that_make_no_memory_block_are_never_plugged() -> None:
    """A region that begins and ends in the middle of a memory block: only the whole ones between are used."""
    board = build(TOY)
    start = board.device.region.addr
    region = DeviceRegion(start + 2 * MIB, 32 * MIB, MIB)
    device = Device("vm0", region, sink=board.sink)
    board = over_the_wire(board._replace(device=device))
    device.set_requested_size(32 * MIB)
    assert board.driver.run().result is Errno.ENOSPC
    assert list(device.plugged_runs()) == [(6, 30)]


@pytest.mark.row("V-28")
def test_driver_stays_away_from_a_target_it_cannot_reach() -> None:
    """A pinned page keeps its sub-block; the target stays, and the rest is plugged for as long as it takes."""
    board = build(MOVABLE)
    board.resize(16 * MIB)
    board.put(9 * MIB, PageKind.PINNED)
    outcome = board.resize(0)
    assert (outcome.result, board.device.plugged_size, board.device.requested_size) == (Errno.EBUSY, MIB, 0)
    assert list(board.device.plugged_runs()) == [(9, 10)]


def sleeper(features: Feature, size: int) -> Guest:
    """Returns a guest with `size` bytes plugged, whose device offers and whose driver accepts `features`."""
    guest = toy_guest()
    device = guest.find_device("vm0").device
    device.features = features
    device.reset()
    device.negotiate(features)
    guest.resize("vm0", size)
    return guest


@pytest.mark.row("V-29")
def test_driver_refuses_deep_sleep_without_the_feature() -> None:
    """With memory plugged; without it, and to idle, the guest may sleep, as Linux has it."""
    without = ALL_FEATURES & ~Feature.PERSISTENT_SUSPEND
    with pytest.raises(
        StateError, match=r"the driver of vm0 refuses s3: .*PERSISTENT_SUSPEND was not negotiated"
    ):
        sleeper(without, 16 * MIB).sleep.begin(SleepKind.S3)
    for guest, kind in (
        (sleeper(ALL_FEATURES, 16 * MIB), SleepKind.S3),
        (sleeper(without, 0), SleepKind.S3),
        (sleeper(without, 16 * MIB), SleepKind.S2IDLE),
    ):
        guest.sleep.begin(kind)
        assert guest.condition.is_asleep


@pytest.mark.row("V-36", "V-Q7")
def test_blocks_survive_the_guests_sleep() -> None:
    """Waking is a device reset: every block and every page is as before, and the driver goes on with them."""
    guest = sleeper(ALL_FEATURES, 16 * MIB)
    attached = guest.find_device("vm0")
    before = (list(attached.device.plugged_runs()), node_digest(guest.node))
    guest.sleep.begin(SleepKind.S3)
    guest.sleep.end()
    assert (list(attached.device.plugged_runs()), node_digest(guest.node)) == before
    guest.settle()
    guest.resize("vm0", 8 * MIB)
    assert (attached.device.plugged_size, guest.verify()) == (8 * MIB, [])


@pytest.mark.row("V-30", "V-33")
@pytest.mark.parametrize(
    "kind",
    [PageKind.ANON, PageKind.FILE_DIRTY, PageKind.PINNED, PageKind.UNMOVABLE, PageKind.RECLAIMABLE],
    ids=lambda kind: kind.api_name,
)
def test_plugged_memory_serves_as_boot_memory_does(kind: PageKind) -> None:
    """Every page of it can be had for every kind of use."""
    board = build(TOY)
    board.resize(16 * MIB)
    first = board.device.region.addr // MIB
    for pfn in range(board.pfn(0), board.pfn(16 * MIB)):
        board.node.alloc_at(pfn, 0, kind, owner=TEST_OWNER)
    pages = count_kinds(board.node, first, first + 16).sum(axis=0)
    # The memmap of the second memory block may lie in the first.
    assert pages[kind] + pages[PageKind.UNMOVABLE] >= 16 * 8
    assert pages[PageKind.FREE] == 0


@pytest.mark.row("V-31")
def test_host_discards_what_was_touched_when_it_is_unplugged() -> None:
    """Touched memory costs a discard once; plugged again and not touched, there is nothing to discard."""
    guest = toy_guest()

    def unplug_us() -> int:
        took = guest.resize("vm0", 0)["simulated_us"]
        assert isinstance(took, int)
        guest.resize("vm0", 64 * MIB)
        return took

    guest.resize("vm0", 64 * MIB)
    untouched = unplug_us()
    backing = guest.find_device("vm0").backing
    guest.pages.allocate(AllocationSpec(kind="anon", nr_pages=400))
    guest.pages.free(guest.pages.allocations.last_id)
    assert backing.nr_touched > 0
    assert (unplug_us() > untouched, unplug_us() == untouched, backing.nr_touched) == (True, True, 0)


@pytest.mark.row("V-32", "V-34")
def test_no_reference_leads_from_the_device_to_the_guests_memory() -> None:
    """So the device can neither change what is plugged nor refuse a read of what is not."""
    board = build(TOY)
    board.resize(16 * MIB)
    reached = reachable(board.device)
    assert not [thing for thing in reached if isinstance(thing, Node | np.ndarray)]
    assert [thing for thing in reachable(board.driver) if isinstance(thing, Node)] == [board.node]


@pytest.mark.row("V-32")
def test_what_the_host_does_changes_no_page() -> None:
    """Targets, STATE requests, busy answers and resets leave the guest's memory to the guest."""
    board = build(TOY)
    board.resize(16 * MIB)
    board.put(0, PageKind.ANON)
    before = node_digest(board.node)
    device = board.device
    device.set_requested_size(64 * MIB)
    device.handle(Request(RequestType.STATE, device.region.addr, 16))
    device.interference = BusyHost(9)
    device.handle(Request(RequestType.UNPLUG_ALL))
    device.reset()
    assert node_digest(board.node) == before


@pytest.mark.row("V-34")
@pytest.mark.parametrize("seed", SEEDS)
def test_guest_without_the_feature_lives_as_one_with_it(seed: int) -> None:
    """The same requests and the same memory: nothing depends on what was negotiated."""
    boards = [board_with(features=features) for features in (ALL_FEATURES, WITHOUT)]
    for board in boards:
        for _ in live(board, seed):
            pass
    assert [board.device.negotiated for board in boards] == [ALL_FEATURES, WITHOUT]
    assert boards[0].requests() == boards[1].requests()
    assert node_digest(boards[0].node) == node_digest(boards[1].node)


@pytest.mark.row("V-35", "V-Q7")
def test_system_reset_unplugs_everything_and_keeps_the_target() -> None:
    """Size 0 at once, the usable region as the target opens it."""
    board = build(TOY)
    board.resize(40 * MIB)
    board.device.set_requested_size(8 * MIB)
    board.device.system_reset()
    config = board.device.config
    usable = board.device.region.usable_size(8 * MIB)
    assert (config.plugged_size, config.requested_size, config.usable_region_size) == (0, 8 * MIB, usable)
    assert board.device.handle(Request(RequestType.STATE, config.addr, 8)).type is ResponseType.ACK


def reachable(start: object) -> list[object]:
    """Returns every object that references lead to, but for code: what a thing can change."""
    found: dict[int, object] = {id(start): start}
    todo = [start]
    while todo:
        for thing in gc.get_referents(todo.pop()):
            if not isinstance(thing, type | ModuleType | FunctionType) and id(thing) not in found:
                found[id(thing)] = thing
                todo.append(thing)
    return list(found.values())
