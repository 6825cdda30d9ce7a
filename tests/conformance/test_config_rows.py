"""V-1 to V-13: the config space and its notifications."""

from dataclasses import FrozenInstanceError

import pytest

from app.errors import InvalidValue
from app.units import GIB, KIB, MIB
from app.virtio_mem.device import Device
from app.virtio_mem.protocol import ALL_FEATURES, Feature, Request, RequestType, ResponseType
from app.virtio_mem.region import DeviceRegion
from tests.conformance.boards import over_the_wire
from tests.conformance.lives import BLOCK, REGION, live
from tests.conformance.wire import WirePort
from tests.virtio_mem.board import TOY, build

SEEDS = (1, 2, 3)
SIZES = tuple(size * MIB for size in (24, 9, 64, 0))


@pytest.mark.row("V-1")
def test_driver_has_no_way_to_write_the_config() -> None:
    """Neither the port nor the config takes a value, and a life of a driver moves what requests move."""
    board = over_the_wire(build(TOY))
    port = WirePort(board.device)
    for thing, field in ((port, "config"), (port.config, "requested_size"), (port, "requested_size")):
        with pytest.raises(AttributeError):
            setattr(thing, field, 0)
    for size in SIZES:
        board.device.set_requested_size(size)
        before = board.device.config
        board.driver.run()
        assert board.device.config == before._replace(plugged_size=size)


@pytest.mark.row("V-2")
@pytest.mark.parametrize("node_id", [1, 0xFFFF])
def test_driver_ignores_padding_and_a_node_that_is_not_valid(node_id: int) -> None:
    """Dirt in the padding, and a node_id without ACPI_PXM, change no request."""
    clean, dirty = build(TOY), build(TOY)
    region = dirty.device.region
    features = ALL_FEATURES & ~Feature.ACPI_PXM
    device = Device(
        "vm0",
        DeviceRegion(region.addr, region.region_size, region.block_size, node_id),
        features=features,
        sink=dirty.sink,
    )
    dirty = over_the_wire(dirty._replace(device=device))
    for size in SIZES:
        clean.resize(size)
        dirty.resize(size)
    assert dirty.requests() == clean.requests()
    assert dirty.device.negotiated == features


@pytest.mark.row("V-3")
def test_target_and_usable_region_change_while_a_driver_runs() -> None:
    """Both fields of the config follow the host."""
    board = build(TOY)
    device = Device("vm0", DeviceRegion(4 * GIB, 4 * GIB))
    seen = []
    for size in (512 * MIB, 1 * GIB, 0):
        device.set_requested_size(size)
        seen.append((device.config.requested_size, device.config.usable_region_size))
    assert seen == [(512 * MIB, 768 * MIB), (1 * GIB, 1280 * MIB), (0, 1280 * MIB)]
    assert board.resize(8 * MIB).size == 8 * MIB


@pytest.mark.row("V-4")
@pytest.mark.parametrize("seed", SEEDS)
def test_place_and_granularity_never_change(seed: int) -> None:
    """Block size, node, address and region size are the same at every moment, and nobody can set them."""
    fixed = {moment.after[:4] for moment in live(seed)}
    assert fixed == {(BLOCK, 0, REGION.addr, REGION.region_size)}
    for field in ("block_size", "node_id", "addr", "region_size"):
        with pytest.raises(FrozenInstanceError):
            setattr(REGION, field, 0)


@pytest.mark.row("V-5")
@pytest.mark.parametrize("seed", SEEDS)
def test_plugged_size_is_the_sum_of_plugged_blocks(seed: int) -> None:
    """Counted block by block at every moment."""
    moments = list(live(seed))
    assert all(moment.after.plugged_size == len(moment.plugged) * BLOCK for moment in moments)
    assert len({moment.after.plugged_size for moment in moments}) > 5


@pytest.mark.row("V-6", "V-9")
@pytest.mark.parametrize("seed", SEEDS)
def test_usable_region_holds_the_target_and_stays_inside(seed: int) -> None:
    """Requested <= usable <= region at every moment."""
    for moment in live(seed):
        config = moment.after
        assert config.requested_size <= config.usable_region_size <= config.region_size


