"""What keeps a driver from working at all is told, and the rest as if it were gone."""

from dataclasses import replace
from typing import Any

import pytest

from app.errors import ModuleRefused
from app.guest.boot import RebootKind
from app.guest.driver_module import DriverModule, ModuleParameters, load_driver, unload_driver
from app.guest.faults.rules_json import read_rule
from app.guest.guest import Guest
from app.guest.sleep import SleepKind
from app.guest.spec import DeviceSpec
from app.guest.why.explain import Explanation
from app.guest.why.explain_groups import describe_groups
from app.mm.outcome import Errno
from app.units import GIB, MIB
from tests.guest.explained import explain_vm0, guest_of, pfn_of, put


def movable_guest() -> Guest:
    """Returns a guest with 1 GiB plugged and one pinned page in it."""
    guest = guest_of(online="online_movable")
    put(guest, "pinned", pfn_of(100))
    return guest


def groups_of(found: Explanation) -> list[dict[str, Any]]:
    """Returns its groups."""
    return describe_groups(found)


def words(found: Explanation) -> list[str]:
    """Returns the words of its hindrances."""
    return [hindrance.what for hindrance in found.hindrances]


def test_guest_that_works_has_no_hindrance() -> None:
    """A guest that works has none."""
    assert words(explain_vm0(movable_guest())) == []


@pytest.mark.parametrize("what", ["guest_crashed", "guest_hung", "driver_broken", "unplug_online"])
def test_hindrance_is_told_and_looked_behind(what: str) -> None:
    """What could be had without it, and what would stay then."""
    guest = movable_guest()
    driver = guest.find_device("vm0").driver
    if what == "guest_crashed":
        guest.condition.crash("Oops")
    elif what == "guest_hung":
        guest.faults.add(read_rule({"kind": "guest_hung"}))
    elif what == "driver_broken":
        driver.is_broken = True
    else:
        driver.set_parameters(replace(driver.options.parameters, unplug_online=False))
    found = explain_vm0(guest)
    assert words(found) == [what]
    assert (found.size, found.reached) == (GIB, 2 * MIB)
    assert found.hindrances[0].text
    assert found.hindrances[0].remedy


def test_driver_that_is_not_loaded() -> None:
    """Without a driver nothing can be had; the look at memory tells what would be in its way."""
    guest = movable_guest()
    guest.find_device("vm0").unload()
    found = explain_vm0(guest)
    assert words(found) == ["driver_unloaded"]
    assert (found.size, found.reached, found.result) == (GIB, GIB, None)
    assert [stay.piece.start_pfn for stay in found.stays if stay.obstacle is not None] == [pfn_of(100)]
    assert {stay.level for stay in found.stays} == {None}


def test_driver_that_left_memory_behind_cannot_be_loaded() -> None:
    """What is told to help can be done: a reboot where a load is refused, in the groups, too."""
    guest = movable_guest()
    unload_driver(guest, "vm0")
    found = explain_vm0(guest)
    assert found.hindrances[0].remedy == "reboot the guest"
    assert {str(group["remedy"]["action"]) for group in groups_of(found) if group["kind"] is None} == {
        "reboot"
    }
    with pytest.raises(ModuleRefused):
        load_driver(guest, "vm0", ModuleParameters())
    guest.reboot(RebootKind.SYSTEM_RESET)
    assert words(explain_vm0(guest)) == []


def test_driver_that_left_nothing_behind_can_be_loaded() -> None:
    """After a kexec into a kernel without the module, all is plugged, and the load that is told gives it back."""
    guest = guest_of(devices=(DeviceSpec(size=GIB, requested_size=GIB, driver=DriverModule(is_loaded=True)),))
    attached = guest.find_device("vm0")
    attached.module = replace(attached.module, is_loaded=False)
    guest.reboot(RebootKind.KEXEC)
    found = explain_vm0(guest)
    assert [(hindrance.what, hindrance.remedy) for hindrance in found.hindrances] == [
        ("driver_unloaded", "load the driver")
    ]
    assert len(found.stays) * found.unit_size == GIB
    load_driver(guest, "vm0", ModuleParameters())
    guest.settle()
    assert words(explain_vm0(guest)) == []


def test_target_that_the_driver_was_not_told_of() -> None:
    """A lost notification keeps the driver from its target, as long as nobody sets it again."""
    guest = movable_guest()
    guest.faults.add(read_rule({"kind": "notification_lost", "count": 1}))
    guest.resize("vm0", 0)
    found = explain_vm0(guest, None)
    assert words(found) == ["target_untold"]
    assert "goes for 1 GiB" in found.hindrances[0].text
    assert found.reached == 2 * MIB
    guest.resize("vm0", 0)
    assert words(explain_vm0(guest, None)) == []
    assert guest.progress("vm0").size == 2 * MIB


def test_memory_of_an_earlier_kernel_that_the_device_does_not_take_back() -> None:
    """UNPLUG_ALL is refused after a kexec: every piece is told, and that it takes a wait."""
    guest = guest_of()
    guest.faults.add(read_rule({"kind": "device_busy", "match": {"request": "unplug_all"}, "count": 2}))
    guest.reboot(RebootKind.KEXEC)
    guest.advance(6_000_000)
    found = explain_vm0(guest)
    assert words(found) == ["unplug_all_pending"]
    assert (found.reached, found.result) == (GIB, Errno.ETXTBSY)
    assert sum(stay.piece.end_pfn - stay.piece.start_pfn for stay in found.stays) * found.page_size == GIB
    (group,) = groups_of(found)
    assert (group["bytes"], group["result"], group["remedy"]["action"]) == (GIB, "ETXTBSY", "wait")
    assert found.retry is not None


@pytest.mark.parametrize("kind", ["device_nack", "contig_nomem", "device_busy", "contig_busy"])
def test_what_only_time_helps(kind: str) -> None:
    """A guest with memory to spare is not told to add some."""
    guest = guest_of(online="online_movable")
    guest.faults.add(read_rule({"kind": kind}))
    found = explain_vm0(guest)
    assert found.situation.wanted_bytes == 0
    assert {str(group["remedy"]["action"]) for group in groups_of(found)} == {"wait"}
    assert sum(int(str(group["bytes"])) for group in groups_of(found)) == GIB


def test_guest_that_sleeps_is_told_apart_from_one_that_hangs() -> None:
    """Who sleeps does not hang, and is resumed."""
    guest = movable_guest()
    guest.sleep.begin(SleepKind.S2IDLE)
    assert words(explain_vm0(guest)) == ["guest_asleep"]
