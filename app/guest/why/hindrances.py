"""What keeps a guest's driver from working at all, whatever its memory looks like.

Left out: what keeps single pieces (app.guest.why.explain).
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from app.guest.condition import Condition, Health
from app.guest.devices import AttachedDevice
from app.guest.guest import Guest
from app.units import format_size


class Hindrance(NamedTuple):
    """Something that has to go first: a word, what is the matter, and what helps."""

    what: str
    text: str
    remedy: str


_UNPLUG_ONLINE = Hindrance(
    "unplug_online",
    "the driver may not unplug online memory (unplug_online=no)",
    "set unplug_online=yes, or offline memory blocks by hand",
)
_ABSENT = Hindrance("driver_absent", "a fault rule keeps the driver from acting", "remove the fault rule")
_UNPLUG_ALL = Hindrance(
    "unplug_all_pending",
    "an earlier kernel left memory plugged; giving back all of it, which comes first (UNPLUG_ALL, D-5), has failed",
    "wait: the driver tries again when its timer fires",
)


def find_hindrances(guest: Guest, device_id: str) -> list[Hindrance]:
    """Returns what keeps a device's driver from working now, in the order in which it has to go.

    Raises Unknown.
    """
    attached = guest.find_device(device_id)
    absent = [_ABSENT] if attached.is_absent else []
    return [*_of_condition(guest.condition), *absent, *_of_driver(attached)]


def lift_hindrances(copy: Guest, device_id: str) -> list[Hindrance]:
    """Takes away what keeps the driver from working, on a copy of a guest, and returns what that was.

    A driver that is not loaded stays so; what fault rules do to its attempts is told as it is. Raises Unknown.
    """
    found = find_hindrances(copy, device_id)
    attached = copy.find_device(device_id)
    driver = attached.driver
    copy.condition.clear()
    attached.faults = None
    driver.is_broken = False
    driver.set_parameters(replace(driver.options.parameters, unplug_online=True))
    return found


def find_pending(attached: AttachedDevice) -> list[Hindrance]:
    """Returns what a driver that has tried had to do before anything else, and could not."""
    driver = attached.driver
    return [_UNPLUG_ALL] if driver.is_loaded and driver.is_unplug_all_required else []


def _of_condition(condition: Condition) -> Iterator[Hindrance]:
    if condition.health is Health.CRASHED:
        yield Hindrance("guest_crashed", f"the guest is dead: {condition.reason}", "reboot the guest")
    elif condition.health is Health.ASLEEP:
        yield Hindrance("guest_asleep", f"the guest sleeps ({condition.reason})", "resume the guest")
    elif not condition.is_running:
        text = "the guest hangs, and its driver with it"
        yield Hindrance("guest_hung", text, "wait until it goes on, or reboot it")


def _of_driver(attached: AttachedDevice) -> Iterator[Hindrance]:
    driver = attached.driver
    # A module can be loaded once more only where it left nothing behind.
    is_loadable = not driver.book.has_memory_added
    if not driver.is_loaded:
        text = "the guest's kernel has no driver for the device"
        if not is_loadable:
            text += ", and memory that one added, which no other takes over"
        yield Hindrance("driver_unloaded", text, "load the driver" if is_loadable else "reboot the guest")
    if driver.is_broken:
        text = "the driver met an error that it does not expect, and does nothing any more (D-4)"
        yield Hindrance("driver_broken", text, "reload the driver" if is_loadable else "reboot the guest")
    if attached.is_untold:
        aim = format_size(driver.queue.requested_size)
        text = f"the guest was not told of its requested size: its driver goes for {aim}"
        yield Hindrance("target_untold", text, "set the requested size again: the driver is told anew")
    if driver.is_loaded and not driver.book.parameters.unplug_online:
        yield _UNPLUG_ONLINE
