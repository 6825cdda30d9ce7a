"""The device: every answer of 7.2 and 7.3 by its row, QEMU's check order, resets and negotiation."""

import pytest

from app.errors import InvalidValue
from app.trace.events import RequestAnswered, RequestedSizeChanged
from app.trace.sink import ListSink
from app.units import GIB, KIB, MIB
from app.virtio_mem.device import Device
from app.virtio_mem.invariants import verify_device
from app.virtio_mem.protocol import (
    ALL_FEATURES,
    BlocksState,
    Feature,
    Request,
    RequestType,
    Response,
    ResponseType,
    decode_response,
    encode_request,
)
from app.virtio_mem.region import DeviceRegion
from tests.virtio_mem.interfering import BusyHost

BLOCK = 2 * MIB
ADDR = 4 * GIB
ACK, NACK, BUSY, ERROR = ResponseType


def make_device(requested_size: int = 512 * MIB) -> Device:
    """A device of 4 GiB at 4 GiB with blocks of 2 MiB; 512 MiB asked for opens 768 MiB."""
    return Device("vm0", DeviceRegion(ADDR, 4 * GIB, BLOCK), requested_size=requested_size)


def ask(device: Device, kind: RequestType, first: int = 0, nb_blocks: int = 1) -> ResponseType:
    """Sends one request about blocks by number."""
    return device.handle(Request(kind, ADDR + first * BLOCK, nb_blocks)).type


def plug(device: Device, first: int, nb_blocks: int = 1) -> ResponseType:
    """Plugs blocks by number."""
    return ask(device, RequestType.PLUG, first, nb_blocks)


def unplug(device: Device, first: int, nb_blocks: int = 1) -> ResponseType:
    """Unplugs blocks by number."""
    return ask(device, RequestType.UNPLUG, first, nb_blocks)


def test_new_device_tells_its_config() -> None:
    """V-5, V-6: nothing plugged, and the usable region is open for the target."""
    config = make_device().config
    assert (config.addr, config.region_size, config.block_size) == (ADDR, 4 * GIB, BLOCK)
    assert (config.requested_size, config.usable_region_size, config.plugged_size) == (
        512 * MIB,
        768 * MIB,
        0,
    )


def test_new_device_with_a_broken_law_is_refused() -> None:
    """V-Q5, V-Q6: region and first target are checked as later ones are."""
    with pytest.raises(InvalidValue):
        Device("vm0", DeviceRegion(ADDR, 4 * GIB, 3 * MIB))
    with pytest.raises(InvalidValue):
        make_device(requested_size=5 * GIB)


def test_plug_and_unplug_keep_the_plugged_size() -> None:
    """V-41, V-46: an ACK means all blocks, and plugged_size follows."""
    device = make_device()
    assert plug(device, 0, 64) is ACK
    assert device.config.plugged_size == 128 * MIB
    assert unplug(device, 32, 32) is ACK
    assert device.config.plugged_size == 64 * MIB
    assert list(device.plugged_runs()) == [(0, 32)]
    assert device.count_plugged(16, 48) == 16


@pytest.mark.parametrize("kind", [RequestType.PLUG, RequestType.UNPLUG, RequestType.STATE])
@pytest.mark.parametrize(
    ("addr", "nb_blocks"),
    [
        (ADDR + MIB, 1),  # misaligned
        (ADDR + 4 * KIB, 1),
        (ADDR, 0),
        (ADDR - BLOCK, 1),  # below the region
        (ADDR - BLOCK, 2),
        (0, 1),
        (ADDR + 768 * MIB, 1),  # inside the region, beyond its usable part
        (ADDR + 766 * MIB, 2),
        (ADDR + 4 * GIB, 1),
        (ADDR, 0xFFFF),
        ((1 << 64) - BLOCK, 1),
    ],
)
def test_request_with_a_bad_range_gets_error(kind: RequestType, addr: int, nb_blocks: int) -> None:
    """V-38, V-43, V-52: misaligned, empty or outside the usable region; nothing changes."""
    device = make_device()
    assert device.handle(Request(kind, addr, nb_blocks)).type is ERROR
    assert device.plugged_size == 0


