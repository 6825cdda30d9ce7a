"""Allocations: by pages, by size, at exact places; sizes that are no whole pages are refused."""

from typing import Any

import pytest

from app.errors import CapacityError, GuestOutOfMemory, InvalidValue
from app.guest.guest import Guest
from app.operations.allocating import Wanted, allocate, free
from app.operations.creating import GuestSpec, create
from app.operations.service import Service
from tests.operations.stage import play


def _wanted(**changes: Any) -> Wanted:  # noqa: ANN401 - the fields of Wanted
    fields: dict[str, Any] = {
        "kind": "anon",
        "order": None,
        "nr_pages": None,
        "size": None,
        "at_pfns": (),
        "label": "",
    }
    return Wanted(**{**fields, **changes})


@pytest.mark.parametrize(
    ("changes", "nr_pages"),
    [({"nr_pages": 100}, 100), ({"size": 2**20}, 256), ({"at_pfns": (70000, 70002)}, 2)],
)
@pytest.mark.parametrize("inline_us", [0, 10**9])
def test_allocation_has_the_pages_that_were_wanted(
    changes: dict[str, object], nr_pages: int, inline_us: int
) -> None:
    """Each way of saying how much gives that much, and it is freed in parts."""

    async def scene(service: Service) -> None:
        await create(service, GuestSpec(name="web", boot_size=2**29))
        made = await allocate(service, "web", _wanted(**changes))
        assert made["nr_pages"] == nr_pages
        freed = await free(service, "web", int(str(made["id"])), fraction=0.5, seed=1)
        assert (freed["freed_pages"], freed["remaining_pages"]) == (nr_pages // 2, nr_pages - nr_pages // 2)

    play(scene, inline_us=inline_us)


def test_allocation_beyond_the_limit_is_refused() -> None:
    """A guest has so many allocations at once; when one goes, there is room again."""

    async def scene(service: Service) -> None:
        await create(service, GuestSpec(name="web", boot_size=2**29))
        made = [await allocate(service, "web", _wanted(nr_pages=1)) for _ in range(10)]
        with pytest.raises(CapacityError) as caught:
            await allocate(service, "web", _wanted(nr_pages=1))
        assert caught.value.members == {"limit": 10}
        await free(service, "web", int(str(made[0]["id"])), fraction=1.0, seed=0)
        await allocate(service, "web", _wanted(nr_pages=1))

    play(scene)


def test_allocation_that_cannot_be_is_refused() -> None:
    """Sizes below or between pages are wrong; sizes above the guest's are out of memory."""

    async def scene(service: Service) -> None:
        await create(service, GuestSpec(name="web", boot_size=2**29))
        for size in (0, 4095, 4097):
            with pytest.raises(InvalidValue, match="size is"):
                await allocate(service, "web", _wanted(size=size))
        with pytest.raises(GuestOutOfMemory):
            await allocate(service, "web", _wanted(size=2**40))

    play(scene)


@pytest.mark.parametrize("inline_us", [0, 10**9])
def test_gigantic_and_atomic_allocations_are_had(inline_us: int) -> None:
    """Pages of 16 MiB on x86-64, and kernel memory whose pageblock is reserved."""

    async def scene(service: Service) -> None:
        await create(service, GuestSpec(name="web", boot_size=2**29))
        made = await allocate(service, "web", _wanted(kind="hugetlb", order=12, size=2**25))
        assert (made["order"], made["nr_pages"]) == (12, 2**13)
        atomic = _wanted(kind="unmovable", order=2, nr_pages=4, is_highatomic=True)
        assert (await allocate(service, "web", atomic))["nr_pages"] == 4

        def reserved(guest: Guest) -> int:
            return sum(zone.nr_reserved_highatomic for zone in guest.node.zones)

        assert await service.registry.read("web", reserved, estimate_us=lambda _: 0) == 512

    play(scene, inline_us=inline_us)