@pytest.mark.row("V-7")
@pytest.mark.parametrize("block_size", [0, 1, 3 * MIB, -2 * MIB, 2 * MIB + 1])
def test_block_size_that_is_no_power_of_two_is_refused(block_size: int) -> None:
    """There is no device of such blocks."""
    with pytest.raises(InvalidValue, match=r"block_size .* power of two"):
        Device("vm0", DeviceRegion(0, 0, block_size))


@pytest.mark.row("V-8")
@pytest.mark.parametrize("seed", SEEDS)
def test_sizes_are_multiples_of_the_block(seed: int) -> None:
    """At every moment; also where the extent is none."""
    region = DeviceRegion(REGION.addr, REGION.region_size, BLOCK, extent=5 * MIB + 4 * KIB)
    for moment in live(seed, region):
        assert all(value % BLOCK == 0 for value in moment.after[2:])


@pytest.mark.row("V-8")
def test_address_size_and_target_off_the_block_are_refused() -> None:
    """They are not rounded."""
    for region in (DeviceRegion(MIB, 8 * MIB), DeviceRegion(0, 3 * MIB)):
        with pytest.raises(InvalidValue, match="multiple of block_size"):
            Device("vm0", region)
    with pytest.raises(InvalidValue, match="multiple of block_size"):
        Device("vm0", DeviceRegion(0, 8 * MIB)).set_requested_size(MIB)


@pytest.mark.row("V-9")
def test_empty_region_has_nothing_to_plug() -> None:
    """A device of 0 bytes answers, and refuses every block."""
    device = Device("vm0", DeviceRegion(4 * GIB, 0))
    assert device.config[2:] == (4 * GIB, 0, 0, 0, 0)
    for kind in (RequestType.PLUG, RequestType.UNPLUG, RequestType.STATE):
        assert device.handle(Request(kind, 4 * GIB, 1)).type is ResponseType.ERROR
    assert device.handle(Request(RequestType.UNPLUG_ALL)).type is ResponseType.ACK


@pytest.mark.row("V-10")
@pytest.mark.parametrize("seed", SEEDS)
def test_usable_region_shrinks_in_two_acts_only(seed: int) -> None:
    """Whatever else happens it stays or grows; UNPLUG_ALL and system reset do make it smaller."""
    shrinking = {
        moment.act
        for moment in live(seed)
        if moment.after.usable_region_size < moment.before.usable_region_size
    }
    assert shrinking == {"UNPLUG_ALL", "system_reset"}


@pytest.mark.row("V-11")
@pytest.mark.parametrize("seed", SEEDS)
def test_changed_target_and_usable_region_are_notified(seed: int) -> None:
    """One notification for each change, and none from UNPLUG_ALL."""
    nr_changes = 0
    for moment in live(seed):
        fields = [(config.requested_size, config.usable_region_size) for config in moment[2:4]]
        if moment.act == "UNPLUG_ALL":
            assert moment.nr_notifications == 0
        elif fields[0] != fields[1]:
            nr_changes += 1
            assert moment.nr_notifications == 1
    assert nr_changes > 10


@pytest.mark.row("V-12")
@pytest.mark.parametrize("seed", SEEDS)
def test_plugged_size_alone_is_not_notified(seed: int) -> None:
    """Served PLUG and UNPLUG requests send nothing."""
    served = [moment for moment in live(seed) if moment.answer is ResponseType.ACK and moment.act != "STATE"]
    assert {moment.act for moment in served} == {"PLUG", "UNPLUG", "UNPLUG_ALL"}
    assert [moment.nr_notifications for moment in served] == [0] * len(served)


@pytest.mark.row("V-13", "V-Q5")
def test_equal_target_is_notified_and_the_driver_looks() -> None:
    """Nothing changed, and the driver's work runs once and does nothing."""
    board = build(TOY)
    board.resize(8 * MIB)
    sent, generation, before = len(board.requests()), board.device.generation, board.device.config
    outcome = board.resize(8 * MIB)
    assert (board.device.generation, board.device.config) == (generation + 1, before)
    assert (outcome.nr_passes, len(board.requests())) == (1, sent)