def test_plug_twice_gets_error() -> None:
    """V-39: any block that is plugged already spoils the request; nothing of it is done."""
    device = make_device()
    assert plug(device, 4) is ACK
    assert plug(device, 0, 8) is ERROR
    assert list(device.plugged_runs()) == [(4, 5)]


def test_unplug_twice_gets_error() -> None:
    """V-44: any block that is unplugged already spoils the request; nothing of it is done."""
    device = make_device()
    plug(device, 0, 8)
    assert unplug(device, 4) is ACK
    assert unplug(device, 0, 8) is ERROR
    assert list(device.plugged_runs()) == [(0, 4), (5, 8)]


def test_plug_beyond_the_target_is_refused_completely() -> None:
    """V-Q1: NACK for the whole request, even if a part would fit; exactly the target is fine."""
    device = make_device(requested_size=16 * MIB)
    assert plug(device, 0, 9) is NACK
    assert device.plugged_size == 0
    assert plug(device, 0, 8) is ACK
    assert plug(device, 8) is NACK


def test_unplug_below_the_target_is_allowed() -> None:
    """V-Q2: the target is no limit for UNPLUG, and there is no NACK for it."""
    device = make_device(requested_size=16 * MIB)
    plug(device, 0, 8)
    assert unplug(device, 0, 8) is ACK
    assert device.plugged_size == 0


def test_plug_answers_in_the_order_of_the_checks() -> None:
    """V-Q1: range, then target, then block states, then busy: an earlier reason hides a later one."""
    device = make_device(requested_size=16 * MIB)
    plug(device, 0, 8)
    device.interference = BusyHost(1)
    assert device.handle(Request(RequestType.PLUG, ADDR + MIB, 8)).type is ERROR
    assert plug(device, 0, 8) is NACK  # plugged already, but over the target first
    device.set_requested_size(32 * MIB)
    assert plug(device, 0, 8) is ERROR
    assert plug(device, 8, 8) is BUSY
    assert plug(device, 8, 8) is ACK


def test_busy_device_changes_nothing() -> None:
    """V-40, V-45, V-48: BUSY as often as injected, for PLUG, UNPLUG and UNPLUG_ALL; STATE is never busy."""
    device = make_device()
    plug(device, 0, 8)
    device.interference = BusyHost(3)
    assert plug(device, 8) is BUSY
    assert unplug(device, 0) is BUSY
    assert ask(device, RequestType.STATE) is ACK
    assert ask(device, RequestType.UNPLUG_ALL) is BUSY
    assert list(device.plugged_runs()) == [(0, 8)]
    assert ask(device, RequestType.UNPLUG_ALL) is ACK


def test_unplug_all_empties_and_shrinks_the_usable_region() -> None:
    """V-49, V-50, V-11: all gone, the usable region follows the target, and no notification is sent."""
    device = make_device()
    plug(device, 0, 200)
    device.set_requested_size(0)
    assert device.config.usable_region_size == 768 * MIB  # V-10
    generation = device.generation
    assert device.handle(Request(RequestType.UNPLUG_ALL, addr=3, nb_blocks=7)).type is ACK  # V-47
    assert (device.plugged_size, device.config.usable_region_size) == (0, 0)
    assert device.generation == generation


def test_unplug_all_of_nothing_is_not_busy() -> None:
    """V-Q4: with nothing plugged the busy check is skipped, and the usable region is still computed anew."""
    device = make_device()
    device.set_requested_size(0)
    device.interference = host = BusyHost(1)
    assert ask(device, RequestType.UNPLUG_ALL) is ACK
    assert (host.left, device.usable_region_size) == (1, 0)


