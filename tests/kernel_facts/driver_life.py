"""A driver that comes late, is told the same again, goes and comes back, may not unplug, or is overtaken."""

import errno
import re
from functools import partial

from app.errors import ModuleRefused
from app.guest.driver_module import load_driver, unload_driver
from app.trace.events import DriverUnloaded
from app.virtio_mem.device import Device
from app.virtio_mem.driver.options import ModuleParameters
from app.virtio_mem.protocol import Request, Response
from tests.kernel_facts import steps, wording
from tests.kernel_facts.facts import FactTable, Row
from tests.kernel_facts.playing import Played
from tests.kernel_facts.recordings import Json, Scenario, requests_of, scenario
from tests.kernel_facts.starting import booted

NAME = "misc"
_MIB_512 = 512 << 20
_PROBE_FAILED = re.compile(r"probe of virtio0 failed with error (-\d+)")
# Number and content of the steps that say what they are.
_Steps = dict[str, tuple[int, Json]]


def rows(kernel: str) -> list[Row]:
    """Returns the facts of the scenario."""
    facts = scenario(kernel, NAME)
    table = FactTable(kernel, NAME)
    by_what: _Steps = {step.get("what", ""): (number, step) for number, step in enumerate(facts.steps)}
    late = _add_late_driver(table, facts, by_what)
    _add_same_again(table, by_what["the same requested-size again"], late)
    _add_reload(table, by_what, late)
    _add_no_unplug(table, facts)
    _add_overtaken(table, facts, by_what["4G then 512M after 30 ms"])
    return table.rows


def _add_late_driver(table: FactTable, facts: Scenario, by_what: _Steps) -> Played:
    """Adds that a request without a driver is only noted, and carried out once there is one."""
    played = booted(facts.kernel, facts.settings[0])
    unload_driver(played.guest, "vm0")
    number, step = by_what["no driver loaded"]
    table.at(number)
    done = played.resize(step["requested"])
    table.exact("size reached without a driver", step["size"], done.size, show=wording.mib)
    number, step = by_what["driver loaded after the request"]
    table.at(number)
    done = played.watch(partial(_load, played))
    steps.add_resize(table, step, done)
    return played


def _load(played: Played) -> None:
    load_driver(played.guest, "vm0", ModuleParameters())
    played.guest.settle()


def _add_same_again(table: FactTable, found: tuple[int, Json], played: Played) -> None:
    number, step = found
    table.at(number)
    done = played.resize(played.device.requested_size)
    table.exact("requests", requests_of(step), done.requests, show=wording.requests)


def _add_reload(table: FactTable, by_what: _Steps, played: Played) -> None:
    """Adds that a driver can go with its memory added, which stays, and that none can come back then."""
    number, step = by_what["rmmod with 1 GiB plugged"]
    table.at(number)
    unload_driver(played.guest, "vm0")
    is_left = any("device still has system memory added" in line for line in step["kmsg"])
    told = [event for event in played.guest.events.events if isinstance(event, DriverUnloaded)]
    table.exact("memory is left", is_left, told[-1].is_memory_left)
    _add_stay(table, step, played)
    number, step = by_what["insmod again"]
    table.at(number)
    real = [found[1] for line in step["kmsg"] if (found := _PROBE_FAILED.search(line))]
    simulated = []
    try:
        load_driver(played.guest, "vm0", ModuleParameters())
    except ModuleRefused as refusal:
        simulated = [str(-getattr(errno, str(refusal.members["errno"])))]
    table.exact("probe fails with", real, simulated)
    _add_stay(table, step, played)


def _add_stay(table: FactTable, step: Json, played: Played) -> None:
    table.exact("size", step["size"], played.device.plugged_size, show=wording.mib)
    steps.add_memory_blocks(table, step["blocks"], played)


def _add_no_unplug(table: FactTable, facts: Scenario) -> None:
    """Adds what unplug_online=0 does: nothing, until a block is set offline by hand."""
    number = next(number for number, _ in facts.find("resize", what="unplug_online=0"))
    played = booted(facts.kernel, facts.settings[1])
    played.driver.set_parameters(ModuleParameters(unplug_online=False))
    table.at(number - 1)
    plug = facts.steps[number - 1]
    steps.add_resize(table, plug, played.resize(plug["requested"]))
    table.at(number, "unplug_online=0")
    refused = facts.steps[number]
    steps.add_resize(table, refused, played.resize(refused["requested"]))
    steps.add_memory(table, refused["after"], played)
    table.at(number + 2, "set offline by hand")
    by_hand = facts.steps[number + 2]
    done = played.watch(lambda: _offline_by_hand(played))
    table.exact("size reached", by_hand["size"], done.size, show=wording.mib)
    table.exact("requests", requests_of(by_hand), done.requests, show=wording.requests)
    steps.add_memory_blocks(table, facts.steps[number + 1]["blocks"], played)


def _offline_by_hand(played: Played) -> None:
    for index in played.guest.node.memory_blocks.present_ids():
        if played.driver.owns(index):
            played.guest.blocks.set_state(index, "offline")
            played.guest.settle()


class _Hasty(Device):
    """A device whose target becomes another one while the driver is still plugging."""

    def handle(self, request: Request) -> Response:
        """Answers, and has its target changed behind the second request."""
        response = super().handle(request)
        if self.plugged_size == _MIB_512 // 2:
            self.set_requested_size(_MIB_512)
        return response


def _add_overtaken(table: FactTable, facts: Scenario, found: tuple[int, Json]) -> None:
    """Adds that a target is given up for a newer one; when it came, after 30 ms, is taken to be half way to that."""
    number, step = found
    table.at(number, "newer target while plugging")
    setting = facts.settings[2]
    played = booted(facts.kernel, setting, make_device=_Hasty)
    steps.add_resize(table, step, played.resize(setting.device_bytes))
