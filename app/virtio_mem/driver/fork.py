"""Forking a driver: the same state over a copy of its device and node, under the rules of the copy's node.

    plugged, 2 MiB sub-blocks   1 1 | 0 0 | 1 0        the last pair has no equal where a sub-block is 4 MiB
    plugged, 4 MiB sub-blocks    1  |  0  |  -

Kept here: INV-18, INV-19, INV-30: what was plugged stays plugged, told in the copy's units and mode.
Left out: copying device and node (their own rooms do).
"""

from collections.abc import Sequence
from dataclasses import replace

from app.errors import StateError
from app.mm.memory_block import MemoryBlockState
from app.mm.node import Node
from app.mm.page_offline import clear_offline
from app.mm.policies.quantities import Mode
from app.mm.policies.switches import Level
from app.trace.sink import Sink
from app.units import format_size
from app.virtio_mem.driver.driver import Charge, Driver
from app.virtio_mem.driver.mode import ModeBook
from app.virtio_mem.driver.states import BlockState
from app.virtio_mem.protocol import DevicePort


def fork_driver(
    driver: Driver,
    device: DevicePort,
    node: Node,
    *,
    fallback: Sequence[Level] | None,
    sink: Sink,
    charge: Charge,
) -> Driver:
    """Returns a driver for copies of `driver`'s device and node, in the same state.

    A work item that is not at its end begins anew, as it does when a new config interrupts it.
    fallback: None for the same levels. Raises InvalidValue when the levels make no sense here, StateError when a part
    of a unit is plugged.
    """
    levels = driver.options.fallback if fallback is None else tuple(fallback)
    copy = Driver(device, node, replace(driver.options, fallback=levels), sink=sink, charge=charge)
    _copy_blocks(driver.book, copy.book)
    copy.book.offline_size = driver.book.offline_size
    copy.book.is_removal_pending = driver.book.is_removal_pending
    copy.book.queue.nr_requests = driver.book.queue.nr_requests
    copy.book.queue.take_over(driver.book.queue.state())
    copy.is_loaded = driver.is_loaded
    copy.is_broken = driver.is_broken
    copy.armed_ms = driver.armed_ms
    copy.retry_ms = driver.retry_ms
    # A rest that was no whole sub-block may be one now: this driver has still to look (INV-28).
    copy.last_result = driver.last_result if copy.unit_size == driver.unit_size else None
    copy.book.is_work_wanted = driver.book.is_work_wanted
    copy.is_unplug_all_required = driver.is_unplug_all_required
    copy.outcome = driver.outcome
    if not driver.is_loaded:
        node.listeners.unsubscribe(copy.book)
    if driver.is_working:
        copy.begin()
    return copy


def _copy_blocks(mine: ModeBook, its: ModeBook) -> None:
    """Tells every block's plugged units and state in the copy's terms; a big block on its way out is there again."""
    first_unused = mine.memory_blocks(mine.blocks.next_index)[0]
    for index in range(its.blocks.nr_blocks):
        if its.memory_blocks(index)[0] >= first_unused:
            break
        its.blocks.claim_next()
        its.blocks.plugged[index] = _plugged_bits(mine, its, index)
        states = {its.node.memory_blocks.state(number) for number in its.memory_blocks(index)}
        if states == {MemoryBlockState.ABSENT}:
            is_plugged = its.blocks.plugged[index] > 0
            its.blocks.set_state(index, BlockState.PLUGGED if is_plugged else BlockState.UNUSED)
        elif MemoryBlockState.ABSENT in states:
            raise _split(mine, its, 0)
        else:
            its.settle_state(index, its.node.memory_blocks.zone_id(its.memory_blocks(index)[0]))
    for pair in mine.pages_to_give_back():
        clear_offline(its.node, *pair)


def _plugged_bits(mine: ModeBook, its: ModeBook, index: int) -> int:
    """Returns the bits of a block of the copy's: which of its units are plugged."""
    if mine.block_size == its.block_size and mine.first_block == its.first_block:
        bits = mine.blocks.plugged[index]
        if mine.unit_size == its.unit_size or not bits:
            return bits
        if bits == mine.blocks.full_mask:
            return its.blocks.full_mask
    bits = 0
    for number in range(its.blocks.units_per_block):
        nr_bytes = _plugged_bytes(mine, its.address(index, number), its.unit_size)
        if nr_bytes not in {0, its.unit_size}:
            raise _split(mine, its, nr_bytes)
        bits |= (nr_bytes > 0) << number
    return bits


def _plugged_bytes(book: ModeBook, address: int, size: int) -> int:
    """Returns how much of [address, address + size) is plugged; size: of units above or below the book's own."""
    step = min(size, book.unit_size)
    return step * sum(book.is_plugged(place) for place in range(address, address + size, step))


def _split(mine: ModeBook, its: ModeBook, nr_bytes: int) -> StateError:
    name = "big block" if its.plan.mode is Mode.BIG_BLOCK else "sub-block"
    detail = (
        f"{mine.queue.device_id} has {format_size(nr_bytes)} of a {name} of {format_size(its.unit_size)} plugged, "
        f"which a driver of {its.policy.name} cannot hold"
    )
    return StateError(detail, unit_size=its.unit_size)
