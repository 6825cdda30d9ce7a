"""V-37 to V-53: the four requests, as bytes and as what they do."""

import pytest

from app.units import GIB, MIB
from app.virtio_mem.device import Device
from app.virtio_mem.protocol import (
    RESPONSE_LENGTH,
    BlocksState,
    Request,
    RequestType,
    Response,
    ResponseType,
    decode_response,
    encode_request,
    encode_response,
)
from app.virtio_mem.region import DeviceRegion
from tests.conformance.boards import over_the_wire, with_driver_at
from tests.conformance.lives import live
from tests.conformance.wire import WirePort, dirty, dirty_request
from tests.virtio_mem.board import TOY, build
from tests.virtio_mem.interfering import BusyHost

BLOCK = 2 * MIB
ADDR = 4 * GIB
ACK, NACK, BUSY, ERROR = ResponseType
PLUG, UNPLUG, UNPLUG_ALL, STATE = RequestType
SEEDS = (1, 2, 3)
# Misaligned, empty, before the region, past its usable part, past its end, around the end of the address space.
BAD_RANGES = (
    (ADDR + MIB, 1),
    (ADDR, 0),
    (ADDR - BLOCK, 1),
    (ADDR - BLOCK, 2),
    (ADDR + 256 * MIB, 9),
    (ADDR + 1 * GIB, 1),
    ((1 << 64) - BLOCK, 1),
    (ADDR, 0xFFFF),
)


@pytest.fixture
def device() -> Device:
    """Returns a device of 1 GiB that is asked for 16 MiB: 272 MiB are usable; blocks 0 to 3 are plugged."""
    made = Device("vm0", DeviceRegion(ADDR, 1 * GIB, BLOCK), requested_size=16 * MIB)
    assert made.handle(Request(PLUG, ADDR, 4)).type is ACK
    return made


def ask(device: Device, kind: RequestType, first: int = 0, count: int = 1) -> ResponseType:
    """Sends one request about blocks by number, by way of dirty bytes."""
    return WirePort(device).handle(Request(kind, ADDR + first * BLOCK, count)).type


def plugged(device: Device) -> list[int]:
    """Returns the numbers of the plugged blocks."""
    return [block for first, end in device.plugged_runs() for block in range(first, end)]


@pytest.mark.row("V-37", "V-42", "V-47", "V-51")
@pytest.mark.parametrize("kind", RequestType, ids=lambda kind: kind.name)
def test_device_reads_type_and_payload_only(kind: RequestType, device: Device) -> None:
    """Dirt in all padding, and in UNPLUG_ALL's payload, changes no answer and nothing in the device."""
    twin = device.fork(device._sink)  # noqa: SLF001 - where its events go does not matter
    request = Request(kind, ADDR + 4 * BLOCK * (kind is PLUG), 2)
    data = dirty_request(request)
    assert data != encode_request(request)
    assert device.receive(data) == twin.receive(encode_request(request))
    assert (device.config, plugged(device)) == (twin.config, plugged(twin))


@pytest.mark.row("V-37", "V-42", "V-47")
def test_driver_reads_the_type_of_an_answer_only() -> None:
    """A life over dirty bytes is that of one over clean calls: nobody reads or tells what means nothing."""
    direct, wired = build(TOY), build(TOY)
    for board in (direct, wired):
        board.device.adopt([(0, 8)], 0)
    direct, wired = with_driver_at(direct.device, direct), over_the_wire(wired)
    for board in (direct, wired):
        for size in (24, 9, 40, 0):
            board.resize(size * MIB)
    assert wired.requests() == direct.requests()
    assert {request for request, *_ in wired.requests()} == {"PLUG", "UNPLUG", "UNPLUG_ALL"}


@pytest.mark.row("V-38", "V-43", "V-52")
@pytest.mark.parametrize("kind", [PLUG, UNPLUG, STATE], ids=lambda kind: kind.name)
@pytest.mark.parametrize(("addr", "count"), BAD_RANGES)
def test_bad_range_gets_error(kind: RequestType, addr: int, count: int, device: Device) -> None:
    """Whatever is asked; nothing changes."""
    before = (device.config, plugged(device))
    assert WirePort(device).handle(Request(kind, addr, count)).type is ERROR
    assert (device.config, plugged(device)) == before


@pytest.mark.row("V-39")
def test_plug_of_a_plugged_block_gets_error(device: Device) -> None:
    """Be it one block of many, at either end or in the middle."""
    for first, count in ((0, 1), (3, 2), (2, 4)):
        assert ask(device, PLUG, first, count) is ERROR
    assert plugged(device) == [0, 1, 2, 3]


