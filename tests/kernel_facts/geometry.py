"""What the driver makes of device block sizes: its mode, its sub-block, and what it then plugs and unplugs."""

import re
from collections.abc import Iterator

from app.guest.creation import create_guest
from app.guest.spec import DeviceSpec, GuestSpec, choose_geometry
from app.mm.policies.quantities import Mode, Quantities, quantities
from app.mm.policies.release import policy_for_release
from app.virtio_mem.device import Device
from app.virtio_mem.region import DeviceRegion
from tests.kernel_facts import steps, wording
from tests.kernel_facts.facts import FactTable, Row
from tests.kernel_facts.playing import Played
from tests.kernel_facts.recordings import Json, Setting, requests_of, scenario

NAME = "geometry"
NO_BIG_BLOCKS = "big block mode is not simulated yet"
_DEVICE_START = _DEVICE_SIZE = 4 << 30
_NUMBER = re.compile(r"virtio_mem virtio0: ([a-z ]+): 0x([0-9a-f]+)$")


def rows(kernel: str) -> list[Row]:
    """Returns the facts of the scenario."""
    facts = scenario(kernel, NAME)
    table = FactTable(kernel, NAME)
    settings = {setting.device_block_size: setting for setting in facts.settings}
    played: Played | None = None
    mode = Mode.REFUSED
    for number, step in enumerate(facts.steps):
        if step.get("what") == "insmod":
            table.at(number, f"blocks of {wording.mib(step['block_size'])} {step['params']}".strip())
            mode = _recorded_mode(step)
            played = _add_probe(table, settings[step["block_size"]], step, mode)
        elif step["step"] == "resize":
            table.at(number)
            _add_resize(table, step, played, mode)
    return table.rows


def _add_probe(table: FactTable, setting: Setting, step: Json, mode: Mode) -> Played | None:
    """Adds what the driver found when it was loaded; returns the guest, or None without a driver that runs."""
    printed = dict(_numbers(step["kmsg"]))
    if step["params"] and mode is Mode.BIG_BLOCK:
        table.later("mode", mode, "force_bbm and bbm_block_size come with big block mode")
        return None
    sizes = computed(setting)
    table.exact("mode", mode, sizes.mode)
    if mode is Mode.BIG_BLOCK:
        table.exact("big block size", printed["big block size"], sizes.big_block_size, show=_hex)
    if mode is not Mode.SUB_BLOCK:
        return None
    played = Played(create_guest(spec_of(setting)))
    config = played.device.config
    simulated = {
        "start address": config.addr,
        "region size": config.region_size,
        "device block size": config.block_size,
        "memory block size": played.guest.geometry.memory_block_size,
        "subblock size": played.driver.subblock_size,
        "plugged size": config.plugged_size,
        "requested size": config.requested_size,
    }
    for name, value in simulated.items():
        table.exact(name, printed[name], value, show=_hex)
    return played


def _numbers(lines: list[str]) -> Iterator[tuple[str, int]]:
    """Yields name and value of each size that the driver printed."""
    for line in lines:
        if found := _NUMBER.search(line):
            yield found[1], int(found[2], 16)


def _hex(size: int | None) -> str:
    return "none" if size is None else hex(size)


def _recorded_mode(step: Json) -> Mode:
    text = "\n".join(step["kmsg"])
    if "not supported" in text:
        return Mode.REFUSED
    return Mode.SUB_BLOCK if "subblock size" in text else Mode.BIG_BLOCK


def computed(setting: Setting) -> Quantities:
    """Returns what the model computes for this block size, whether it can run it or not."""
    geometry = choose_geometry(spec_of(setting))
    return quantities(geometry, policy_for_release(setting.release), setting.device_block_size)


def spec_of(setting: Setting) -> GuestSpec:
    """Returns what to ask for to get a guest of these sizes."""
    policy = policy_for_release(setting.release)
    return GuestSpec(
        name="recorded",
        boot_size=setting.boot_bytes,
        policy=policy.name,
        online=setting.online,
        devices=(DeviceSpec(size=setting.device_bytes, block_size=setting.device_block_size),),
    )


def _add_resize(table: FactTable, step: Json, played: Played | None, mode: Mode) -> None:
    """Adds a resize; without a driver that works, the device alone decides: nothing moves."""
    if played is not None:
        steps.add_resize(table, step, played.resize(step["requested"]))
    elif mode is Mode.BIG_BLOCK:
        table.later("requests", wording.requests(requests_of(step)), NO_BIG_BLOCKS)
    else:
        region = DeviceRegion(_DEVICE_START, _DEVICE_SIZE, 256 * wording.MIB)
        device = Device("vm0", region)
        device.set_requested_size(step["requested"])
        table.exact("size reached without a driver", step["size"], device.plugged_size, show=wording.mib)
