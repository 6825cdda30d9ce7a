"""Estimates: small calls stay below the loop's budget of 1 ms, large ones do not, and used memory counts."""

from typing import Any

import pytest

from app.errors import Unknown
from app.guest.allocations import AllocationSpec
from app.guest.creation import create_guest
from app.guest.guest import Guest
from app.guest.spec import DeviceSpec, GuestSpec
from app.guest.workload_json import parse_workload
from app.operations import estimates

MIB = 2**20
GIB = 2**30
BUDGET_US = 1000


def _guest(**changes: Any) -> Guest:  # noqa: ANN401 - the fields of GuestSpec
    fields: dict[str, Any] = {"name": "web", "boot_size": GIB, "devices": (DeviceSpec(size=64 * GIB),)}
    return create_guest(GuestSpec(**{**fields, **changes}))


def test_creation_of_small_guests_stays_on_the_loop() -> None:
    """An empty guest is quick; one that plugs a lot, or has a workload, is not."""
    assert estimates.creation_us(GuestSpec(name="", boot_size=128 * MIB)) < BUDGET_US
    filled = GuestSpec(name="", boot_size=128 * MIB, workload=parse_workload("busy"))
    plugged = GuestSpec(name="", boot_size=GIB, devices=(DeviceSpec(size=8 * GIB, requested_size=8 * GIB),))
    assert estimates.creation_us(filled) > BUDGET_US
    assert estimates.creation_us(plugged) > BUDGET_US


def test_resize_counts_bytes_between_size_and_target() -> None:
    """Setting a target anew is quick, whatever it is; 16 GiB are not."""
    guest = _guest(devices=(DeviceSpec(size=64 * GIB, requested_size=4 * GIB),))
    assert estimates.resize_us(guest, "vm0", 4 * GIB) < BUDGET_US
    assert estimates.resize_us(guest, "vm0", 4 * GIB - 2 * MIB) < BUDGET_US
    assert estimates.resize_us(guest, "vm0", 20 * GIB) > BUDGET_US
    with pytest.raises(Unknown):
        estimates.resize_us(guest, "vm1", 0)


def test_amounts_take_longer_where_memory_is_used() -> None:
    """Migration decides: the same 128 MiB are short in an empty guest, long in a full one."""
    guest = _guest()
    assert estimates.amount_us(guest, 128 * MIB) < BUDGET_US
    guest.pages.allocate(AllocationSpec(kind="anon", nr_pages=128 * MIB // 4096))
    assert estimates.amount_us(guest, 128 * MIB) > BUDGET_US
    assert estimates.walk_us(guest) > BUDGET_US
    assert estimates.range_us(guest, 0, 512) < BUDGET_US


def test_ranges_beyond_the_guest_are_no_longer_than_the_guest() -> None:
    """A senseless range is refused at once, and estimated like the whole guest at most."""
    guest = _guest()
    assert estimates.range_us(guest, 0, 2**60) == estimates.range_us(guest, 0, guest.nr_pages)
    assert estimates.range_us(guest, 512, 0) < BUDGET_US


def test_allocations_count_pages_and_places() -> None:
    """Pieces at exact places are checked one by one."""
    assert estimates.allocation_us(512, 0) < BUDGET_US
    assert estimates.allocation_us(10**6, 0) > BUDGET_US
    assert estimates.allocation_us(0, 1000) > BUDGET_US
