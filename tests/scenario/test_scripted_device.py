"""The device that follows a script: busy for so many unplugs, its target changed in the middle of a request."""

import pytest

from app.scenario.scripted_device import ScriptedDevice
from app.units import GIB, MIB
from app.virtio_mem.protocol import Request, RequestType, ResponseType
from app.virtio_mem.region import DeviceRegion

BLOCK = 2 * MIB


@pytest.fixture
def device() -> ScriptedDevice:
    """Returns a device of which four blocks are plugged."""
    made = ScriptedDevice("vm0", DeviceRegion(4 * GIB, 64 * MIB, BLOCK), requested_size=8 * BLOCK)
    assert ask(made, RequestType.PLUG, 0, 4) is ResponseType.ACK
    return made


def ask(device: ScriptedDevice, kind: RequestType, block: int, nb_blocks: int = 1) -> ResponseType:
    """Sends one request and returns the type of its answer."""
    return device.handle(Request(kind, device.region.addr + block * BLOCK, nb_blocks)).type


def test_device_without_script_answers_as_any_device(device: ScriptedDevice) -> None:
    """Nothing is busy, and nobody changes the target."""
    assert ask(device, RequestType.UNPLUG, 0) is ResponseType.ACK
    assert device.requested_size == 8 * BLOCK


def test_busy_script_refuses_unplugs_and_no_plug(device: ScriptedDevice) -> None:
    """Two UNPLUG requests are answered BUSY, a PLUG between them is not."""
    device.script(busy=2, change=None)
    asked = [(RequestType.UNPLUG, 0), (RequestType.PLUG, 4), (RequestType.UNPLUG, 0), (RequestType.UNPLUG, 0)]
    answers = [ask(device, kind, block).name for kind, block in asked]
    assert answers == ["BUSY", "ACK", "BUSY", "ACK"]


def test_changed_target_holds_for_the_request_under_way(device: ScriptedDevice) -> None:
    """The second request finds the target below what it would reach: NACK, and a notification was sent."""
    device.script(busy=0, change=(2, 5 * BLOCK))
    generation = device.generation
    assert ask(device, RequestType.PLUG, 4) is ResponseType.ACK
    assert device.generation == generation
    assert ask(device, RequestType.PLUG, 5) is ResponseType.NACK
    assert (device.generation, device.requested_size) == (generation + 1, 5 * BLOCK)
