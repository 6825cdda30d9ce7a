"""Listing, showing and deleting guests."""

import pytest

from app.errors import Unknown
from app.operations import listing
from app.operations.creating import GuestSpec, create
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
