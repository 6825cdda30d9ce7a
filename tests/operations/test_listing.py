"""Listing, showing and deleting guests."""

import asyncio
import time

import pytest

from app.errors import Unknown
from app.guest.guest import Guest
from app.operations import listing
from app.operations.creating import GuestSpec, create
from app.operations.guest_time import ClockMode, ClockSetting
from app.operations.service import Service
from tests.operations.stage import play


def test_all_guests_are_listed_oldest_first() -> None:
    """More guests than are described in one go are all there, in order."""

    async def scene(service: Service) -> None:
        names = [f"g{number}" for number in range(40, 0, -1)]
        for name in names:
            await create(service, GuestSpec(name=name, boot_size=2**27))
        for entry in service.registry.entries():
            entry.description = None
        assert [guest["name"] for guest in await listing.all_guests(service)] == names

    play(scene)


def test_show_and_delete_know_what_exists() -> None:
    """A deleted guest cannot be shown or deleted again."""

    async def scene(service: Service) -> None:
        made = await create(service, GuestSpec(name="web", boot_size=2**27))
        assert await listing.show(service, "web") == made
        await listing.delete(service, "web")
        with pytest.raises(Unknown):
            await listing.show(service, "web")
        with pytest.raises(Unknown):
            await listing.delete(service, "web")

    play(scene)


class Overworked:
    """Somebody in a guest who always has more to do, and takes five milliseconds of the wall's for it."""

    def __init__(self, guest: Guest) -> None:
        """Acts as of now."""
        self._due_ns = guest.clock.now_ns

    def due_ns(self) -> int | None:
        """A microsecond after he acted last."""
        return self._due_ns

    def act(self) -> None:
        """Acts."""
        self._due_ns += 1000
        time.sleep(0.005)


def test_guests_that_cannot_keep_up_are_shown_and_listed_all_the_same() -> None:
    """The ticker always has some of them in hand; who looks waits for one tick, and reads that they are behind."""

    async def scene(service: Service) -> None:
        for number in range(12):
            realtime = ClockSetting(ClockMode.REALTIME, 1.0)
            await create(service, GuestSpec(name=f"g{number}", boot_size=2**27), realtime)
            await service.registry.change(
                f"g{number}", lambda guest: guest.agenda.add(Overworked(guest)), estimate_us=lambda _: 0
            )
        await asyncio.sleep(0.3)
        for _ in range(5):
            shown = await asyncio.wait_for(listing.show(service, "g3"), 1.0)
            listed = await asyncio.wait_for(listing.all_guests(service), 2.0)
            clocks = [guest["clock"] for guest in (shown, *listed)]
        told = {"mode": "realtime", "scale": 1.0, "is_behind": True}
        assert clocks == [told] * 13
        # Nor does looking stop them.
        acted_us = service.registry.entry("g3").guest.clock.now_us
        await asyncio.sleep(0.3)
        assert service.registry.entry("g3").guest.clock.now_us > acted_us

    play(scene)
