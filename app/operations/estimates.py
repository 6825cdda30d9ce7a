"""How long a call on a guest will take, roughly: enough to tell what may run on the event loop.

Estimates err on the long side: a thread costs a tenth of a millisecond, a loop that stands still is felt by
everybody. They read the guest's description, which is at hand, and never the guest. Measured on one core of
2024; where a machine is slower by a factor, so is the limit of 1 ms.
"""

from typing import Any, cast

from app.guest.spec import GuestSpec
from app.operations.registry import Description

# Every call pays this much for its Python.
_CALL_US = 100
# Bytes per microsecond: a driver's walk over free memory, and over memory of which every page has to move.
_FREE_BYTES_PER_US = 500_000
_USED_BYTES_PER_US = 4_000
# What cannot be foreseen is taken for long.
UNKNOWN_US = 1_000_000
_PAGE_SIZE = 4096  # of most guests; a larger one has fewer pages to a byte, and is estimated too long


def creation_us(spec: GuestSpec) -> int:
    """Making a guest: its boot memory, what its devices plug, and its workload, page by page."""
    plugged = sum(device.requested_size for device in spec.devices)
    filled = spec.boot_size + plugged if spec.workload else 0
    return _CALL_US + _walk_us(spec.boot_size + plugged, filled)


def resize_us(description: Description, device_id: str, requested_size: int) -> int:
    """Setting a device's target."""
    devices = cast("list[dict[str, Any]]", description["devices"])
    sizes = [device["size"] for device in devices if device["id"] == device_id]
    return amount_us(description, max((abs(size - requested_size) for size in sizes), default=0))


def amount_us(description: Description, size: int) -> int:
    """Plugging, unplugging or taking `size` bytes: at worst, all used memory of the guest lies in the way."""
    return _CALL_US + _walk_us(size, min(size, _used(description)))


def retries_us(description: Description) -> int:
    """Letting time pass: nothing happens, or drivers retry what they could not do, any number of times."""
    devices = cast("list[dict[str, Any]]", description["devices"])
    is_waiting = any(device["driver"]["state"] == "waiting_retry" for device in devices)
    return UNKNOWN_US if is_waiting else _CALL_US


def pages_us(description: Description, nr_pages: int) -> int:
    """Taking `nr_pages` pages in one range, migrating what is there."""
    return amount_us(description, nr_pages * _PAGE_SIZE)


def allocation_us(nr_pages: int, nr_pieces: int) -> int:
    """Allocating pages by the buddy allocator, and pieces at exact places, which are checked one by one."""
    return _CALL_US + nr_pages // 20 + nr_pieces * 20


def walk_us(description: Description) -> int:
    """Looking at every run of pages of the guest: freeing a part, pageblocks, the map, the invariants."""
    memory = cast("dict[str, int]", description["memory"])
    return _CALL_US + _walk_us(memory["total"], _used(description))


def _walk_us(size: int, used: int) -> int:
    return size // _FREE_BYTES_PER_US + used // _USED_BYTES_PER_US


def _used(description: Description) -> int:
    memory = cast("dict[str, int]", description["memory"])
    return memory["total"] - memory["free"]
