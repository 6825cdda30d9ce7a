"""States of a driver's blocks, and the orders in which plug and unplug of sub-blocks visit them.

Mirrors the states of memory blocks and of big blocks in drivers/virtio/virtio_mem.c (semantics 8.1, 8.4, 8.5, 8.9),
5.10 to 6.18.
"""

from enum import IntEnum
from typing import NamedTuple

from app.mm.policies.switches import DriverStates
from app.mm.zone import ZoneId


class BlockState(IntEnum):
    """What the driver knows of a block; in sub-block mode a full state is even, its partial one is the next number."""

    # Nothing plugged, block absent.
    UNUSED = 0
    # Plugged at the device, block absent: adding or unplugging failed, to be unplugged later.
    PLUGGED = 1
    # Added to Linux, not online.
    OFFLINE = 2
    OFFLINE_PARTIAL = 3
    # Online in a kernel zone.
    KERNEL = 4
    KERNEL_PARTIAL = 5
    # Online in ZONE_MOVABLE.
    MOVABLE = 6
    MOVABLE_PARTIAL = 7
    # Online in any zone: drivers up to 5.12 did not tell zones apart.
    ONLINE = 8
    ONLINE_PARTIAL = 9
    # A big block whose memory blocks Linux has, each of them online or not.
    ADDED = 10
    # A big block that is on its way out: of its online memory all pages are taken, or are being taken.
    FAKE_OFFLINE = 11


class StateOrders(NamedTuple):
    """Which states exist online, and in which order they are visited (8.4, 8.5, D-10)."""

    plug: tuple[BlockState, ...]
    unplug_online: tuple[BlockState, ...]


BIG_BLOCK_STATES = (BlockState.UNUSED, BlockState.PLUGGED, BlockState.ADDED, BlockState.FAKE_OFFLINE)
# Full state -> partial state.
PARTIAL = {
    full: BlockState(full + 1)
    for full in (BlockState.OFFLINE, BlockState.KERNEL, BlockState.MOVABLE, BlockState.ONLINE)
}
UNPLUG_OFFLINE = (BlockState.OFFLINE_PARTIAL, BlockState.OFFLINE)
ORDERS = {
    DriverStates.NEW: StateOrders(
        plug=(BlockState.KERNEL_PARTIAL, BlockState.MOVABLE_PARTIAL, BlockState.OFFLINE_PARTIAL),
        unplug_online=(
            BlockState.MOVABLE_PARTIAL,
            BlockState.KERNEL_PARTIAL,
            BlockState.MOVABLE,
            BlockState.KERNEL,
        ),
    ),
    DriverStates.OLD: StateOrders(
        plug=(BlockState.ONLINE_PARTIAL, BlockState.OFFLINE_PARTIAL),
        unplug_online=(BlockState.ONLINE_PARTIAL, BlockState.ONLINE),
    ),
}


def full_state(zone: ZoneId | None, states: DriverStates) -> BlockState:
    """Returns the state of a fully plugged memory block that is online in `zone`, or offline (None)."""
    if zone is None:
        return BlockState.OFFLINE
    if states is DriverStates.OLD:
        return BlockState.ONLINE
    return BlockState.MOVABLE if zone is ZoneId.MOVABLE else BlockState.KERNEL


def subblock_states(states: DriverStates) -> tuple[BlockState, ...]:
    """Returns the states of memory blocks that such a driver knows."""
    absent = (
        {BlockState.ONLINE, BlockState.ONLINE_PARTIAL}
        if states is DriverStates.NEW
        else {BlockState.KERNEL, BlockState.KERNEL_PARTIAL, BlockState.MOVABLE, BlockState.MOVABLE_PARTIAL}
    )
    return tuple(state for state in BlockState if state < BlockState.ADDED and state not in absent)
