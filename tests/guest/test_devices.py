"""Several devices on one clock: each retry at its time, each by its own driver."""

import pytest

from app.errors import Unknown
from app.guest.allocations import AllocationSpec
from app.guest.devices import Devices
from app.guest.guest import Guest
from app.guest.spec import DeviceSpec
from app.units import GIB, MIB
from tests.guest.making import FIRST_DEVICE_PFN, x86_guest

TWO = (DeviceSpec(size=GIB), DeviceSpec(size=GIB, id="second"))


def stuck_guest() -> tuple[Guest, list[int]]:
    """Returns a guest whose two devices each wait for a pin, and the pins' ids; the second began 10 s later."""
    guest = x86_guest(devices=TWO)
    pins = []
    for number, device_id in enumerate(("vm0", "second")):
        guest.advance(10_000_000 * number)
        guest.plug(device_id, 128 * MIB)
        pfn = FIRST_DEVICE_PFN + number * GIB // 4096
        pins.append(int(str(guest.pages.allocate(AllocationSpec(kind="pinned", at_pfns=(pfn,)))["id"])))
        guest.unplug(device_id, 128 * MIB)
    return guest, pins


def test_timers_fire_in_order_of_time() -> None:
    """Both retries fall into one minute; they are told in order, each with its own device."""
    guest, pins = stuck_guest()
    for pin in pins:
        guest.pages.free(pin)
    outcomes = guest.advance(60_000_000)
    assert [(outcome["device"], outcome["state"]) for outcome in outcomes] == [
        ("vm0", "done"),
        ("second", "done"),
    ]
    assert guest.verify() == []


def test_resize_of_one_device_leaves_the_other_waiting() -> None:
    """A device that is resized runs at once; the other one's timer goes on as it was."""
    guest, _ = stuck_guest()
    assert guest.resize("vm0", 2 * MIB)["state"] == "done"
    outcomes = guest.advance(55_000_000)
    assert [(outcome["device"], outcome["state"]) for outcome in outcomes] == [("second", "partial")]


def test_get_unknown_device_lists_known() -> None:
    """A wrong id is answered with those that exist."""
    guest = x86_guest(devices=TWO)
    with pytest.raises(Unknown, match="second"):
        guest.resize("third", 0)


def test_state_of_a_device_follows_every_act() -> None:
    """What a digest sees changes with the target, with memory, and with the timer."""
    guest = x86_guest()
    devices: Devices = guest._devices  # noqa: SLF001 - what the guest keeps is what the test looks at
    states = [devices.get("vm0").state()]
    guest.plug("vm0", 128 * MIB)
    states.append(devices.get("vm0").state())
    guest.pages.allocate(AllocationSpec(kind="pinned", at_pfns=(FIRST_DEVICE_PFN,)))
    guest.unplug("vm0", 128 * MIB)
    states.append(devices.get("vm0").state())
    guest.advance(50_000_000)
    states.append(devices.get("vm0").state())
    assert len(set(states)) == 4
