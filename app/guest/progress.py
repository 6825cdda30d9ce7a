"""How far a device is with its target: the few numbers that somebody who waits looks at after every act.

Left out: what stands in the way (app.guest.resize_outcome), and the device as a whole (app.guest.views).
"""

from typing import NamedTuple

from app.guest.clock import SimulatedClock
from app.guest.condition import Condition, Health
from app.guest.devices import AttachedDevice

_STANDSTILLS = {
    Health.HUNG: "the guest stands still",
    Health.ASLEEP: "the guest sleeps until it is resumed",
}


class DeviceProgress(NamedTuple):
    """Sizes in bytes; deadline_ns: when the driver's retry timer fires, None while it is not armed."""

    now_us: int
    requested_size: int
    size: int
    # Whether a work item of the driver is under way.
    is_at_work: bool
    deadline_ns: int | None
    # What the timer was armed with; 0 while it is not.
    retry_ms: int
    # The driver's, and how its last pass ended: "0" or the kernel's name of the error.
    state: str
    last_result: str
    # The least that the driver plugs or unplugs: a sub-block or a big block.
    unit_size: int
    # What the guest died of; None while it lives.
    crash: str | None = None
    # Why the guest does nothing, though it lives; None while it runs.
    standstill: str | None = None
    # Whether a fault keeps the driver from working, and whether it was not told of its target.
    is_absent: bool = False
    is_untold: bool = False
    may_unplug_online: bool = True
    # When it begins to work by itself: its timer fires, or its absence ends; None: never.
    goes_on_ns: int | None = None


def progress_of(attached: AttachedDevice, clock: SimulatedClock, condition: Condition) -> DeviceProgress:
    """Returns how far a device is."""
    config, driver = attached.device.config, attached.driver
    result = driver.last_result
    return DeviceProgress(
        now_us=clock.now_us,
        requested_size=config.requested_size,
        size=config.plugged_size,
        is_at_work=attached.is_at_work,
        deadline_ns=attached.deadline_ns,
        retry_ms=driver.armed_ms,
        state=str(driver.state),
        last_result="0" if result is None else str(result),
        unit_size=driver.unit_size,
        crash=condition.reason if condition.is_crashed else None,
        standstill=_STANDSTILLS.get(condition.health),
        is_absent=attached.is_absent,
        is_untold=attached.is_untold,
        may_unplug_online=driver.book.parameters.unplug_online,
        goes_on_ns=attached.goes_on_ns(),
    )
