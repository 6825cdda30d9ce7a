"""States of memory blocks: names, full and partial, and the orders of visits on old and new drivers."""

from app.mm.policies.switches import DriverStates
from app.mm.zone import ZoneId
from app.virtio_mem.driver.states import ORDERS, PARTIAL, BlockState, full_state, subblock_states


def test_partial_states_follow_their_full_ones() -> None:
    """Every state that Linux knows of has a partial one, by name."""
    assert {full.name: partial.name for full, partial in PARTIAL.items()} == {
        "OFFLINE": "OFFLINE_PARTIAL",
        "KERNEL": "KERNEL_PARTIAL",
        "MOVABLE": "MOVABLE_PARTIAL",
        "ONLINE": "ONLINE_PARTIAL",
    }


def test_full_state_tells_zones_apart_on_new_drivers_only() -> None:
    """8.1: ONLINE for any zone up to 5.12, KERNEL or MOVABLE later; OFFLINE on both."""
    new, old = DriverStates.NEW, DriverStates.OLD
    assert full_state(ZoneId.NORMAL, new) is BlockState.KERNEL
    assert full_state(ZoneId.DMA32, new) is BlockState.KERNEL
    assert full_state(ZoneId.MOVABLE, new) is BlockState.MOVABLE
    assert full_state(ZoneId.MOVABLE, old) is full_state(ZoneId.NORMAL, old) is BlockState.ONLINE
    assert full_state(None, new) is full_state(None, old) is BlockState.OFFLINE


def test_orders_put_partial_before_full_and_movable_before_kernel() -> None:
    """D-10: when unplugging, fullness decides before the zone does."""
    assert [state.name for state in ORDERS[DriverStates.NEW].unplug_online] == [
        "MOVABLE_PARTIAL",
        "KERNEL_PARTIAL",
        "MOVABLE",
        "KERNEL",
    ]
    assert [state.name for state in ORDERS[DriverStates.OLD].unplug_online] == ["ONLINE_PARTIAL", "ONLINE"]


def test_states_leave_out_what_a_driver_cannot_be_in() -> None:
    """A new driver has eight states of memory blocks, an old one six."""
    assert [state.name.lower() for state in subblock_states(DriverStates.NEW)] == [
        "unused",
        "plugged",
        "offline",
        "offline_partial",
        "kernel",
        "kernel_partial",
        "movable",
        "movable_partial",
    ]
    assert [state.name for state in subblock_states(DriverStates.OLD)][-2:] == ["ONLINE", "ONLINE_PARTIAL"]
