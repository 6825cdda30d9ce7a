"""Reboots and sleep through the registry: what is answered, and what is refused."""

import pytest

from app.errors import StateError, Unknown
from app.operations import power, resizing
from app.operations.creating import DeviceSpec, GuestSpec, create
from app.operations.service import Service
from tests.operations.stage import play

SPEC = GuestSpec(name="web", boot_size=2**29, devices=(DeviceSpec(size=2**30, requested_size=2**28),))


def test_rebooted_guest_is_answered_with_its_devices_plugged_again() -> None:
    """In mode instant its drivers have reached their targets by then, whichever way it booted."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        for kind in power.RebootKind:
            guest = await power.reboot(service, "web", kind)
            assert guest["condition"] == {"state": "running", "reason": None, "since_us": 0}
            assert (await resizing.show_device(service, "web", "vm0"))["size"] == 2**28

    play(scene)


def test_sleeping_guest_wakes_and_goes_on() -> None:
    """Asleep it says how; what was asked of it meanwhile, it does awake."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        guest = await power.suspend(service, "web", power.SleepKind.S3)
        condition = guest["condition"]
        assert isinstance(condition, dict)
        assert (condition["state"], condition["reason"]) == ("asleep", "s3")
        await resizing.resize(service, "web", "vm0", 2**29)
        assert (await resizing.show_device(service, "web", "vm0"))["size"] == 2**28
        await power.resume(service, "web")
        assert (await resizing.show_device(service, "web", "vm0"))["size"] == 2**29

    play(scene)


def test_what_cannot_be_is_refused() -> None:
    """A guest that is not there, hibernation with a driver, waking somebody who does not sleep."""

    async def scene(service: Service) -> None:
        with pytest.raises(Unknown):
            await power.reboot(service, "web", power.RebootKind.KEXEC)
        await create(service, SPEC)
        with pytest.raises(StateError, match="vm0 refuses hibernate"):
            await power.suspend(service, "web", power.SleepKind.HIBERNATE)
        with pytest.raises(StateError, match="it does not sleep"):
            await power.resume(service, "web")

    play(scene)
