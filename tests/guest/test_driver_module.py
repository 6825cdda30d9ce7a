"""Modules loaded and unloaded: late, with parameters, over an earlier kernel's memory, and when that is refused."""

import pytest

from app.errors import GuestCrashed, InvalidValue, ModuleRefused, Unknown
from app.guest.boot import RebootKind
from app.guest.driver_module import DriverModule, ModuleParameters, load_driver, unload_driver
from app.guest.faults.rules_json import read_rule
from app.guest.guest import Guest
from app.guest.spec import DeviceSpec
from app.trace.events import DriverLoaded, DriverUnloaded, RequestAnswered
from app.units import GIB, MIB
from app.virtio_mem.protocol import Request, ResponseType
from tests.guest.making import x86_guest

NOT_LOADED = DriverModule(is_loaded=False)


def late_guest(requested_size: int = 512 * MIB) -> Guest:
    """A guest whose driver is not loaded when it boots."""
    return x86_guest(devices=(DeviceSpec(size=GIB, requested_size=requested_size, driver=NOT_LOADED),))


def size_of(guest: Guest) -> int:
    """Returns what is plugged."""
    return guest.find_device("vm0").device.plugged_size


def test_target_waits_for_the_driver() -> None:
    """Recorded: without a driver nothing happens, whatever is asked for; once it is loaded, the last target is met."""
    guest = late_guest()
    assert (size_of(guest), guest.describe_device("vm0")["requested_size"]) == (0, 512 * MIB)
    assert guest.resize("vm0", 256 * MIB)["state"] == "partial"
    assert guest.verify() == []
    load_driver(guest, "vm0", ModuleParameters())
    guest.settle()
    assert size_of(guest) == 256 * MIB
    assert guest.verify() == []
    assert DriverLoaded("vm0", "sub-block", 2 * MIB) in guest.events.events


def test_parameters_are_those_of_the_load() -> None:
    """8.10: not those of an earlier one; at the next boot those of the spec count again."""
    guest = late_guest(0)
    load_driver(guest, "vm0", ModuleParameters(force_bbm=True, bbm_block_size=256 * MIB))
    guest.settle()
    assert guest.describe_device("vm0")["big_block_size"] == 256 * MIB
    unload_driver(guest, "vm0")
    load_driver(guest, "vm0", ModuleParameters())
    guest.settle()
    assert guest.describe_device("vm0")["subblock_size"] == 2 * MIB
    guest.reboot(RebootKind.SYSTEM_RESET)
    guest.settle()
    assert guest.find_device("vm0").driver.state == "unloaded"


def test_memory_of_an_unloaded_driver_stays_and_bars_the_next_one() -> None:
    """Recorded: rmmod succeeds, insmod fails with EBUSY; only a reboot helps."""
    guest = x86_guest(devices=(DeviceSpec(size=GIB, requested_size=512 * MIB),))
    blocks = guest.memory_blocks()
    unload_driver(guest, "vm0")
    assert guest.events.events[-1] == DriverUnloaded("vm0", is_memory_left=True)
    assert (guest.memory_blocks(), size_of(guest), guest.verify()) == (blocks, 512 * MIB, [])
    with pytest.raises(ModuleRefused, match="reboot the guest") as refusal:
        load_driver(guest, "vm0", ModuleParameters())
    assert refusal.value.members["errno"] == "EBUSY"
    assert guest.resize("vm0", 0)["size"] == 512 * MIB
    guest.reboot(RebootKind.SYSTEM_RESET)
    guest.settle()
    assert (size_of(guest), guest.find_device("vm0").driver.is_loaded) == (0, True)


def test_driver_of_a_kexeced_kernel_gives_back_what_was_plugged_first() -> None:
    """D-5, V-15: UNPLUG_ALL until it succeeds, again after each retry timer, and then the target."""
    guest = x86_guest(devices=(DeviceSpec(size=GIB, requested_size=512 * MIB),))
    device = guest.find_device("vm0").device
    busy = [ResponseType.BUSY] * 2

    def interfere(request: Request) -> ResponseType | None:
        del request
        return busy.pop() if busy else None

    guest.reboot(RebootKind.KEXEC)
    device.interference = interfere
    guest.settle()
    progress = guest.progress("vm0")
    assert (progress.size, progress.last_result, progress.retry_ms) == (512 * MIB, "ETXTBSY", 50_000)
    assert guest.verify() == []
    guest.advance(50_000_000)
    assert (guest.progress("vm0").size, guest.progress("vm0").retry_ms) == (512 * MIB, 100_000)
    guest.advance(100_000_000)
    assert (guest.progress("vm0").size, guest.progress("vm0").last_result) == (512 * MIB, "0")
    answers = [event for event in guest.events.events if isinstance(event, RequestAnswered)]
    tail = [(event.request, event.response) for event in answers if event.request == "UNPLUG_ALL"]
    assert tail == [("UNPLUG_ALL", "BUSY"), ("UNPLUG_ALL", "BUSY"), ("UNPLUG_ALL", "ACK")]
    assert answers[-1].request == "PLUG"
    assert guest.verify() == []


def test_fork_of_a_guest_without_a_driver_has_none() -> None:
    """Nor the memory that an earlier one left, in anybody's book."""
    guest = x86_guest(devices=(DeviceSpec(size=GIB, requested_size=512 * MIB),))
    unload_driver(guest, "vm0")
    copy = guest.fork()
    assert copy.digest() == guest.digest()
    assert (copy.find_device("vm0").driver.state, copy.verify()) == ("unloaded", [])
    with pytest.raises(ModuleRefused):
        load_driver(copy, "vm0", ModuleParameters())


def test_wrong_calls_change_nothing() -> None:
    """Unknown devices, wrong parameters, a module that is there already or not there, and the dead."""
    guest = late_guest()
    before = guest.digest()
    with pytest.raises(Unknown):
        load_driver(guest, "vm9", ModuleParameters())
    with pytest.raises(InvalidValue):
        load_driver(guest, "vm0", ModuleParameters(bbm_block_size=-1))
    with pytest.raises(ModuleRefused, match="not loaded"):
        unload_driver(guest, "vm0")
    assert guest.digest() == before
    load_driver(guest, "vm0", ModuleParameters())
    with pytest.raises(ModuleRefused, match="at work"):
        unload_driver(guest, "vm0")
    guest.settle()
    with pytest.raises(ModuleRefused, match="loaded already"):
        load_driver(guest, "vm0", ModuleParameters())
    guest.condition.crash("test")
    with pytest.raises(GuestCrashed):
        unload_driver(guest, "vm0")


def test_driver_that_broke_in_the_middle_and_was_unloaded_rests() -> None:
    """What it still wanted to do is nobody's any more: a target finds nobody at work for ever."""
    guest = x86_guest(devices=(DeviceSpec(size=GIB, requested_size=GIB),))
    guest.faults.add(read_rule({"kind": "device_error", "match": {"request": "unplug"}, "skip": 3}))
    guest.resize("vm0", 0)
    assert guest.find_device("vm0").driver.is_broken
    unload_driver(guest, "vm0")
    guest.begin_resize("vm0", GIB // 2)
    assert guest.settle(max_acts=50)
