"""Random lives of a device: host, driver and resets act in turn, and every moment can be looked at."""

from collections.abc import Iterator
from typing import NamedTuple

from app.guest.random_stream import RandomStream
from app.units import MIB
from app.virtio_mem.device import Device
from app.virtio_mem.protocol import DeviceConfig, Request, RequestType, ResponseType
from app.virtio_mem.region import DeviceRegion

BLOCK = 2 * MIB
ADDR = 8 * MIB
REGION = DeviceRegion(ADDR, 32 * MIB, BLOCK, extent=6 * MIB)
NR_ACTS = 400
# As often as not a random PLUG or UNPLUG is refused, so that they are tried more often than the rest.
_ACTS = ("target", "system_reset", "reset", "STATE", "UNPLUG_ALL", *("PLUG", "UNPLUG") * 4)


class Moment(NamedTuple):
    """One act and what it changed; `answer`: of a request, else None."""

    act: str
    answer: ResponseType | None
    before: DeviceConfig
    after: DeviceConfig
    nr_notifications: int
    # The blocks plugged after it, counted one by one.
    plugged: frozenset[int]


def live(seed: int, region: DeviceRegion = REGION) -> Iterator[Moment]:
    """Yields each moment of a random life of a device."""
    device = Device("vm0", region)
    draws = RandomStream(seed).below(1 << 16, 4 * NR_ACTS).reshape(NR_ACTS, 4).tolist()
    for what, first, count, size in draws:
        act = _ACTS[what % len(_ACTS)]
        before, generation = device.config, device.generation
        answer = _do(device, act, (first % region.nr_blocks, 1 + count % 6), size % (region.nr_blocks + 1))
        blocks = frozenset(block for start, end in device.plugged_runs() for block in range(start, end))
        yield Moment(act, answer, before, device.config, device.generation - generation, blocks)


def _do(device: Device, act: str, blocks: tuple[int, int], target: int) -> ResponseType | None:
    if act == "target":
        device.set_requested_size(target * BLOCK)
    elif act == "system_reset":
        device.system_reset()
    elif act == "reset":
        device.reset()
    else:
        first, count = blocks
        addr = device.region.addr + first * BLOCK
        return device.handle(Request(RequestType[act], addr, count)).type
    return None
