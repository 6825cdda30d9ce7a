"""What the driver makes of device block sizes: its mode, its sub-block, and what it then plugs and unplugs."""

import re
from collections.abc import Iterator

from app.guest.creation import create_guest
from app.guest.spec import DeviceSpec, GuestSpec, choose_geometry
from app.mm.policies.quantities import Mode, Quantities, quantities
from app.mm.policies.release import policy_for_release
from app.virtio_mem.device import Device
from app.virtio_mem.driver.options import DriverModule, ModuleParameters
from app.virtio_mem.region import DeviceRegion
from tests.kernel_facts import steps, wording
from tests.kernel_facts.facts import FactTable, Row
from tests.kernel_facts.playing import Played
from tests.kernel_facts.recordings import Json, Setting, scenario

NAME = "geometry"
_DEVICE_START = _DEVICE_SIZE = 4 << 30
_UNKNOWN = re.compile(r"unknown parameter '(\w+)' ignored")
_TOO_SMALL = re.compile(r"(bbm_block_size) is too small")
_NUMBER = re.compile(r"virtio_mem virtio0: ([a-z ]+): 0x([0-9a-f]+)$")


def rows(kernel: str) -> list[Row]:
    """Returns the facts of the scenario."""
    facts = scenario(kernel, NAME)
    table = FactTable(kernel, NAME)
    settings = {setting.device_block_size: setting for setting in facts.settings}
    played: Played | None = None
    for number, step in enumerate(facts.steps):
        if step.get("what") == "insmod":
            table.at(number, f"blocks of {wording.mib(step['block_size'])} {step['params']}".strip())
            played = _add_probe(table, settings[step["block_size"]], step, _recorded_mode(step))
        elif step["step"] == "resize":
            table.at(number)
            _add_resize(table, step, played)
    return table.rows


def _add_probe(table: FactTable, setting: Setting, step: Json, mode: Mode) -> Played | None:
    """Adds what the driver found when it was loaded; returns the guest, or None when it refused the device."""
    printed = dict(_numbers(step["kmsg"]))
    if mode is Mode.REFUSED:
        table.exact("mode", mode, computed(setting).mode)
        return None
    played = Played(create_guest(spec_of(setting, parameters_of(step["params"]))))
    config, driver = played.device.config, played.driver
    table.exact("mode", mode, driver.plan.mode)
    simulated = {
        "start address": config.addr,
        "region size": config.region_size,
        "device block size": config.block_size,
        "memory block size": played.guest.geometry.memory_block_size,
        "big block size" if mode is Mode.BIG_BLOCK else "subblock size": driver.unit_size,
        "plugged size": config.plugged_size,
        "requested size": config.requested_size,
    }
    for name, value in simulated.items():
        table.exact(name, printed[name], value, show=_hex)
    if step["params"]:
        told = " ".join(step["kmsg"])
        passed_over = frozenset(_UNKNOWN.findall(told) + _TOO_SMALL.findall(told))
        table.exact("parameters passed over", passed_over, frozenset(driver.ignored_parameters), show=_names)
    return played


def parameters_of(text: str) -> ModuleParameters:
    """Returns the parameters that insmod was given, as "force_bbm=1 bbm_block_size=536870912"."""
    given = dict(word.split("=") for word in text.split())
    return ModuleParameters(
        force_bbm=given.get("force_bbm") == "1",
        bbm_block_size=int(given.get("bbm_block_size", 0)),
        bbm_safe_unplug=given.get("bbm_safe_unplug") != "0",
    )


def _names(found: frozenset[str]) -> str:
    return ", ".join(sorted(found)) or "none"


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


def spec_of(setting: Setting, parameters: ModuleParameters | None = None) -> GuestSpec:
    """Returns what to ask for to get a guest of these sizes."""
    policy = policy_for_release(setting.release)
    device = DeviceSpec(
        size=setting.device_bytes,
        block_size=setting.device_block_size,
        driver=DriverModule(parameters=parameters or ModuleParameters()),
    )
    return GuestSpec(
        name="recorded",
        boot_size=setting.boot_bytes,
        policy=policy.name,
        online=setting.online,
        devices=(device,),
    )


def _add_resize(table: FactTable, step: Json, played: Played | None) -> None:
    """Adds a resize; without a driver that works, the device alone decides: nothing moves."""
    if played is not None:
        steps.add_resize(table, step, played.resize(step["requested"]))
        return
    region = DeviceRegion(_DEVICE_START, _DEVICE_SIZE, 256 * wording.MIB)
    device = Device("vm0", region)
    device.set_requested_size(step["requested"])
    table.exact("size reached without a driver", step["size"], device.plugged_size, show=wording.mib)
