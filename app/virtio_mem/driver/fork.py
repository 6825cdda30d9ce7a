"""Forking a driver: the same state over a copy of its device and node, under the rules of the copy's node.

    plugged, 2 MiB sub-blocks   1 1 | 0 0 | 1 0        the last pair has no equal where a sub-block is 4 MiB
    plugged, 4 MiB sub-blocks    1  |  0  |  -

Kept here: INV-18, INV-19: what was plugged stays plugged, told in the copy's sub-blocks.
Left out: copying device and node (their own rooms do).
"""

from collections.abc import Sequence
from dataclasses import replace

from app.errors import StateError
from app.mm.node import Node
from app.mm.policies.switches import Level
from app.trace.sink import Sink
from app.units import format_size
from app.virtio_mem.driver.driver import Charge, Driver
from app.virtio_mem.driver.states import SbmState
from app.virtio_mem.protocol import DevicePort

# States of memory blocks that Linux does not have.
_ABSENT = (SbmState.UNUSED, SbmState.PLUGGED)


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
    of a sub-block is plugged.
    """
    levels = driver.options.fallback if fallback is None else tuple(fallback)
    copy = Driver(device, node, replace(driver.options, fallback=levels), sink=sink, charge=charge)
    _copy_blocks(driver, copy)
    copy.sbm.offline_size = driver.sbm.offline_size
    copy.sbm.is_removal_pending = driver.sbm.is_removal_pending
    copy.sbm.queue.nr_requests = driver.sbm.queue.nr_requests
    copy.is_broken = driver.is_broken
    copy.armed_ms = driver.armed_ms
    copy.retry_ms = driver.retry_ms
    # A rest that was no whole sub-block may be one now: this driver has still to look (INV-28).
    copy.last_result = driver.last_result if copy.subblock_size == driver.subblock_size else None
    copy.is_work_queued = driver.is_work_queued
    copy.is_unplug_all_required = driver.is_unplug_all_required
    copy.outcome = driver.outcome
    if driver.is_working:
        copy.begin()
    return copy


def _copy_blocks(driver: Driver, copy: Driver) -> None:
    """Tells every memory block's plugged sub-blocks and state in the copy's terms."""
    mine, its = driver.sbm.blocks, copy.sbm.blocks
    for index in range(mine.next_index):
        its.claim_next()
        bits = mine.plugged[index]
        its.plugged[index] = its.full_mask if bits == mine.full_mask else _rescaled(bits, driver, copy)
        state = SbmState(mine.states[index])
        if state in _ABSENT:
            its.set_state(index, state)
        else:
            zone = copy.sbm.node.memory_blocks.zone_id(copy.sbm.first_memory_block + index)
            copy.sbm.settle_state(index, zone)


def _rescaled(bits: int, driver: Driver, copy: Driver) -> int:
    """Returns a memory block's plugged sub-blocks, told in sub-blocks of the copy's size."""
    if driver.subblock_size == copy.subblock_size:
        return bits
    nr_subblocks = copy.sbm.blocks.subblocks_per_memory_block
    if copy.subblock_size < driver.subblock_size:
        ratio = driver.subblock_size // copy.subblock_size
        return sum(1 << number for number in range(nr_subblocks) if bits >> number // ratio & 1)
    ratio = copy.subblock_size // driver.subblock_size
    rescaled = 0
    for number in range(nr_subblocks):
        nr_plugged = (bits >> number * ratio & ((1 << ratio) - 1)).bit_count()
        if nr_plugged not in {0, ratio}:
            raise _split(driver, copy, nr_plugged)
        rescaled |= (nr_plugged == ratio) << number
    return rescaled


def _split(driver: Driver, copy: Driver, nr_plugged: int) -> StateError:
    plugged, whole = nr_plugged * driver.subblock_size, copy.subblock_size
    detail = (
        f"{driver.sbm.queue.device_id} has {format_size(plugged)} of a sub-block of {format_size(whole)} plugged, "
        f"which a driver of {copy.sbm.policy.name} cannot hold"
    )
    return StateError(detail, subblock_size=whole)
