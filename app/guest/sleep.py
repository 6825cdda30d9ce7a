"""A guest's sleep: which kinds its drivers refuse, and what waking does to its devices.

    s2idle       the kernel idles: nobody is asked, nothing is reset
    s3           suspend to RAM: needs PERSISTENT_SUSPEND while memory is plugged; waking resets the devices
    hibernate    refused while a driver is bound, plugged or not

Mirrors the driver's power management (D-15, V-29) and the device's part in it (V-36, V-Q7).
Kept here: who sleeps does nothing, and wakes with every block as it was.
Left out: what a hypervisor does with a sleeping guest.
"""

from enum import StrEnum

from app.errors import StateError
from app.guest.condition import Condition
from app.guest.devices import AttachedDevice, Devices
from app.virtio_mem.protocol import Feature


class SleepKind(StrEnum):
    """How a guest sleeps."""

    S2IDLE = "s2idle"
    S3 = "s3"
    HIBERNATE = "hibernate"


class Sleep:
    """The sleep of one guest."""

    def __init__(self, devices: Devices, condition: Condition) -> None:
        """Takes the guest's devices and its condition, which says whether and how it sleeps."""
        self._devices = devices
        self._condition = condition

    def begin(self, kind: SleepKind) -> None:
        """Lets the guest sleep, unless one of its drivers refuses.

        Raises StateError, which names the device; GuestCrashed, GuestHung.
        """
        self._condition.require_running()
        for attached in self._devices:
            refusal = _refusal(attached, kind)
            if refusal:
                raise StateError(f"the driver of {attached.device.id} refuses {kind}: {refusal}")
        self._condition.fall_asleep(kind)

    def end(self) -> None:
        """Wakes a guest that sleeps; its drivers look at their devices, whose targets may have changed.

        Raises StateError when it does not sleep.
        """
        if not self._condition.is_asleep:
            raise StateError(f"the guest is {self._condition.health}, it does not sleep")
        is_deep = self._condition.reason == SleepKind.S3
        self._condition.wake_up()
        for attached in self._devices:
            if attached.driver.is_loaded:
                _wake(attached, is_deep=is_deep)


def _wake(attached: AttachedDevice, *, is_deep: bool) -> None:
    if is_deep:
        features = attached.driver.queue.features
        attached.device.reset()
        attached.device.negotiate(features)
    attached.wake()


def _refusal(attached: AttachedDevice, kind: SleepKind) -> str:
    driver = attached.driver
    if not driver.is_loaded or kind is SleepKind.S2IDLE:
        return ""
    if kind is SleepKind.HIBERNATE:
        return "plugged memory would not be in the image"
    if driver.queue.plugged_size and Feature.PERSISTENT_SUSPEND not in driver.queue.features:
        return f"{driver.queue.plugged_size} bytes are plugged, and PERSISTENT_SUSPEND was not negotiated"
    return ""
