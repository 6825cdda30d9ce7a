"""What can be found of a guest that is played: by the words that a file's expectations use, as the API describes it.

Left out: comparing it with what is expected (app.replay.matching).
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from app.guest.guest import Guest
from app.replay.acting import Stage

_KIB = 1024


class DeviceRow(NamedTuple):
    """A device in a line: bytes plugged and requested, and what its driver is at."""

    id: str
    size: int
    requested_size: int
    driver: str


def device_rows(guest: Guest) -> tuple[DeviceRow, ...]:
    """Returns the guest's devices."""
    rows = guest.describe()["devices"]
    assert isinstance(rows, list)
    return tuple(
        DeviceRow(row["id"], row["size"], row["requested_size"], row["driver"]["state"]) for row in rows
    )


def _devices(stage: Stage) -> object:
    return {row.id: stage.guest.describe_device(row.id) for row in device_rows(stage.guest)}


def _faults(stage: Stage) -> object:
    faults = stage.guest.faults
    return {name: faults.describe(faults.get(number)) for name, number in stage.rules.items()}


def _meminfo(stage: Stage) -> object:
    """Returns what /proc/meminfo says, in bytes where it counts kB."""
    rows = [line.split() for line in stage.guest.proc("meminfo").splitlines()]
    return {row[0].rstrip(":"): int(row[1]) * (_KIB if row[2:] == ["kB"] else 1) for row in rows}


def _memory_blocks(stage: Stage) -> object:
    rows = stage.guest.memory_blocks()["memory_blocks"]
    assert isinstance(rows, list)
    return {str(row["id"]): row for row in rows}


def _outcome(stage: Stage) -> object:
    return stage.outcome or {"state": "none: no driver has ended a work item yet"}


FOUND: Mapping[str, Callable[[Stage], object]] = {
    "condition": lambda stage: stage.guest.condition.describe(),
    "devices": _devices,
    "digest": lambda stage: stage.guest.digest(),
    "event_digest": lambda stage: stage.guest.event_digest(),
    "faults": _faults,
    "meminfo": _meminfo,
    "memory": lambda stage: stage.guest.describe()["memory"],
    "memory_blocks": _memory_blocks,
    "outcome": _outcome,
    "time_us": lambda stage: stage.guest.clock.now_us,
}
