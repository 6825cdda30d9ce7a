"""Explanations and forecasts: copies are held and let go of, and the guest goes on meanwhile."""

import asyncio

import pytest

from app.errors import InvalidValue, PageLimitReached, Unknown
from app.operations import explaining
from app.operations.creating import DeviceSpec, GuestSpec, create
from app.operations.service import Service
from app.units import MIB
from tests.operations.stage import play

_SPEC = GuestSpec(
    name="web",
    preset="toy",
    boot_size=64 * MIB,
    online="online_movable",
    devices=(DeviceSpec(size=64 * MIB, requested_size=32 * MIB),),
)

# Its span ends with its device.
_NR_PAGES = 33280


def test_explaining_holds_no_pages_afterwards() -> None:
    """While a copy is asked it counts; when it is drawn, or told, it is gone."""

    async def scene(service: Service) -> None:
        await create(service, _SPEC)
        nr_pages = service.registry.nr_pages
        asked = asyncio.ensure_future(
            explaining.draw(service, "web", "vm0", target=0, render=lambda memory: bytes(memory.marks))
        )
        await asyncio.sleep(0)
        assert service.registry.nr_pages == 2 * nr_pages
        assert set(await asked) == {0}
        assert service.registry.nr_pages == nr_pages
        told = await explaining.explain_device(service, "web", "vm0", target=0, window=None)
        assert (told["obtainable"], told["stays"]) == (32 * MIB, 0)
        wish = explaining.Wish(requested_size=64 * MIB)
        told = await explaining.forecast_device(service, "web", "vm0", wish)
        assert told["size"] == 64 * MIB
        assert service.registry.nr_pages == nr_pages

    play(scene)


def test_explaining_what_cannot_be() -> None:
    """Guests and devices that are not there, values off the grid, and no room for copies."""

    async def scene(service: Service) -> None:
        with pytest.raises(Unknown):
            await explaining.explain_device(service, "web", "vm0", target=None, window=None)
        await create(service, _SPEC)
        with pytest.raises(Unknown):
            await explaining.explain_device(service, "web", "vm1", target=None, window=None)
        for wish in (
            explaining.Wish(requested_size=1, has_limits=False),
            explaining.Wish(requested_size=0, policy="linux-0.9"),
            explaining.Wish(requested_size=0, retries=99, has_limits=False),
        ):
            with pytest.raises(InvalidValue):
                await explaining.forecast_device(service, "web", "vm0", wish)
        with pytest.raises(PageLimitReached):
            await explaining.forecast_device(service, "web", "vm0", explaining.Wish(requested_size=0))
        assert service.registry.nr_pages == _NR_PAGES
        wish = explaining.Wish(requested_size=0, has_limits=False)
        assert (await explaining.forecast_device(service, "web", "vm0", wish))["size"] == 0

    play(scene, max_total_pages=3 * _NR_PAGES - 1)
