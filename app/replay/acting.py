"""The acts of a failure file, done on a guest: each says in words what it did.

Kept here: an act that the guest refuses changes nothing.
Left out: when they are done, and what is expected of them (app.replay.playing).
"""

from collections.abc import Callable, Mapping
from typing import Any

from app.errors import InvalidValue, Unknown
from app.guest.allocations import Allocation, AllocationSpec
from app.guest.boot import RebootKind
from app.guest.driver_module import load_driver, unload_driver
from app.guest.faults.rules_json import change_rule
from app.guest.guest import Guest
from app.guest.random_stream import RandomStream
from app.replay.script import Act, NamedFault
from app.units import format_size

_Members = Mapping[str, Any]


class Stage:
    """A guest, and the names by which a file speaks of its rules."""

    def __init__(self, guest: Guest) -> None:
        """Starts without names, and before anything was done."""
        self.guest = guest
        # name -> number of the rule
        self.rules: dict[str, int] = {}
        # Of the work item that ended last; None before the first.
        self.outcome: Mapping[str, object] | None = None

    def do(self, act: Act) -> str:
        """Does an act, and tells it; its time does not pass here.

        Raises what the guest raises.
        """
        return _DO[act.word](self, act.members)

    def add_fault(self, fault: NamedFault) -> str:
        """Adds a rule under its name, and tells what it may do.

        Raises InvalidValue when the name is taken.
        """
        if fault.name in self.rules:
            raise InvalidValue("name", fault.name, "a name that no other rule has")
        rule = self.guest.faults.add(fault.spec)
        number, warnings = rule["id"], rule["warnings"]
        assert isinstance(number, int)
        assert isinstance(warnings, list)
        self.rules[fault.name] = number
        warned = "".join(f" (warning: {warning})" for warning in warnings)
        return f"add fault {fault.name}: {fault.spec.kind}{warned}"

    def rule_of(self, name: str) -> int:
        """Returns the number of a rule.

        Raises Unknown.
        """
        if name not in self.rules:
            raise Unknown("fault", name, self.rules)
        return self.rules[name]

    def device_of(self, members: _Members) -> str:
        """Returns the device that is named, or the only one.

        Raises InvalidValue.
        """
        devices = self.guest.describe()["devices"]
        assert isinstance(devices, list)
        ids = [device["id"] for device in devices]
        named = members.get("device")
        if named is None and len(ids) != 1:
            raise InvalidValue("device", None, f"one of {', '.join(ids)}" if ids else "a guest with a device")
        return ids[0] if named is None else str(named)

    def allocation_of(self, label: str) -> Allocation:
        """Returns the newest allocation of that label.

        Raises Unknown.
        """
        rows = {row.label: row for row in self.guest.pages.allocations}
        if label not in rows:
            raise Unknown("allocation", label, rows)
        return rows[label]


def _resize(stage: Stage, members: _Members) -> str:
    device, size = stage.device_of(members), members["size"]
    stage.guest.begin_resize(device, size)
    return f"resize {device} to {format_size(size)}"


def _plug(stage: Stage, members: _Members) -> str:
    device, size = stage.device_of(members), members["size"]
    stage.guest.begin_resize(device, stage.guest.target_above(device, size))
    return f"plug {format_size(size)} of {device}"


def _unplug(stage: Stage, members: _Members) -> str:
    device, size = stage.device_of(members), members["size"]
    stage.guest.begin_resize(device, stage.guest.target_below(device, size))
    return f"unplug {format_size(size)} of {device}"


def _settle(stage: Stage, members: _Members) -> str:
    del members
    stage.guest.settle()
    return "settle: drivers run until they rest"


def _fault(stage: Stage, members: _Members) -> str:
    return stage.add_fault(members["fault"])


def _change_fault(stage: Stage, members: _Members) -> str:
    number = stage.rule_of(members["name"])
    spec = change_rule(stage.guest.faults.get(number).spec, members["changes"])
    stage.guest.faults.change(number, spec)
    return f"change fault {members['name']}"


def _remove_fault(stage: Stage, members: _Members) -> str:
    stage.guest.faults.remove(stage.rule_of(members["name"]))
    del stage.rules[members["name"]]
    return f"remove fault {members['name']}"


def _reboot(stage: Stage, members: _Members) -> str:
    stage.guest.reboot(RebootKind(members["kind"]))
    return f"reboot: {members['kind']}"


def _memory_block(stage: Stage, members: _Members) -> str:
    stage.guest.blocks.set_state(members["id"], members["state"])
    return f"set memory block {members['id']} {members['state']}"


def _load_driver(stage: Stage, members: _Members) -> str:
    device = stage.device_of(members)
    load_driver(stage.guest, device, members["parameters"])
    return f"load the driver of {device}"


def _unload_driver(stage: Stage, members: _Members) -> str:
    device = stage.device_of(members)
    unload_driver(stage.guest, device)
    return f"unload the driver of {device}"


def _allocate(stage: Stage, members: _Members) -> str:
    asked = {
        name: members[name]
        for name in ("kind", "order", "at_pfns", "label", "is_highatomic")
        if name in members
    }
    nr_pages = members.get("nr_pages", 0)
    if "size" in members:
        nr_pages, rest = divmod(members["size"], stage.guest.geometry.page_size)
        if rest:
            raise InvalidValue("size", members["size"], f"a multiple of {stage.guest.geometry.page_size}")
    row = stage.guest.pages.allocate(AllocationSpec(nr_pages=nr_pages, **asked))
    return f"allocate {members['label']}: {row['nr_pages']} pages, {row['kind']}"


def _free(stage: Stage, members: _Members) -> str:
    row = stage.allocation_of(members["label"])
    freed = stage.guest.pages.free(row.id, members["fraction"], members["seed"])
    return f"free {freed['freed_pages']} pages of {members['label']}"


def _pin(stage: Stage, members: _Members) -> str:
    """Pins a part of an allocation where it is."""
    stage.guest.condition.require_running()
    row = stage.allocation_of(members["label"])
    nr_runs = int((row.nr_pages >> row.order) * members["fraction"])
    pinned = stage.guest.pages.allocations.pin(row.id, nr_runs, RandomStream(members["seed"]))
    return f"pin {pinned} pages of {members['label']}"


_DO: Mapping[str, Callable[[Stage, _Members], str]] = {
    "resize": _resize,
    "plug": _plug,
    "unplug": _unplug,
    "settle": _settle,
    "fault": _fault,
    "change_fault": _change_fault,
    "remove_fault": _remove_fault,
    "reboot": _reboot,
    "memory_block": _memory_block,
    "load_driver": _load_driver,
    "unload_driver": _unload_driver,
    "allocate": _allocate,
    "free": _free,
    "pin": _pin,
}
