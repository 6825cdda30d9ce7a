"""Checks of device and driver: recomputes what they keep from what they cannot change, and names broken laws.

Mirrors semantics section 10.
Invariants kept here: none; INV-17 to INV-22, INV-26 and INV-28 are checked here.
Left out: INV-27, which holds by construction of driver.requests and is tested there.
"""

from collections.abc import Iterator
from typing import NamedTuple

from app.units import is_aligned, is_power_of_two
from app.virtio_mem.device import Device


class Violation(NamedTuple):
    """A broken law: its id, where, what the law expects there, and what was found."""

    id: str
    where: str
    expected: str
    found: str


def verify_device(device: Device) -> list[Violation]:
    """Returns how the device breaks INV-17; linear in its blocks."""
    return list(_device_violations(device))


def _device_violations(device: Device) -> Iterator[Violation]:
    where = f"device {device.id}"
    config = device.config
    block_size = config.block_size
    if not is_power_of_two(block_size):
        yield Violation("INV-17", f"{where} block_size", "a power of two", str(block_size))
        return
    runs = list(device.plugged_runs())
    counted = sum(end - first for first, end in runs) * block_size
    if config.plugged_size != counted:
        yield Violation("INV-17", f"{where} plugged_size", str(counted), str(config.plugged_size))
    for field in ("addr", "region_size", "usable_region_size", "plugged_size", "requested_size"):
        value = getattr(config, field)
        if not is_aligned(value, block_size):
            yield Violation("INV-17", f"{where} {field}", f"a multiple of {block_size}", str(value))
    usable_end = runs[-1][1] * block_size if runs else 0
    smallest = max(usable_end, config.requested_size)
    if not smallest <= config.usable_region_size <= config.region_size:
        expected = f"{smallest} to {config.region_size}"
        yield Violation("INV-17", f"{where} usable_region_size", expected, str(config.usable_region_size))
