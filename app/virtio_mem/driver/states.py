"""States of a memory block in sub-block mode, and the orders in which plug and unplug visit them.

Mirrors enum virtio_mem_sbm_mb_state of drivers/virtio/virtio_mem.c (semantics 8.1, 8.4, 8.5), 5.10 to 6.18.
Left out: the states of big block mode.
"""

from enum import IntEnum
from typing import NamedTuple

from app.mm.policies.switches import DriverStates
from app.mm.zone import ZoneId


class SbmState(IntEnum):
    """What the driver knows of a memory block; a full state is even, its partial one is the next number."""

    # No sub-block plugged, block absent.
    UNUSED = 0
    # Sub-blocks plugged at the device, block absent: adding failed, to be unplugged later.
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


class StateOrders(NamedTuple):
    """Which states exist online, and in which order they are visited (8.4, 8.5, D-10)."""

    plug: tuple[SbmState, ...]
    unplug_online: tuple[SbmState, ...]


# Full state -> partial state.
PARTIAL = {state: SbmState(state + 1) for state in SbmState if state >= SbmState.OFFLINE and not state & 1}
UNPLUG_OFFLINE = (SbmState.OFFLINE_PARTIAL, SbmState.OFFLINE)
ORDERS = {
    DriverStates.NEW: StateOrders(
        plug=(SbmState.KERNEL_PARTIAL, SbmState.MOVABLE_PARTIAL, SbmState.OFFLINE_PARTIAL),
        unplug_online=(
            SbmState.MOVABLE_PARTIAL,
            SbmState.KERNEL_PARTIAL,
            SbmState.MOVABLE,
            SbmState.KERNEL,
        ),
    ),
    DriverStates.OLD: StateOrders(
        plug=(SbmState.ONLINE_PARTIAL, SbmState.OFFLINE_PARTIAL),
        unplug_online=(SbmState.ONLINE_PARTIAL, SbmState.ONLINE),
    ),
}


def full_state(zone: ZoneId | None, states: DriverStates) -> SbmState:
    """Returns the state of a fully plugged memory block that is online in `zone`, or offline (None)."""
    if zone is None:
        return SbmState.OFFLINE
    if states is DriverStates.OLD:
        return SbmState.ONLINE
    return SbmState.MOVABLE if zone is ZoneId.MOVABLE else SbmState.KERNEL


def api_names(states: DriverStates) -> tuple[tuple[SbmState, str], ...]:
    """Returns the states that such a driver can be in, with their names in the API."""
    absent = (
        {SbmState.ONLINE, SbmState.ONLINE_PARTIAL}
        if states is DriverStates.NEW
        else {SbmState.KERNEL, SbmState.KERNEL_PARTIAL, SbmState.MOVABLE, SbmState.MOVABLE_PARTIAL}
    )
    return tuple((state, state.name.lower()) for state in SbmState if state not in absent)