@pytest.mark.row("V-44")
def test_unplug_of_an_unplugged_block_gets_error(device: Device) -> None:
    """Be it one block of many, at either end or in the middle."""
    assert ask(device, UNPLUG, 1) is ACK
    for first, count in ((4, 1), (3, 2), (0, 3), (1, 1)):
        assert ask(device, UNPLUG, first, count) is ERROR
    assert plugged(device) == [0, 2, 3]


@pytest.mark.row("V-40", "V-45", "V-48")
@pytest.mark.parametrize(("kind", "first"), [(PLUG, 4), (UNPLUG, 0), (UNPLUG_ALL, 0)])
def test_busy_device_does_nothing_and_can_be_asked_again(
    kind: RequestType, first: int, device: Device
) -> None:
    """BUSY twice, with nothing changed; then the same request is served."""
    device.interference = BusyHost(2)
    before = (device.config, plugged(device))
    assert [ask(device, kind, first) for _ in range(2)] == [BUSY, BUSY]
    assert (device.config, plugged(device)) == before
    assert ask(device, kind, first) is ACK
    assert (device.config, plugged(device)) != before


@pytest.mark.row("V-41", "V-46")
@pytest.mark.parametrize("seed", SEEDS)
def test_acknowledged_request_moved_all_its_blocks(seed: int) -> None:
    """The plugged size moves by the whole request after ACK, and not at all after any other answer."""
    seen = set()
    for moment in live(seed):
        if moment.act in {"PLUG", "UNPLUG"}:
            moved = moment.after.plugged_size - moment.before.plugged_size
            sign = 1 if moment.act == "PLUG" else -1
            assert moved * sign > 0 if moment.answer is ACK else moved == 0
            assert moment.after.plugged_size <= max(moment.before.plugged_size, moment.before.requested_size)
            seen.add((moment.act, moment.answer))
    assert {("PLUG", ACK), ("PLUG", NACK), ("PLUG", ERROR), ("UNPLUG", ACK), ("UNPLUG", ERROR)} == seen


@pytest.mark.row("V-41", "V-46")
def test_acknowledged_request_is_told_by_size_and_state(device: Device) -> None:
    """Exactly the named blocks changed."""
    assert ask(device, PLUG, 5, 3) is ACK
    assert (plugged(device), device.config.plugged_size) == ([0, 1, 2, 3, 5, 6, 7], 14 * MIB)
    assert ask(device, UNPLUG, 2, 2) is ACK
    assert (plugged(device), device.config.plugged_size) == ([0, 1, 5, 6, 7], 10 * MIB)


@pytest.mark.row("V-49", "V-50")
def test_unplug_all_empties_the_device_and_shrinks_the_usable_region(device: Device) -> None:
    """After ACK nothing is plugged; what the old target had opened is closed."""
    device.set_requested_size(2 * MIB)
    assert device.config.usable_region_size == 272 * MIB
    assert ask(device, UNPLUG_ALL) is ACK
    assert (plugged(device), device.config.plugged_size) == ([], 0)
    assert device.config.usable_region_size == 258 * MIB


@pytest.mark.row("V-50")
def test_driver_reads_the_config_again_after_unplug_all() -> None:
    """Nobody notifies it of the smaller usable region, and it plugs nothing beyond."""
    board = build(TOY._replace(region_size=512 * MIB))
    board.device.adopt([(480, 488)], 8 * MIB)
    board = over_the_wire(board)
    assert board.device.config.usable_region_size == 488 * MIB
    board.driver.run()
    assert board.device.config.usable_region_size == 264 * MIB
    assert board.driver.queue.usable_end == board.device.region.addr + 264 * MIB


@pytest.mark.row("V-51")
def test_state_counts_after_ack_only() -> None:
    """In any other answer it is padding, though its bytes be no state at all."""
    for kind in (NACK, BUSY, ERROR):
        response = decode_response(dirty(encode_response(Response(kind)), range(2, RESPONSE_LENGTH)))
        assert response is not None
        assert response.type is kind
    told = decode_response(dirty(encode_response(Response(ACK, BlocksState.MIXED)), range(2, 8)))
    assert told == Response(ACK, BlocksState.MIXED)


@pytest.mark.row("V-53")
@pytest.mark.parametrize(
    ("first", "count", "state"),
    [
        (0, 4, BlocksState.PLUGGED),
        (3, 1, BlocksState.PLUGGED),
        (3, 2, BlocksState.MIXED),
        (0, 8, BlocksState.MIXED),
        (4, 1, BlocksState.UNPLUGGED),
        (4, 4, BlocksState.UNPLUGGED),
    ],
)
def test_state_tells_all_none_or_some(first: int, count: int, state: BlocksState, device: Device) -> None:
    """Also while the device is busy with anything else."""
    device.interference = BusyHost(9)
    answer = WirePort(device).handle(Request(STATE, ADDR + first * BLOCK, count))
    assert answer == Response(ACK, state)
