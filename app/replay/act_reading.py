"""What is done to a guest, from a file: one act to a step, named by its key.

    resize: {device: vm0, size: 2GiB}          plug, unplug: by how much         settle: yes
    fault: {name: busy, kind: device_busy}     change_fault, remove_fault        reboot: system_reset
    allocate: {label: slab, kind: unmovable, size: 4MiB}                         free, pin: {label: slab, fraction: 0.5}

Left out: doing it (app.replay.acting).
"""

from collections.abc import Callable, Mapping
from dataclasses import fields

from app.guest.block_states import STATES
from app.guest.boot import RebootKind
from app.guest.driver_module import ModuleParameters
from app.guest.faults.rules_json import read_rule
from app.replay.plain import at_line, plain
from app.replay.script import Act, NamedFault
from app.replay.spec_reading import read_parameters
from app.scenario.reading.document import Value

LARGEST_SIZE = 1 << 60
LARGEST_INTEGER = (1 << 53) - 1
LONGEST_NAME = 100
MOST_PFNS = 4096
REBOOTS = tuple(str(kind) for kind in RebootKind)
_Members = Mapping[str, object]


def read_act(word: str, value: Value) -> Act:
    """Returns the act of that word.

    Raises ScenarioInvalid.
    """
    return Act(word, ACTS[word](value))


def read_fault(name: str, value: Value) -> NamedFault:
    """Returns a fault rule under its name in the file.

    Raises ScenarioInvalid.
    """
    with at_line(value):
        return NamedFault(name, read_rule(plain(value), field=value.field), value.line)


def _size_act(value: Value) -> _Members:
    members = value.mapping(("device", "size"))
    return {"size": value.require("size").size(LARGEST_SIZE), **_texts(members, "device")}


def _fault(value: Value) -> _Members:
    """Reads a rule that has its name among its members."""
    name = value.require("name").text(longest=LONGEST_NAME)
    assert isinstance(value.content, dict)
    rule = {key: member for key, member in value.content.items() if key != "name"}
    return {"fault": read_fault(name, Value(rule, value.field, value.file, value.line, value.column))}


def _change_fault(value: Value) -> _Members:
    """Reads what a rule says anew; whether it can say so is seen when it does."""
    name = value.require("name").text(longest=LONGEST_NAME)
    changes = plain(value)
    assert isinstance(changes, dict)
    return {"name": name, "changes": {key: member for key, member in changes.items() if key != "name"}}


def _name(value: Value) -> _Members:
    return {"name": value.text(longest=LONGEST_NAME)}


def _settle(value: Value) -> _Members:
    if not value.boolean():
        raise value.refuse("yes, or no such step")
    return {}


def _memory_block(value: Value) -> _Members:
    value.mapping(("id", "state"))
    return {
        "id": value.require("id").integer(0, LARGEST_INTEGER),
        "state": value.require("state").word(STATES),
    }


def _load_driver(value: Value) -> _Members:
    """Reads the module's parameters."""
    names = tuple(field.name for field in fields(ModuleParameters))
    members = value.mapping(("device", *names))
    with at_line(value):
        parameters = read_parameters({name: members[name] for name in names if name in members})
    return {"parameters": parameters, **_texts(members, "device")}


def _unload_driver(value: Value) -> _Members:
    return _texts(value.mapping(("device",)), "device")


def _reboot(value: Value) -> _Members:
    return {"kind": value.word(REBOOTS)}


def _allocate(value: Value) -> _Members:
    members = value.mapping(("label", "kind", "order", "size", "nr_pages", "at_pfns", "highatomic"))
    amounts = [key for key in ("size", "nr_pages", "at_pfns") if key in members]
    if len(amounts) != 1:
        raise value.refuse("size, nr_pages or at_pfns, one of them", value=", ".join(amounts) or None)
    found: dict[str, object] = {
        "label": value.require("label").text(longest=LONGEST_NAME),
        "kind": value.require("kind").text(longest=LONGEST_NAME),
        "is_highatomic": "highatomic" in members and members["highatomic"].boolean(),
    }
    if "order" in members:
        found["order"] = members["order"].integer(0, LARGEST_INTEGER)
    if "size" in members:
        found["size"] = members["size"].size(LARGEST_SIZE)
    if "nr_pages" in members:
        found["nr_pages"] = members["nr_pages"].integer(1, LARGEST_INTEGER)
    if "at_pfns" in members:
        pfns = members["at_pfns"].items(shortest=1, longest=MOST_PFNS)
        found["at_pfns"] = tuple(pfn.integer(0, LARGEST_INTEGER) for pfn in pfns)
    return found


def _part(value: Value) -> _Members:
    """Reads an allocation, and which part of it."""
    members = value.mapping(("label", "fraction", "seed"))
    fraction = plain(members["fraction"]) if "fraction" in members else 1.0
    if not isinstance(fraction, int | float) or isinstance(fraction, bool) or not 0 < fraction <= 1:
        raise members["fraction"].refuse("a number above 0, up to 1")
    return {
        "label": value.require("label").text(longest=LONGEST_NAME),
        "fraction": float(fraction),
        "seed": members["seed"].integer(0, LARGEST_INTEGER) if "seed" in members else 0,
    }


def _texts(members: Mapping[str, Value], *names: str) -> dict[str, object]:
    return {name: members[name].text(longest=LONGEST_NAME) for name in names if name in members}


ACTS: Mapping[str, Callable[[Value], _Members]] = {
    "resize": _size_act,
    "plug": _size_act,
    "unplug": _size_act,
    "settle": _settle,
    "fault": _fault,
    "change_fault": _change_fault,
    "remove_fault": _name,
    "reboot": _reboot,
    "memory_block": _memory_block,
    "load_driver": _load_driver,
    "unload_driver": _unload_driver,
    "allocate": _allocate,
    "free": _part,
    "pin": _part,
}