def test_state_tells_plugged_unplugged_and_mixed() -> None:
    """V-53: PLUGGED if all, UNPLUGGED if none, else MIXED."""
    device = make_device()
    plug(device, 0, 2)
    expected = [((0, 2), BlocksState.PLUGGED), ((2, 2), BlocksState.UNPLUGGED), ((1, 2), BlocksState.MIXED)]
    for (first, nb_blocks), state in expected:
        request = Request(RequestType.STATE, ADDR + first * BLOCK, nb_blocks)
        assert device.handle(request) == Response(ACK, state)


def test_set_requested_size_notifies_also_when_unchanged() -> None:
    """V-11, V-Q5: each setting is a notification; plugging is none (V-12)."""
    device = make_device()
    generation = device.generation
    device.set_requested_size(512 * MIB)
    device.set_requested_size(1 * GIB)
    assert device.generation == generation + 2
    assert device.config.usable_region_size == 1280 * MIB
    plug(device, 0)
    assert device.generation == generation + 2


@pytest.mark.parametrize("size", [-2 * MIB, 1, 4 * GIB + BLOCK])
def test_set_requested_size_refused_changes_nothing(size: int) -> None:
    """V-Q5: a refused target leaves target, usable region and generation alone."""
    device = make_device()
    before = (device.config, device.generation)
    with pytest.raises(InvalidValue):
        device.set_requested_size(size)
    assert (device.config, device.generation) == before


def test_system_reset_unplugs_and_keeps_the_target() -> None:
    """V-35, V-Q7, as recorded: size 0 at once, requested-size keeps its value."""
    device = make_device()
    plug(device, 0, 8)
    device.negotiate(ALL_FEATURES)
    device.receive(b"broken")
    device.system_reset()
    assert (device.plugged_size, device.requested_size) == (0, 512 * MIB)
    assert (device.negotiated, device.is_broken) == (None, False)


@pytest.mark.parametrize("answer", [NACK, BUSY, ERROR])
def test_interference_answers_instead_and_changes_nothing(answer: ResponseType) -> None:
    """Only a request that could be served is answered otherwise; a wrong one is refused as ever."""
    device = make_device()
    plug(device, 0, 8)
    seen: list[Request] = []

    def interfere(request: Request) -> ResponseType | None:
        seen.append(request)
        return answer

    device.interference = interfere
    assert plug(device, 0) is ERROR
    assert [plug(device, 8), unplug(device, 0), ask(device, RequestType.UNPLUG_ALL)] == [answer] * 3
    assert [request.type.name for request in seen] == ["PLUG", "UNPLUG", "UNPLUG_ALL"]
    assert list(device.plugged_runs()) == [(0, 8)]


def test_size_listener_hears_each_change_of_the_plugged_size() -> None:
    """Each served PLUG, UNPLUG and UNPLUG_ALL is told; a refused one and UNPLUG_ALL of nothing are not."""
    device = make_device()
    sizes: list[int] = []
    device.on_size_change = sizes.append
    plug(device, 0, 8)
    plug(device, 0, 8)
    unplug(device, 4)
    ask(device, RequestType.UNPLUG_ALL)
    ask(device, RequestType.UNPLUG_ALL)
    assert sizes == [16 * MIB, 14 * MIB, 0]


def test_lost_notification_changes_the_target_alone() -> None:
    """A fault: the config space shows the new target, and no notification says so."""
    device = make_device()
    generation = device.generation
    device.set_requested_size(1 * GIB, is_notified=False)
    assert (device.generation, device.config.requested_size) == (generation, 1 * GIB)
    assert device.config.usable_region_size == 1280 * MIB


