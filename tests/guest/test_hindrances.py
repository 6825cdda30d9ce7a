"""What keeps a driver from working at all is told, and the rest as if it were gone."""

from dataclasses import replace

import pytest

from app.guest.explain import Explanation
from app.guest.faults.rules_json import read_rule
from app.guest.guest import Guest
from app.units import GIB, MIB
from tests.guest.explained import explain_vm0, guest_of, pfn_of, put


def movable_guest() -> Guest:
    """Returns a guest with 1 GiB plugged and one pinned page in it."""
    guest = guest_of(online="online_movable")
    put(guest, "pinned", pfn_of(100))
    return guest


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
