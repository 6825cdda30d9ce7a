"""V-Q1 to V-Q10: what QEMU does beyond the text, or where the text leaves it open."""

import pytest

from app.errors import InvalidValue
from app.guest.creation import create_guest
from app.guest.spec import DeviceSpec, GuestSpec, default_block_size, extent_of, plan_guest
from app.mm.geometry import preset
from app.mm.page import PageKind
from app.units import GIB, MIB
from app.virtio_mem.device import Device
from app.virtio_mem.protocol import (
    QUEUE_LENGTH,
    REQUEST_LENGTH,
    Feature,
    Request,
    RequestType,
    ResponseType,
    encode_request,
)
from app.virtio_mem.region import EXTENT_ARM, EXTENT_X86, DeviceRegion
from tests.conformance.boards import over_the_wire
from tests.virtio_mem.board import TOY, build
from tests.virtio_mem.interfering import BusyHost

BLOCK = 2 * MIB
ADDR = 4 * GIB
ACK, NACK, BUSY, ERROR = ResponseType
PLUG, UNPLUG, UNPLUG_ALL, STATE = RequestType


@pytest.fixture
def device() -> Device:
    """Returns a device of 1 GiB that is asked for 16 MiB, all of it plugged."""
    made = Device("vm0", DeviceRegion(ADDR, 1 * GIB, BLOCK), requested_size=16 * MIB)
    assert ask(made, PLUG, 0, 8) is ACK
    return made


def ask(device: Device, kind: RequestType, first: int = 0, count: int = 1) -> ResponseType:
    """Sends one request about blocks by number."""
    return device.handle(Request(kind, ADDR + first * BLOCK, count)).type


@pytest.mark.row("V-Q1")
def test_checks_of_a_plug_go_in_order(device: Device) -> None:
    """Each request fails all later checks as well, and gets the answer of the first."""
    device.interference = BusyHost(1)
    assert device.handle(Request(PLUG, ADDR + MIB, 1)).type is ERROR  # range, before the target
    assert ask(device, PLUG, 0, 1) is NACK  # target, before the block's state
    device.set_requested_size(64 * MIB)
    assert ask(device, PLUG, 0, 1) is ERROR  # state, before busy
    assert ask(device, PLUG, 8, 1) is BUSY
    assert ask(device, PLUG, 8, 1) is ACK


@pytest.mark.row("V-Q1")
def test_plug_beyond_the_target_is_refused_as_a_whole(device: Device) -> None:
    """Stricter than `target reached`: one block too many, and none is plugged."""
    device.set_requested_size(32 * MIB)
    assert [ask(device, PLUG, 8, 9), device.plugged_size] == [NACK, 16 * MIB]
    assert [ask(device, PLUG, 8, 8), device.plugged_size] == [ACK, 32 * MIB]
    assert ask(device, PLUG, 16, 1) is NACK


@pytest.mark.row("V-Q2")
def test_unplug_knows_no_target_and_no_nack(device: Device) -> None:
    """Below the target, down to nothing; whatever the target is, no answer is NACK."""
    for target in (16 * MIB, 1 * GIB):
        device.set_requested_size(target)
        assert [ask(device, UNPLUG, block) for block in (0, 1, 0)] == [ACK, ACK, ERROR]
        assert ask(device, PLUG, 0, 2) is ACK
    assert ask(device, UNPLUG, 0, 8) is ACK
    assert NACK.name not in {answer for kind, answer in device.answers if kind == "UNPLUG"}


@pytest.mark.row("V-Q3")
@pytest.mark.parametrize(
    ("extent", "block_size", "sizes"),
    [
        (EXTENT_X86, BLOCK, {0: 0, BLOCK: 258 * MIB, GIB: 1280 * MIB, 8 * GIB: 8 * GIB}),
        (EXTENT_ARM, BLOCK, {0: 0, BLOCK: 1026 * MIB, GIB: 2 * GIB, 8 * GIB - BLOCK: 8 * GIB}),
        (EXTENT_X86, 1 * GIB, {0: 0, GIB: 2 * GIB, 7 * GIB: 8 * GIB}),
    ],
)
def test_usable_region_runs_ahead_and_grows_at_once(
    extent: int, block_size: int, sizes: dict[int, int]
) -> None:
    """Target plus extent, in whole blocks, within the region; never back by itself."""
    device = Device("vm0", DeviceRegion(ADDR, 8 * GIB, block_size, extent=extent))
    for requested, usable in sizes.items():
        device.set_requested_size(requested)
        assert device.config.usable_region_size == usable
    device.set_requested_size(0)
    assert device.config.usable_region_size == max(sizes.values())


@pytest.mark.row("V-Q3")
def test_extent_is_the_architectures() -> None:
    """256 MiB on x86-64, 1 GiB on ARM."""
    extents = {name: extent_of(preset(name)) for name in ("x86-64", "arm64-4K", "arm64-64K")}
    assert extents == {"x86-64": 256 * MIB, "arm64-4K": 1 * GIB, "arm64-64K": 1 * GIB}