@pytest.mark.parametrize(
    ("offered", "accepted", "is_agreed"),
    [
        (ALL_FEATURES, ALL_FEATURES, True),
        (ALL_FEATURES, Feature.UNPLUGGED_INACCESSIBLE, True),
        (ALL_FEATURES, Feature.ACPI_PXM, False),  # V-Q8: what is missing is required
        (Feature.ACPI_PXM, Feature(0), True),
        (Feature.ACPI_PXM, Feature.UNPLUGGED_INACCESSIBLE, False),  # not offered
    ],
)
def test_negotiation_needs_offered_and_required_features(
    offered: Feature, accepted: Feature, *, is_agreed: bool
) -> None:
    """V-16, V-Q8: a driver that does not accept UNPLUGGED_INACCESSIBLE, where offered, must not go on."""
    device = Device("vm0", DeviceRegion(ADDR, 1 * GIB), features=offered)
    assert device.negotiate(accepted) is is_agreed
    assert device.negotiated == (accepted if is_agreed else None)


def test_device_reset_forgets_the_driver_and_no_block() -> None:
    """V-17: features and a broken queue are forgotten; blocks, sizes and notifications are as before."""
    device = make_device()
    device.negotiate(ALL_FEATURES)
    plug(device, 0, 8)
    device.set_requested_size(0)
    device.receive(b"broken")
    before = (device.config, list(device.plugged_runs()), device.generation)
    device.reset()
    assert (device.config, list(device.plugged_runs()), device.generation) == before
    assert (device.negotiated, device.is_broken) == (None, False)


def test_receive_answers_bytes_with_bytes() -> None:
    """V-37: the device's answer in the specification's own form."""
    device = make_device()
    answer = device.receive(encode_request(Request(RequestType.PLUG, ADDR, 4)))
    assert answer is not None
    assert decode_response(answer) == Response(ACK)
    assert device.plugged_size == 8 * MIB


@pytest.mark.parametrize("data", [b"\x00" * 23, b"\x09" + b"\x00" * 23])
def test_receive_malformed_request_breaks_the_device(data: bytes) -> None:
    """V-Q9: no response to it, nor to anything after it."""
    device = make_device()
    assert device.receive(data) is None
    assert device.is_broken
    assert device.receive(encode_request(Request(RequestType.PLUG, ADDR, 4))) is None
    assert device.plugged_size == 0


def test_adopt_takes_over_blocks_beyond_the_usable_region() -> None:
    """A captured device may hold blocks above its target: they stay inside a usable region (INV-17)."""
    device = make_device()
    device.adopt([(0, 4), (1000, 1024)], 2 * MIB)
    assert list(device.plugged_runs()) == [(0, 4), (1000, 1024)]
    assert device.config.plugged_size == 28 * BLOCK
    assert device.config.usable_region_size == 2 * GIB
    assert verify_device(device) == []


def test_events_and_counts_tell_every_answer() -> None:
    """Each answer is one event and one count, refused ones included."""
    sink = ListSink()
    device = Device("vm0", DeviceRegion(ADDR, 1 * GIB), sink=sink)
    device.set_requested_size(4 * MIB)
    plug(device, 0, 2)
    plug(device, 2)
    assert sink.events == [
        RequestedSizeChanged("vm0", 4 * MIB),
        RequestAnswered("vm0", "PLUG", ADDR, 2, "ACK"),
        RequestAnswered("vm0", "PLUG", ADDR + 2 * BLOCK, 1, "NACK"),
    ]
    assert device.answers == {("PLUG", "ACK"): 1, ("PLUG", "NACK"): 1}


def test_fork_has_the_same_state_and_a_sink_of_its_own() -> None:
    """A copy holds the same blocks, counts on from its answers, and has none of the original's links."""
    device, sink = make_device(), ListSink()
    plug(device, 0, 4)
    device.interference = host = BusyHost(1)
    copy = device.fork(sink)
    assert (copy.config, copy.answers, list(copy.plugged_runs())) == (
        device.config,
        device.answers,
        [(0, 4)],
    )
    assert [plug(copy, 4), plug(copy, 4)] == [ACK, ERROR]
    assert list(device.plugged_runs()) == [(0, 4)]
    assert (host.left, len(sink.events)) == (1, 2)
