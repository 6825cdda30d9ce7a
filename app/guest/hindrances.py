"""What keeps a guest's driver from working at all, whatever its memory looks like.

Left out: what keeps single pieces (app.guest.explain).
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from app.guest.condition import Condition, Health
from app.guest.devices import AttachedDevice
from app.guest.guest import Guest


class Hindrance(NamedTuple):
    """Something that has to go first: a word, what is the matter, and what helps."""

    what: str
    text: str
    remedy: str


def lift_hindrances(copy: Guest, device_id: str) -> list[Hindrance]:
    """Takes away what keeps the driver from working, on a copy of a guest, and returns what that was.

    A driver that is not loaded stays so. Raises Unknown.
    """
    attached = copy.find_device(device_id)
    return [*_lift_condition(copy.condition), *_lift_fault(attached), *_lift_driver(attached)]


def _lift_condition(condition: Condition) -> Iterator[Hindrance]:
    if condition.is_running:
        return
    if condition.health is Health.CRASHED:
        yield Hindrance("guest_crashed", f"the guest is dead: {condition.reason}", "reboot the guest")
    else:
        yield Hindrance(
            "guest_hung", "the guest hangs, and its driver with it", "wait until it goes on, or reboot it"
        )
    condition.clear()


def _lift_fault(attached: AttachedDevice) -> Iterator[Hindrance]:
    """Lets no fault rule keep the driver from beginning; what rules do to its attempts is told as it is."""
    if attached.faults is not None and attached.faults.is_absent():
        yield Hindrance("driver_absent", "a fault rule keeps the driver from acting", "remove the fault rule")
    attached.faults = None


def _lift_driver(attached: AttachedDevice) -> Iterator[Hindrance]:
    driver = attached.driver
    if not driver.is_loaded:
        yield Hindrance(
            "driver_unloaded", "the guest's kernel has no driver for the device", "load the driver"
        )
    if driver.is_broken:
        driver.is_broken = False
        text = "the device answered ERROR, after which the driver does nothing any more (D-4)"
        yield Hindrance("driver_broken", text, "reload the driver")
    if not driver.options.parameters.unplug_online:
        driver.set_parameters(replace(driver.options.parameters, unplug_online=True))
        text = "the driver may not unplug online memory (unplug_online=no)"
        remedy = "set unplug_online=yes, or offline memory blocks by hand"
        yield Hindrance("unplug_online", text, remedy)
