"""What QEMU answers to a requested-size, and to sizes on its command line: accepted or not, and why.

Left out: the words of the answers, which belong to the QMP dialect.
"""

import re

from app.errors import InvalidValue
from app.virtio_mem.device import Device
from app.virtio_mem.region import DeviceRegion
from tests.kernel_facts.facts import FactTable, Row
from tests.kernel_facts.recordings import Json, has_scenario, scenario

NAME = "qmp_errors"
_GIB = 1 << 30
_OPTION = re.compile(r"(requested-size|block-size|memaddr)=(\w+)")
_NO_DIALECT = "the QMP dialect is not there yet"
_ADDRESS = 4 * _GIB
# What an answer says, and the field that the simulator names.
_REASONS = {
    "multiples of 'block-size'": "no multiple of the block size",
    "cannot exceed": "more than the device's size",
    "power of two": "block size",
    "at least 0x100000": "block size",
    "must be multiple of": "size",
    "must be aligned": "address",
}
_FIELDS = {"block_size": "block size", "size": "size", "addr": "address"}


def rows(kernel: str) -> list[Row]:
    """Returns the facts of the scenario, if it was recorded with this kernel."""
    if not has_scenario(kernel, NAME):
        return []
    table = FactTable(kernel, NAME)
    for number, step in scenario(kernel, NAME).find("note"):
        table.at(number, step["what"])
        if "started" in step:
            _add_start(table, step)
        else:
            _add_answer(table, step)
    return table.rows


def _add_answer(table: FactTable, step: Json) -> None:
    """Adds the answer to a qom-set of requested-size with a whole number; others are the dialect's matter."""
    sent = step["sent"].get("arguments", {})
    value = sent.get("value")
    is_size = sent.get("property") == "requested-size" and sent.get("path") == "/machine/peripheral/vm0"
    answer = step["answer"].get("error", {}).get("desc", "accepted")
    if not is_size or type(value) is not int or "expects" in answer:
        table.later("answer", answer, _NO_DIALECT)
    else:
        table.exact("answer", _reason(answer), _answer(value % (1 << 64)))


def _reason(answer: str) -> str:
    return next((reason for words, reason in _REASONS.items() if words in answer), answer)


def _answer(requested_size: int) -> str:
    """Returns what is wrong with a target, in the words of the reasons."""
    device = Device("vm0", DeviceRegion(_ADDRESS, 4 * _GIB, 2 << 20))
    try:
        device.set_requested_size(requested_size)
    except InvalidValue as error:
        return _reason_of_target(error)
    return "accepted"


def _reason_of_target(error: InvalidValue) -> str:
    return _REASONS["multiples of 'block-size'" if "a multiple" in str(error) else "cannot exceed"]


def _add_start(table: FactTable, step: Json) -> None:
    """Adds whether a machine starts with such a device. The size of the device is not told where it is the subject."""
    error = step.get("error", "accepted")
    told = dict(_OPTION.findall(error))
    block_size = step.get("block_size") or int(told.get("block-size", 2 << 20))
    requested = step.get("requested") or int(told.get("requested-size", 0))
    address = int(told.get("memaddr", hex(_ADDRESS)), 16)
    if "device size" in step["what"] or _reason(error) == error != "accepted":
        table.later("start", error.rpartition(": ")[2], _NO_DIALECT)
    else:
        table.exact("start", _reason(error), _start(address, block_size, requested_size=requested))


def _start(address: int, block_size: int, *, requested_size: int) -> str:
    region = DeviceRegion(address, 4 * _GIB, block_size)
    try:
        Device("vm0", region, requested_size=requested_size)
    except InvalidValue as error:
        field = str(error.members["field"])
        return _FIELDS.get(field) or _reason_of_target(error)
    return "accepted"
