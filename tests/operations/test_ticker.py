"""The ticker: realtime guests follow the wall, by turns, and say when they cannot."""

import asyncio
import time
from itertools import pairwise

import pytest

from app.guest.guest import Guest
from app.operations import clocks, listing, resizing
from app.operations.creating import DeviceSpec, GuestSpec, create
from app.operations.entry import Entry
from app.operations.guest_time import ClockMode, ClockSetting
from app.operations.operation import OperationState
from app.operations.service import Service
from app.operations.ticker import MOST_VOID
from tests.operations.stage import play

MIB = 2**20
GIB = 2**30


async def _make(service: Service, name: str, scale: float) -> Entry:
    spec = GuestSpec(name=name, boot_size=GIB, devices=(DeviceSpec(size=4 * GIB, requested_size=GIB),))
    await create(service, spec, ClockSetting(ClockMode.REALTIME, scale))
    return service.registry.entry(name)


class Periodic:
    """Somebody in a guest who acts each millisecond of its clock, and takes his time of the wall's."""

    def __init__(self, guest: Guest, busy_s: float = 0.0) -> None:
        """Acts first after a millisecond."""
        self._clock = guest.clock
        self._next_ns = guest.clock.now_ns + 1_000_000
        self._busy_s = busy_s
        self.acted_ns: list[int] = []

    def due_ns(self) -> int | None:
        """When he acts next."""
        return self._next_ns

    def act(self) -> None:
        """Acts."""
        self.acted_ns.append(self._clock.now_ns)
        self._next_ns += 1_000_000
        time.sleep(self._busy_s)


async def _let_live(service: Service, entry: Entry, busy_s: float = 0.0) -> Periodic:
    actor = Periodic(entry.guest, busy_s)
    await service.registry.change(entry.name, lambda guest: guest.agenda.add(actor), estimate_us=lambda _: 0)
    return actor


async def _lag_ms(service: Service, name: str) -> float:
    return float(str((await clocks.show(service, name))["lag_ms"]))


def test_realtime_guest_acts_at_its_time() -> None:
    """At scale 1 a second has a thousand milliseconds, each acted in once, in order, and none before its time."""

    async def scene(service: Service) -> None:
        entry = await _make(service, "web", 1.0)
        began_s, actor = time.monotonic(), await _let_live(service, entry)
        await asyncio.sleep(0.2)
        acted, passed_s = actor.acted_ns[:], time.monotonic() - began_s
        assert {late - early for early, late in pairwise(acted)} == {1_000_000}
        assert 500 * passed_s < len(acted) <= 1000 * passed_s + 1

    play(scene)


def test_realtime_resize_needs_nobody_to_wait_for_it() -> None:
    """The driver's acts happen when their time has come; the operation is over by itself."""

    async def scene(service: Service) -> None:
        await _make(service, "web", 10.0)
        begun = await resizing.resize(service, "web", "vm0", 0)
        assert not begun.is_over
        await resizing.operation(service, begun.id, wait_s=20)
        assert begun.standing.state is OperationState.SUCCEEDED
        assert (await resizing.show_device(service, "web", "vm0"))["size"] == 0

    play(scene)


def test_command_finds_the_clock_at_now() -> None:
    """Nothing was due for a while, so nobody moved the clock; a command does before it does anything else."""

    async def scene(service: Service) -> None:
        entry = await _make(service, "web", 1000.0)
        before_us = entry.guest.clock.now_us
        await asyncio.sleep(0.05)
        found_us = await service.registry.change(
            "web", lambda guest: guest.clock.now_us, estimate_us=lambda _: 0
        )
        assert found_us - before_us >= 50_000_000
        read_us = await service.registry.read(
            "web", lambda guest: guest.clock.now_us, estimate_us=lambda _: 0
        )
        assert read_us >= found_us

    play(scene)


def test_guests_that_cannot_keep_up_say_so_and_leave_others_their_turn() -> None:
    """One has a hundred times more to do than there is time: it is behind; its neighbour is not."""

    async def scene(service: Service) -> None:
        slow, quick = await _make(service, "slow", 100.0), await _make(service, "quick", 1.0)
        await _let_live(service, slow, busy_s=0.001)
        actor = await _let_live(service, quick)
        await asyncio.sleep(0.6)
        slow_ms, quick_ms = [await _lag_ms(service, name) for name in ("slow", "quick")]
        assert (await clocks.show(service, "slow"))["is_behind"]
        assert quick_ms < slow_ms / 2
        assert len(actor.acted_ns) > 100
        overview = await clocks.overview(service)
        assert overview["realtime_guests"] == 2
        assert overview["is_behind"]

    play(scene)


def test_clock_never_goes_back_whatever_is_changed() -> None:
    """Modes and scales are changed while the guest is at work; its time only grows."""

    async def scene(service: Service) -> None:
        entry = await _make(service, "web", 100.0)
        await _let_live(service, entry)
        times = [entry.guest.clock.now_ns]
        for mode, scale in (("realtime", 0.001), ("manual", 1.0), ("realtime", 10_000.0), ("realtime", 1.0)):
            await asyncio.sleep(0.02)
            await clocks.change(service, "web", mode=mode, scale=scale)
            times.append(entry.guest.clock.now_ns)
        assert times == sorted(times)
        assert len(set(times)) > 2

    play(scene)


def test_deleted_guest_is_not_served_any_more() -> None:
    """Its place in the queue is void."""

    async def scene(service: Service) -> None:
        entry = await _make(service, "web", 1.0)
        actor = await _let_live(service, entry)
        await asyncio.sleep(0.05)
        await listing.delete(service, "web")
        acted = len(actor.acted_ns)
        await asyncio.sleep(0.05)
        assert len(actor.acted_ns) == acted > 0

    play(scene)


def test_defect_in_one_guest_stops_its_clock_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """The log tells; operations of the guest end; the service goes on."""

    class Broken(Periodic):
        def act(self) -> None:
            raise AssertionError("INV-0: a defect")

    async def scene(service: Service) -> None:
        bad, good = await _make(service, "bad", 1.0), await _make(service, "good", 1.0)
        actor = await _let_live(service, good)
        begun = await resizing.resize(service, "bad", "vm0", 0)
        broken = Broken(bad.guest)
        await service.registry.change("bad", lambda guest: guest.agenda.add(broken), estimate_us=lambda _: 0)
        await resizing.operation(service, begun.id, wait_s=20)
        assert (await clocks.show(service, "bad"))["mode"] == "manual"
        acted = len(actor.acted_ns)
        await asyncio.sleep(0.1)
        assert begun.standing.state is OperationState.PARTIAL
        assert "its log says how" in (begun.standing.reason or "")
        assert len(actor.acted_ns) > acted

    play(scene)
    assert "guest bad failed" in caplog.text


def test_queue_keeps_no_places_of_guests_that_are_gone_or_act_at_another_time() -> None:
    """Each new target moves the moment of the next act, hours away at this scale; then the guest is deleted."""

    async def scene(service: Service) -> None:
        entry = await _make(service, "web", 0.001)
        for number in range(4 * MOST_VOID):
            entry.time.due_ns = entry.time.now_ns + 10**12 + number
            service.ticker.schedule(entry)
        assert service.ticker.nr_places <= MOST_VOID + 2
        for number in range(2 * MOST_VOID):
            gone = await _make(service, f"gone-{number}", 0.001)
            gone.time.due_ns = gone.time.now_ns + 10**12
            service.ticker.schedule(gone)
            await listing.delete(service, gone.name)
        assert service.ticker.nr_places <= MOST_VOID + 2

    play(scene)
