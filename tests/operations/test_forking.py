"""Copies of a guest: what comes back, what is held meanwhile, and calls that meet."""

import asyncio

import pytest

from app.errors import NameTaken, PageLimitReached, Unknown
from app.operations import forking, resizing
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


def test_same_commands_after_restore_give_the_same_events() -> None:
    """Whatever happened in between, the guest goes on from the snapshot as it did before."""

    async def scene(service: Service) -> None:
        await create(service, _SPEC)
        await forking.take_snapshot(service, "web", "start")
        seen = []
        for _ in range(2):
            await forking.restore(service, "web", "start")
            guest = service.registry.entry("web").guest
            newest = guest.events.newest
            await resizing.resize(service, "web", "vm0", 8 * MIB)
            # It is answered before the driver is done.
            await service.registry.settle(service.registry.entry("web"))
            seen.append([row.event for row in guest.events.read(newest, 1000)])
        assert len(seen[0]) > 3
        assert seen[0] == seen[1]

    play(scene)


def test_snapshots_of_one_name_at_once() -> None:
    """Of two calls that meet, one gets the name."""

    async def scene(service: Service) -> None:
        await create(service, _SPEC)
        calls = (forking.take_snapshot(service, "web", "a") for _ in range(2))
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert sorted(type(result) is NameTaken for result in results) == [False, True]
        listed = forking.list_snapshots(service, "web")["snapshots"]
        assert isinstance(listed, list)
        assert [row["id"] for row in listed] == ["a"]

    play(scene, inline_us=0)


def test_copies_count_as_pages_until_they_are_gone() -> None:
    """Without room nothing is copied; what was held is let go of."""

    async def scene(service: Service) -> None:
        await create(service, _SPEC)
        for call in (
            forking.fork(service, "web", new_name=None, policy=None, fallback=None),
            forking.take_snapshot(service, "web", None),
        ):
            with pytest.raises(PageLimitReached):
                await call
        assert service.registry.nr_pages == _NR_PAGES

    play(scene, max_total_pages=2 * _NR_PAGES - 1)


def test_copies_of_what_is_not_there() -> None:
    """Guests and snapshots that nobody made."""

    async def scene(service: Service) -> None:
        with pytest.raises(Unknown):
            await forking.take_snapshot(service, "web", None)
        await create(service, _SPEC)
        with pytest.raises(Unknown):
            await forking.restore(service, "web", "a")
        with pytest.raises(Unknown):
            forking.delete_snapshot(service, "web", "a")

    play(scene)
