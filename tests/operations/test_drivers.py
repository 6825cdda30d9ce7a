"""Drivers through the registry: loaded they work at once, and what is refused changes nothing."""

import pytest

from app.errors import ModuleRefused, Unknown
from app.operations import drivers
from app.operations.creating import DeviceSpec, GuestSpec, create
from app.operations.service import Service
from tests.operations.stage import play

SPEC = GuestSpec(
    name="web",
    boot_size=2**30,
    devices=(DeviceSpec(size=2**30, requested_size=2**29, driver=drivers.DriverModule(is_loaded=False)),),
)


@pytest.mark.parametrize("inline_us", [0, 10**9])
def test_loaded_driver_meets_the_target(inline_us: int) -> None:
    """In mode instant it rests when the answer comes; unloaded, its memory stays."""

    async def scene(service: Service) -> None:
        made = await create(service, SPEC)
        assert isinstance(made["devices"], list)
        assert made["devices"][0]["size"] == 0
        device = await drivers.load(service, "web", "vm0", drivers.ModuleParameters(force_bbm=True))
        assert (device["size"], device["mode"]) == (2**29, "bbm")
        device = await drivers.unload(service, "web", "vm0")
        assert device["size"] == 2**29

    play(scene, inline_us=inline_us)


def test_refusals_are_raised() -> None:
    """By the kernel, and of names that nobody has."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        with pytest.raises(ModuleRefused):
            await drivers.unload(service, "web", "vm0")
        with pytest.raises(Unknown):
            await drivers.load(service, "web", "vm1", drivers.ModuleParameters())
        with pytest.raises(Unknown):
            await drivers.unload(service, "other", "vm0")

    play(scene)
