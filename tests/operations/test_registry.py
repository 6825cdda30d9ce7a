"""The registry: names, pages, one lock for each guest, and descriptions that never wait."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from app.errors import GuestLimitReached, InvalidValue, NameTaken, PageLimitReached, Unknown
from app.guest.creation import create_guest
from app.guest.guest import Guest
from app.guest.spec import DeviceSpec, GuestSpec
from app.operations import resizing
from app.operations.entry import Entry
from app.operations.operation import OperationState
from app.operations.service import Service
from tests.operations.stage import play

GIB = 2**30


def _add(service: Service, name: str) -> Entry:
    spec = GuestSpec(name=name, boot_size=GIB, devices=(DeviceSpec(size=GIB),))
    with service.registry.reserve(name, 1000) as reservation:
        return service.registry.add(reservation, create_guest(spec))


def _hold(release: threading.Event) -> Callable[[Guest], bool]:
    def call(guest: Guest) -> bool:
        del guest
        return release.wait(10)

    return call


def _long(guest: Guest) -> int:
    del guest
    return 10**6


def _short(guest: Guest) -> int:
    del guest
    return 0


def test_reserve_takes_names_that_are_free_and_sound() -> None:
    """Taken names, names being made, and names of other shapes are refused."""

    async def scene(service: Service) -> None:
        registry = service.registry
        _add(service, "web")
        with registry.reserve("db", 1), pytest.raises(NameTaken), registry.reserve("db", 1):
            pass
        with pytest.raises(NameTaken), registry.reserve("web", 1):
            pass
        for name in ("", "Web", "a" * 64, "a b", "a\n", "é", "import"):
            with pytest.raises(InvalidValue), registry.reserve(name, 1):
                pass
        with registry.reserve("db", 1):
            pass

    play(scene)


def test_reserve_without_a_name_gives_the_next_free_one() -> None:
    """Numbers go up, and names that are taken are stepped over."""

    async def scene(service: Service) -> None:
        _add(service, "guest-2")
        names = []
        for _ in range(2):
            with service.registry.reserve(None, 1) as reservation:
                names.append(reservation.name)
        assert names == ["guest-1", "guest-3"]

    play(scene)


def test_reserve_counts_guests_that_are_being_made() -> None:
    """The limit of guests holds for those to come as well, and a failed one gives its place back."""

    async def scene(service: Service) -> None:
        with (
            service.registry.reserve("a", 1),
            pytest.raises(GuestLimitReached),
            service.registry.reserve("b", 1),
        ):
            pass
        with service.registry.reserve("b", 1):
            pass

    play(scene, max_guests=1)


def test_reserve_and_enlarge_count_all_pages() -> None:
    """Pages of guests and of reservations together stay within the limit."""

    async def scene(service: Service) -> None:
        registry = service.registry
        _add(service, "web")
        with registry.reserve("a", 500) as reservation:
            with pytest.raises(PageLimitReached) as caught:
                registry.enlarge(reservation, 1001)
            assert caught.value.members == {"requested": 1001, "in_use": 1000, "limit": 2000}
            registry.enlarge(reservation, 1000)
            assert registry.nr_pages == 2000
        assert registry.nr_pages == 1000
        with pytest.raises(PageLimitReached), registry.reserve("b", 1001):
            pass

    play(scene, max_total_pages=2000)


def test_hold_pages_counts_copies_without_a_name() -> None:
    """Held pages are pages of the service until they are let go of, also when something went wrong."""

    async def scene(service: Service) -> None:
        registry = service.registry
        with registry.hold_pages(600), registry.hold_pages(0) as held:
            registry.enlarge(held, 400)
            assert (registry.nr_pages, registry.entries()) == (1000, [])
            with pytest.raises(PageLimitReached), registry.hold_pages(1):
                pass
            with pytest.raises(PageLimitReached), registry.reserve("a", 1):
                pass
        assert registry.nr_pages == 0

    play(scene, max_total_pages=1000)


def test_change_of_one_guest_waits_for_the_call_before() -> None:
    """Calls on one guest happen in the order in which they came."""

    async def scene(service: Service) -> None:
        _add(service, "web")
        release, order = threading.Event(), list[str]()

        async def change(word: str, call: Callable[[Guest], object], *, is_long: bool) -> None:
            await service.registry.change("web", call, estimate_us=_long if is_long else _short)
            order.append(word)

        tasks = [
            asyncio.create_task(change("first", _hold(release), is_long=True)),
            asyncio.create_task(change("second", Guest.describe, is_long=False)),
        ]
        await asyncio.sleep(0.02)
        assert order == []
        release.set()
        await asyncio.gather(*tasks)
        assert order == ["first", "second"]

    play(scene)


def test_change_of_one_guest_leaves_others_alone() -> None:
    """While a thread works on one guest, calls on another are done."""

    async def scene(service: Service) -> None:
        _add(service, "web")
        _add(service, "db")
        release = threading.Event()
        task = asyncio.create_task(service.registry.change("web", _hold(release), estimate_us=_long))
        await asyncio.sleep(0.02)
        await service.registry.change("db", lambda guest: guest.plug("vm0", GIB), estimate_us=_long)
        assert not task.done()
        release.set()
        await task

    play(scene)


def test_describe_of_a_busy_guest_is_from_before_its_call() -> None:
    """A description does not wait, and is of a moment between calls."""

    async def scene(service: Service) -> None:
        entry = _add(service, "web")
        release = threading.Event()

        def call(guest: Guest) -> None:
            guest.plug("vm0", GIB)
            release.wait(10)

        before = entry.describe()
        task = asyncio.create_task(service.registry.change("web", call, estimate_us=_long))
        await asyncio.sleep(0.05)
        assert service.registry.entry("web").describe() == before
        release.set()
        await task
        after = service.registry.entry("web").describe()
        assert after != before
        assert after["devices"] == entry.guest.describe()["devices"]

    play(scene)


def test_describe_after_a_failed_change_is_made_anew() -> None:
    """A call that raises may not leave a description that is not true."""

    async def scene(service: Service) -> None:
        entry = _add(service, "web")
        entry.describe()

        def call(guest: Guest) -> None:
            guest.plug("vm0", GIB)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await service.registry.change("web", call, estimate_us=_short)
        assert entry.describe()["devices"] == entry.guest.describe()["devices"]

    play(scene)


def test_delete_waits_and_whoever_waits_behind_it_finds_nothing() -> None:
    """A deletion comes after the calls before it; a call behind it is told that the guest is unknown."""

    async def scene(service: Service) -> None:
        _add(service, "web")
        release = threading.Event()
        call = asyncio.create_task(service.registry.change("web", _hold(release), estimate_us=_long))
        await asyncio.sleep(0.02)
        deletion = asyncio.create_task(service.registry.delete("web"))
        behind = asyncio.create_task(service.registry.read("web", Guest.describe, estimate_us=_short))
        await asyncio.sleep(0.02)
        assert not deletion.done()
        release.set()
        await asyncio.gather(call, deletion)
        with pytest.raises(Unknown):
            await behind
        assert service.registry.entries() == []

    play(scene)


def test_change_returns_when_the_drivers_rest_that_it_has_woken() -> None:
    """In mode instant nothing is half done between two calls; a long unplug of somebody else is not waited for."""

    async def scene(service: Service) -> None:
        entry = _add(service, "web")
        registry = service.registry
        await registry.change("web", lambda guest: guest.begin_resize("vm0", GIB), estimate_us=_short)
        assert entry.guest.progress("vm0").size == GIB
        async with registry.locked("web") as held:
            await registry.change_locked(held, lambda guest: guest.begin_resize("vm0", 0), estimate_us=_short)
        assert not entry.is_settled
        await registry.change("web", Guest.describe, estimate_us=_short)
        assert not entry.is_settled
        await registry.settle(entry)
        assert entry.guest.progress("vm0").size == 0

    play(scene)


def test_replace_puts_another_guest_in_its_place() -> None:
    """Operations end, the time goes on from the new guest's, and events go on with their numbers."""

    async def scene(service: Service) -> None:
        entry = _add(service, "web")
        await service.registry.set_clock("web", mode="manual", scale=None)
        begun = await resizing.resize(service, "web", "vm0", GIB)
        newest = entry.guest.events.newest
        await service.registry.replace("web", lambda guest: guest.fork(), estimate_us=_short, why="restored")
        assert (begun.standing.state, begun.standing.reason) == (OperationState.CANCELLED, "restored")
        assert entry.guest.events.newest >= newest
        assert entry.time.now_ns == entry.guest.clock.now_ns
        assert entry.nr_pages == entry.guest.nr_pages

    play(scene)
