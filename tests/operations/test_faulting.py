"""Faults through the registry: added, changed and removed; wrong ones change nothing."""

import pytest

from app.errors import InvalidValue, Unknown
from app.operations import faulting
from app.operations.creating import DeviceSpec, GuestSpec, create
from app.operations.service import Service
from tests.operations.stage import play

SPEC = GuestSpec(name="web", boot_size=2**29, devices=(DeviceSpec(size=2**30),))


def test_fault_lives_from_add_to_remove() -> None:
    """It is shown as it was said, changed in part, and gone at the end."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        added = await faulting.add(service, "web", {"kind": "guest_slow", "factor": 2})
        assert await faulting.show(service, "web", 1) == added
        changed = await faulting.change(service, "web", 1, {"factor": 3})
        assert changed["factor"] == 3
        assert [row["id"] for row in await faulting.show_all(service, "web")] == [1]
        await faulting.remove(service, "web", 1)
        assert await faulting.show_all(service, "web") == []

    play(scene)


def test_wrong_fault_changes_nothing() -> None:
    """A rule that cannot be, a change that cannot be, and names that there are not."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        await faulting.add(service, "web", {"kind": "guest_slow", "factor": 2})
        before = await faulting.show_all(service, "web")
        with pytest.raises(InvalidValue):
            await faulting.add(service, "web", {"kind": "rain"})
        with pytest.raises(InvalidValue):
            await faulting.change(service, "web", 1, {"factor": 0})
        for call in (faulting.show, faulting.remove):
            with pytest.raises(Unknown):
                await call(service, "web", 7)
        with pytest.raises(Unknown):
            await faulting.show_all(service, "db")
        assert await faulting.show_all(service, "web") == before

    play(scene)