@pytest.mark.row("V-Q4")
def test_unplug_all_of_nothing_is_never_busy() -> None:
    """And it computes the usable region all the same."""
    device = Device("vm0", DeviceRegion(ADDR, 1 * GIB), requested_size=512 * MIB)
    device.set_requested_size(0)
    device.interference = host = BusyHost(1)
    assert device.config.usable_region_size == 768 * MIB
    assert [ask(device, UNPLUG_ALL), host.left] == [ACK, 1]
    assert device.config.usable_region_size == 0


@pytest.mark.row("V-Q5")
@pytest.mark.parametrize(
    ("size", "accepted"),
    [
        (1, "a multiple of block_size"),
        (-BLOCK, "a multiple of block_size"),
        (1 * GIB + 1, "a multiple of block_size"),
        (1 * GIB + BLOCK, "at most the device's size"),
    ],
)
def test_wrong_target_is_an_error_to_whoever_sets_it(size: int, accepted: str, device: Device) -> None:
    """First for the multiple, then for the size; the guest is not told, and nothing changes."""
    before = (device.config, device.generation)
    with pytest.raises(InvalidValue, match=accepted):
        device.set_requested_size(size)
    assert (device.config, device.generation) == before


@pytest.mark.row("V-Q6")
@pytest.mark.parametrize(
    ("region", "field"),
    [
        (DeviceRegion(ADDR, 1 * GIB, 3 * MIB), "block_size"),
        (DeviceRegion(ADDR, 1 * GIB, MIB // 2), "block_size"),
        (DeviceRegion(ADDR, 1 * GIB, BLOCK, backing_page_size=1 * GIB), "block_size"),
        (DeviceRegion(ADDR + MIB, 1 * GIB, BLOCK), "addr"),
        (DeviceRegion(ADDR, 1 * GIB + MIB, BLOCK), "size"),
    ],
)
def test_block_size_place_and_size_are_checked_once(region: DeviceRegion, field: str) -> None:
    """A power of two, at least 1 MiB and a page of the backing memory; address and size are multiples."""
    with pytest.raises(InvalidValue, match=f"^{field} is "):
        Device("vm0", region)


@pytest.mark.row("V-Q6")
def test_default_block_is_a_huge_page() -> None:
    """2 MiB on x86-64, 512 MiB on ARM with pages of 64 KiB, and never less than 1 MiB."""
    sizes = {name: default_block_size(preset(name)) for name in ("x86-64", "arm64-64K", "toy")}
    assert sizes == {"x86-64": 2 * MIB, "arm64-64K": 512 * MIB, "toy": 1 * MIB}


@pytest.mark.row("V-Q8")
def test_feature_is_offered_and_needed_by_default() -> None:
    """A driver that accepts nothing is refused; so is one that accepts what is not offered."""
    device = Device("vm0", DeviceRegion(ADDR, 1 * GIB))
    assert Feature.UNPLUGGED_INACCESSIBLE in device.features
    assert not device.negotiate(Feature(0))
    assert device.negotiated is None
    assert device.negotiate(Feature.UNPLUGGED_INACCESSIBLE)


@pytest.mark.row("V-Q9")
@pytest.mark.parametrize(
    "data", [b"", bytes(REQUEST_LENGTH - 1), b"\x04\x00" + bytes(22), b"\xff\xff" + bytes(22)]
)
def test_short_or_unknown_request_breaks_the_device_until_a_reset(data: bytes, device: Device) -> None:
    """No answer to it nor to a sound one behind it; blocks stay, and a reset mends it."""
    sound = encode_request(Request(UNPLUG, ADDR, 1))
    assert device.receive(data) is None
    assert device.is_broken
    assert device.receive(sound) is None
    assert device.plugged_size == 16 * MIB
    device.reset()
    assert device.receive(sound) is not None


@pytest.mark.row("V-Q9")
def test_queue_holds_128_and_a_driver_needs_one() -> None:
    """The next request goes out after the answer to the last one: the wire refuses two at once."""
    assert QUEUE_LENGTH == 128
    board = over_the_wire(build(TOY))
    board.resize(64 * MIB)
    board.put(9 * MIB, PageKind.UNMOVABLE)
    board.resize(0)
    assert len(board.requests()) > 16


@pytest.mark.row("V-Q10")
def test_device_of_a_node_that_is_not_there_is_refused() -> None:
    """Nodes count from 0; the guest is not made."""
    devices = (DeviceSpec(size=1 * GIB), DeviceSpec(size=1 * GIB, node=1))
    with pytest.raises(InvalidValue, match=r"devices\[1\]\.node is 1"):
        plan_guest(GuestSpec(name="one-node", boot_size=1 * GIB, devices=devices))
    guest = create_guest(GuestSpec(name="one-node", boot_size=1 * GIB, devices=devices[:1]))
    assert guest.find_device("vm0").device.config.node_id == 0
