"""Checks of device and driver: recomputes what they keep from what they cannot change, and names broken laws.

Mirrors semantics section 10. No release breaks these laws, so that each violation is a failure.
Invariants kept here: none; INV-17 to INV-22, INV-26, INV-28 and INV-30 are checked here.
Left out: what only a record of events shows, which the tests check on one: INV-27, the limit of INV-22 at each
addition, and of INV-26 that the timer doubles and a broken driver is silent.
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
from app.virtio_mem.driver.bigblock_mode import BigBlockMode
from app.virtio_mem.driver.driver import RETRY_MAX_MS, RETRY_MIN_MS, Driver
from app.virtio_mem.driver.mode import ModeBook
from app.virtio_mem.driver.states import PARTIAL, BlockState, full_state
from app.virtio_mem.driver.subblock_mode import SubblockMode

# D-3: the timer doubles from its smallest to its largest value.
_RETRY_STEPS = tuple(min(RETRY_MIN_MS << step, RETRY_MAX_MS) for step in range(4))
_OFFLINE_STATES = (BlockState.OFFLINE, BlockState.OFFLINE_PARTIAL)
_ABSENT_STATES = (BlockState.UNUSED, BlockState.PLUGGED)


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
    """Returns how a driver between two acts breaks its laws, INV-18 to INV-30; linear in its region's pages.

    One that is not loaded keeps no book, and what an earlier kernel plugged is in none (D-5).
    """
    if not driver.is_loaded:
        return []
    book = driver.book
    found = [*_count_violations(book), *_timer_violations(driver), *_reference_violations(book)]
    if not driver.is_unplug_all_required:
        found += _book_violations(book, device)
    if isinstance(book, SubblockMode):
        found += [*_state_violations(book), *_page_violations(book)]
    else:
        found += _big_block_violations(book, is_working=driver.is_working)
    return found


def _name(book: ModeBook, index: int) -> str:
    kind = "big block" if isinstance(book, BigBlockMode) else "memory block"
    return f"device {book.queue.device_id} {kind} {book.first_block + index}"


def _book_violations(book: ModeBook, device: Device) -> Iterator[Violation]:
    """INV-18: the driver's bits are the device's, unit by unit."""
    block_size = device.region.block_size
    per_unit = book.unit_size // block_size
    for index, bits in enumerate(book.blocks.plugged):
        first = (book.address(index, 0) - device.region.addr) // block_size
        for unit in range(book.blocks.units_per_block):
            start = first + unit * per_unit
            found = device.count_plugged(start, start + per_unit)
            expected = per_unit if bits >> unit & 1 else 0
            if found != expected:
                where = f"{_name(book, index)} unit {unit}"
                yield Violation("INV-18", where, f"{expected} device blocks plugged", str(found))
    booked = book.blocks.nr_plugged() * book.unit_size
    for field, found in (
        ("device's plugged_size", device.plugged_size),
        ("own plugged_size", book.queue.plugged_size),
    ):
        if found != booked:
            yield Violation("INV-18", f"device {device.id} driver, {field}", str(booked), str(found))


def _state_violations(sbm: SubblockMode) -> Iterator[Violation]:
    """INV-19: each state fits the bits and what Linux has."""
    for index, bits in enumerate(sbm.blocks.plugged):
        memory_block = sbm.first_block + index
        state = BlockState(sbm.blocks.states[index])
        linux = sbm.node.memory_blocks.state(memory_block)
        if linux is MemoryBlockState.ABSENT:
            expected = BlockState.PLUGGED if bits else BlockState.UNUSED
        else:
            zone: ZoneId | None = sbm.node.memory_blocks.zone_id(memory_block)
            full = full_state(zone, sbm.policy.driver_states)
            expected = full if bits == sbm.blocks.full_mask else PARTIAL[full]
        if state is not expected:
            yield Violation("INV-19", _name(sbm, index), expected.name, state.name)


def _count_violations(book: ModeBook) -> Iterator[Violation]:
    """INV-20 and INV-22: counts per state, used ids, and memory that is added but not online."""
    where = f"device {book.queue.device_id} driver"
    blocks = book.blocks
    used = blocks.states[: blocks.next_index]
    for state in BlockState:
        counted = used.count(state)
        if blocks.counts[state] != counted:
            yield Violation(
                "INV-20", f"{where} count of {state.name}", str(counted), str(blocks.counts[state])
            )
    if any(blocks.states[blocks.next_index :]) or blocks.next_index > blocks.nr_blocks:
        yield Violation("INV-20", f"{where} next_index", "beyond every used id", str(blocks.next_index))
    ids = (number for index in range(blocks.next_index) for number in book.memory_blocks(index))
    nr_offline = sum(book.node.memory_blocks.state(number) is MemoryBlockState.OFFLINE for number in ids)
    if book.offline_size != nr_offline * book.memory_block_size:
        expected = str(nr_offline * book.memory_block_size)
        yield Violation("INV-22", f"{where} offline_size", expected, str(book.offline_size))


def _page_violations(sbm: SubblockMode) -> Iterator[Violation]:
    """INV-21: a page is OFFLINE exactly where its block is online and its sub-block is unplugged."""
    order = sbm.node.geometry.pageblock_order
    per_subblock = sbm.unit_nr_pages >> order
    for index, bits in enumerate(sbm.blocks.plugged):
        if sbm.blocks.states[index] in _ABSENT_STATES or sbm.blocks.states[index] in _OFFLINE_STATES:
            continue
        first = sbm.start_pfn(index) >> order
        pages = count_kinds(sbm.node, first, first + (sbm.memory_block_nr_pages >> order))
        found = pages[:, PageKind.OFFLINE].reshape(-1, per_subblock).sum(axis=1)
        subblocks = range(sbm.blocks.units_per_block)
        expected = np.array([0 if bits >> number & 1 else sbm.unit_nr_pages for number in subblocks])
        for subblock in np.flatnonzero(found != expected).tolist():
            where = f"{_name(sbm, index)} sub-block {subblock}"
            yield Violation(
                "INV-21", where, f"{expected[subblock]} pages offline", f"{found[subblock]} pages offline"
            )


def _reference_violations(book: ModeBook) -> Iterator[Violation]:
    """INV-21: outside of an offlining, a reference is held on every page that is OFFLINE (HP-7)."""
    for start, end in book.node.released:
        where = f"device {book.queue.device_id}, pages [{start}, {end})"
        yield Violation("INV-21", where, "a reference held", "none")


def _big_block_violations(book: BigBlockMode, *, is_working: bool) -> Iterator[Violation]:
    """INV-30, and INV-21 in big block mode: only of a big block on its way out pages are OFFLINE, those taken."""
    order = book.node.geometry.pageblock_order
    for index, bits in enumerate(book.blocks.plugged):
        state = BlockState(book.blocks.states[index])
        is_taken = state is BlockState.FAKE_OFFLINE
        linux = {book.node.memory_blocks.state(number) for number in book.memory_blocks(index)}
        if linux == {MemoryBlockState.ABSENT}:
            expected = BlockState.PLUGGED if bits else BlockState.UNUSED
        else:
            expected = BlockState.FAKE_OFFLINE if is_taken and is_working else BlockState.ADDED
        if state is not expected or (len(linux) > 1 and MemoryBlockState.ABSENT in linux):
            yield Violation("INV-30", _name(book, index), expected.name, f"{state.name}, {sorted(linux)}")
        first, end = book.pfns(index)
        found = int(count_kinds(book.node, first >> order, end >> order)[:, PageKind.OFFLINE].sum())
        nr_taken = sum(stop - start for start, stop in book.taken) if is_taken else 0
        if found != nr_taken:
            yield Violation(
                "INV-21", _name(book, index), f"{nr_taken} pages offline", f"{found} pages offline"
            )


def _timer_violations(driver: Driver) -> Iterator[Violation]:
    """INV-26 and INV-28: the timer fits the last result, and a driver at rest has met its target."""
    where = f"device {driver.book.queue.device_id} driver"
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
    queue = driver.book.queue
    distance = abs(queue.plugged_size - queue.requested_size)
    is_met = distance < driver.unit_size or not driver.options.parameters.unplug_online
    if driver.last_result is Errno.OK and not is_met:
        yield Violation("INV-28", f"{where} distance to its target", "less than a unit", str(distance))
