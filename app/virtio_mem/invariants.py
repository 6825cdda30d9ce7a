"""Checks of device and driver: recomputes what they keep from what they cannot change, and names broken laws.

Mirrors semantics section 10. No release breaks these laws, so that each violation is a failure.
Invariants kept here: none; INV-17 to INV-22, INV-26 and INV-28 are checked here.
Left out: INV-27, which holds by construction of driver.requests and is tested there; of INV-21 the reference counts,
which the model has not; of INV-22 the threshold, which is one of adding (driver.block_hotplug); of INV-26 that a
broken driver sends nothing (driver.driver); INV-30, as there is no big block mode.
"""

from collections.abc import Iterator

import numpy as np

from app.mm.census import count_kinds
from app.mm.checks.violation import Violation
from app.mm.memory_block import MemoryBlockState
from app.mm.outcome import Errno
from app.mm.page import PageKind
from app.mm.zone import ZoneId
from app.units import is_aligned, is_power_of_two
from app.virtio_mem.device import Device
from app.virtio_mem.driver.driver import RETRY_MAX_MS, RETRY_MIN_MS, Driver
from app.virtio_mem.driver.states import PARTIAL, SbmState, full_state
from app.virtio_mem.driver.subblock_mode import SubblockMode

# D-3: the timer doubles from its smallest to its largest value.
_RETRY_STEPS = tuple(min(RETRY_MIN_MS << step, RETRY_MAX_MS) for step in range(4))
_OFFLINE_STATES = (SbmState.OFFLINE, SbmState.OFFLINE_PARTIAL)
_ABSENT_STATES = (SbmState.UNUSED, SbmState.PLUGGED)


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


def verify_driver(driver: Driver, device: Device) -> list[Violation]:
    """Returns how a driver between two acts breaks INV-18 to INV-22, INV-26, INV-28; linear in its region's pages."""
    return [
        *_book_violations(driver.sbm, device),
        *_state_violations(driver.sbm),
        *_count_violations(driver.sbm),
        *_page_violations(driver.sbm),
        *_timer_violations(driver),
    ]


def _name(sbm: SubblockMode, index: int) -> str:
    return f"device {sbm.queue.device_id} memory block {sbm.first_memory_block + index}"


def _book_violations(sbm: SubblockMode, device: Device) -> Iterator[Violation]:
    """INV-18: the driver's bits are the device's, sub-block by sub-block."""
    block_size = device.region.block_size
    per_subblock = sbm.subblock_size // block_size
    for index, bits in enumerate(sbm.blocks.plugged):
        first = (sbm.address(index, 0) - device.region.addr) // block_size
        for subblock in range(sbm.blocks.subblocks_per_memory_block):
            start = first + subblock * per_subblock
            found = device.count_plugged(start, start + per_subblock)
            expected = per_subblock if bits >> subblock & 1 else 0
            if found != expected:
                where = f"{_name(sbm, index)} sub-block {subblock}"
                yield Violation("INV-18", where, f"{expected} device blocks plugged", str(found))
    booked = sbm.blocks.nr_plugged() * sbm.subblock_size
    for field, found in (
        ("device's plugged_size", device.plugged_size),
        ("own plugged_size", sbm.queue.plugged_size),
    ):
        if found != booked:
            yield Violation("INV-18", f"device {device.id} driver, {field}", str(booked), str(found))


def _state_violations(sbm: SubblockMode) -> Iterator[Violation]:
    """INV-19: each state fits the bits and what Linux has."""
    for index, bits in enumerate(sbm.blocks.plugged):
        memory_block = sbm.first_memory_block + index
        state = SbmState(sbm.blocks.states[index])
        linux = sbm.node.memory_blocks.state(memory_block)
        if linux is MemoryBlockState.ABSENT:
            expected = SbmState.PLUGGED if bits else SbmState.UNUSED
        else:
            zone: ZoneId | None = sbm.node.memory_blocks.zone_id(memory_block)
            full = full_state(zone, sbm.policy.driver_states)
            expected = full if bits == sbm.blocks.full_mask else PARTIAL[full]
        if state is not expected:
            yield Violation("INV-19", _name(sbm, index), expected.name, state.name)


def _count_violations(sbm: SubblockMode) -> Iterator[Violation]:
    """INV-20 and INV-22: counts per state, used ids, and memory that is added but not online."""
    where = f"device {sbm.queue.device_id} driver"
    blocks = sbm.blocks
    used = blocks.states[: blocks.next_index]
    for state in SbmState:
        counted = used.count(state)
        if blocks.counts[state] != counted:
            yield Violation(
                "INV-20", f"{where} count of {state.name}", str(counted), str(blocks.counts[state])
            )
    if any(blocks.states[blocks.next_index :]) or blocks.next_index > blocks.nr_memory_blocks:
        yield Violation("INV-20", f"{where} next_index", "beyond every used id", str(blocks.next_index))
    offline = sum(used.count(state) for state in _OFFLINE_STATES) * sbm.memory_block_size
    if sbm.offline_size != offline:
        yield Violation("INV-22", f"{where} offline_size", str(offline), str(sbm.offline_size))


def _page_violations(sbm: SubblockMode) -> Iterator[Violation]:
    """INV-21: a page is OFFLINE exactly where its block is online and its sub-block is unplugged."""
    order = sbm.node.geometry.pageblock_order
    per_subblock = sbm.subblock_nr_pages >> order
    for index, bits in enumerate(sbm.blocks.plugged):
        if sbm.blocks.states[index] in _ABSENT_STATES or sbm.blocks.states[index] in _OFFLINE_STATES:
            continue
        first = sbm.start_pfn(index) >> order
        pages = count_kinds(sbm.node, first, first + (sbm.memory_block_nr_pages >> order))
        found = pages[:, PageKind.OFFLINE].reshape(-1, per_subblock).sum(axis=1)
        subblocks = range(sbm.blocks.subblocks_per_memory_block)
        expected = np.array([0 if bits >> number & 1 else sbm.subblock_nr_pages for number in subblocks])
        for subblock in np.flatnonzero(found != expected).tolist():
            where = f"{_name(sbm, index)} sub-block {subblock}"
            yield Violation(
                "INV-21", where, f"{expected[subblock]} pages offline", f"{found[subblock]} pages offline"
            )


def _timer_violations(driver: Driver) -> Iterator[Violation]:
    """INV-26 and INV-28: the timer fits the last result, and a driver at rest has met its target."""
    where = f"device {driver.sbm.queue.device_id} driver"
    for name, value, accepted in (
        ("timer", driver.armed_ms, (0,) if driver.is_broken else (0, *_RETRY_STEPS)),
        ("timer's next value", driver.retry_ms, _RETRY_STEPS),
    ):
        if value not in accepted:
            yield Violation("INV-26", f"{where} {name}", f"one of {accepted} ms", str(value))
    if driver.is_working:
        return  # INV-28 is of a driver at rest
    if driver.last_result is Errno.EBUSY and not driver.armed_ms:
        yield Violation("INV-28", f"{where} timer", "armed after EBUSY", "not armed")
    queue = driver.sbm.queue
    distance = abs(queue.plugged_size - queue.requested_size)
    is_met = distance < driver.subblock_size or not driver.options.unplug_online
    if driver.last_result is Errno.OK and not is_met:
        yield Violation("INV-28", f"{where} distance to its target", "less than a sub-block", str(distance))
