"""Resizing: operations that go on behind the answer, one for each device."""

import asyncio

import pytest

from app.errors import CapacityError, StateError, Unknown
from app.operations import allocating, clocks, resizing
from app.operations.allocating import Wanted
from app.operations.clocks import Stretch
from app.operations.creating import DeviceSpec, GuestSpec, create
from app.operations.guest_time import ClockMode, ClockSetting
from app.operations.operation import OperationState
from app.operations.service import Service
from tests.operations.stage import play

MIB = 2**20
GIB = 2**30
SPEC = GuestSpec(name="web", boot_size=2**29, online="online_kernel", devices=(DeviceSpec(size=2**30),))
MANUAL = ClockSetting(ClockMode.MANUAL)


async def _pin(service: Service) -> int:
    """Takes one page for good in the middle of the first 128 MiB; returns the allocation's id."""
    first = int(str((await resizing.show_device(service, "web", "vm0"))["addr"])) // 4096
    pin = Wanted(kind="pinned", order=0, nr_pages=None, size=None, at_pfns=(first + 16384,), label="")
    return int(str((await allocating.allocate(service, "web", pin))["id"]))


@pytest.mark.parametrize("inline_us", [0, 10**9])
def test_resize_plug_and_unplug_report_and_show(inline_us: int) -> None:
    """Each is an operation that succeeds, and the device shows it, in a thread or on the loop."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        grown = await resizing.resize(service, "web", "vm0", 256 * MIB, wait_s=10)
        assert grown.standing.state is OperationState.SUCCEEDED
        assert grown.describe()["achieved"] == 256 * MIB
        more = await resizing.plug(service, "web", "vm0", 128 * MIB, wait_s=10)
        assert more.standing.size == 384 * MIB
        less = await resizing.unplug(service, "web", "vm0", 384 * MIB, wait_s=10)
        assert less.standing.size == (await resizing.show_device(service, "web", "vm0"))["size"] == 0
        assert resizing.operations(service, guest="web", state=None, limit=10) == [grown, more, less]

    play(scene, inline_us=inline_us)


def test_resize_of_what_is_not_there_is_unknown() -> None:
    """Guests, devices and operations that do not exist are unknown, to every verb."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        for guest, device in (("db", "vm0"), ("web", "vm1")):
            with pytest.raises(Unknown):
                await resizing.show_device(service, guest, device)
            for act in (resizing.resize, resizing.plug, resizing.unplug):
                with pytest.raises(Unknown):
                    await act(service, guest, device, 2 * MIB)
        for look in (resizing.operation, resizing.cancel):
            with pytest.raises(Unknown):
                await look(service, "op-1")
        assert resizing.operations(service, guest=None, state=None, limit=10) == []

    play(scene)


def test_resize_answers_at_once_and_is_superseded_in_the_middle() -> None:
    """In mode instant as well: a long unplug lets another target in between its slices, and others look meanwhile."""

    async def scene(service: Service) -> None:
        devices = (DeviceSpec(size=64 * GIB, requested_size=64 * GIB),)
        spec = GuestSpec(name="web", boot_size=GIB, devices=devices)
        await create(service, spec)
        full = Wanted(kind="anon", order=0, nr_pages=None, size=20 * GIB, at_pfns=(), label="")
        await allocating.allocate(service, "web", full)
        long = await resizing.resize(service, "web", "vm0", 24 * GIB)
        assert long.standing.state is OperationState.RUNNING
        while long.standing.size == 64 * GIB:
            # What others ask meanwhile does not wait for the end.
            await resizing.show_device(service, "web", "vm0")
            await asyncio.sleep(0.001)
        assert not long.is_over
        other = await resizing.resize(service, "web", "vm0", 60 * GIB)
        assert (long.standing.state, long.standing.superseded_by) == (OperationState.SUPERSEDED, other.id)
        assert 24 * GIB < long.standing.size < 64 * GIB
        await resizing.operation(service, other.id, wait_s=30)
        assert other.standing.state is OperationState.SUCCEEDED
        assert (await resizing.show_device(service, "web", "vm0"))["size"] == 60 * GIB

    play(scene)


def test_cancelled_operation_leaves_what_was_done() -> None:
    """The present size becomes the target; a second time it is over."""

    async def scene(service: Service) -> None:
        await create(service, SPEC, MANUAL)
        begun = await resizing.resize(service, "web", "vm0", 512 * MIB)
        await clocks.advance(service, "web", Stretch(steps=2))
        cancelled = await resizing.cancel(service, begun.id)
        assert cancelled is begun
        assert begun.standing.state is OperationState.CANCELLED
        device = await resizing.show_device(service, "web", "vm0")
        assert 0 < begun.standing.size < 512 * MIB
        assert device["requested_size"] == begun.standing.size
        await clocks.advance(service, "web", Stretch(duration_us=1_000_000))
        assert (await resizing.show_device(service, "web", "vm0"))["size"] == begun.standing.size
        with pytest.raises(StateError, match="is over: cancelled"):
            await resizing.cancel(service, begun.id)

    play(scene)


def test_wait_ends_when_it_is_over_or_the_time_is() -> None:
    """A long poll is woken by the end, and is no busy loop; its time is kept."""

    async def scene(service: Service) -> None:
        await create(service, SPEC, MANUAL)
        begun = await resizing.resize(service, "web", "vm0", 128 * MIB, wait_s=0.05)
        assert not begun.is_over
        waiting = asyncio.create_task(resizing.operation(service, begun.id, wait_s=30))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        await clocks.advance(service, "web", Stretch(duration_us=1_000_000))
        assert (await asyncio.wait_for(waiting, 1)).is_over

    play(scene)


def test_client_that_polls_until_the_size_is_there_never_ends_on_a_pinned_guest() -> None:
    """The operation says `partial`, and why, while size and requested_size differ for ever."""

    async def scene(service: Service) -> None:
        await create(service, SPEC, MANUAL)
        begun = await resizing.resize(service, "web", "vm0", 512 * MIB)
        await clocks.advance(service, "web", Stretch(duration_us=1_000_000))
        await _pin(service)
        begun = await resizing.resize(service, "web", "vm0", 0)
        for _ in range(24):
            await clocks.advance(service, "web", Stretch(duration_us=3600 * 1_000_000))
            device = await resizing.show_device(service, "web", "vm0")
            assert device["size"] == 2 * MIB != device["requested_size"]
        assert begun.standing.state is OperationState.PARTIAL
        assert "1 piece (2 MiB) held by pinned" in (begun.standing.reason or "")
        outcome = begun.describe()["outcome"]
        assert isinstance(outcome, dict)
        assert outcome["obstacle_groups"][0]["kind"] == "pinned"

    play(scene)


def test_operation_that_waits_for_a_retry_succeeds_when_the_pin_goes() -> None:
    """What could not be unplugged goes when the obstacle has gone and the timer fires."""

    async def scene(service: Service) -> None:
        await create(service, SPEC, MANUAL)
        await resizing.plug(service, "web", "vm0", 128 * MIB)
        await clocks.advance(service, "web", Stretch(duration_us=1_000_000))
        pin = await _pin(service)
        begun = await resizing.unplug(service, "web", "vm0", 128 * MIB)
        await clocks.advance(service, "web", Stretch(duration_us=1_000_000))
        assert (begun.standing.state, begun.standing.size) == (OperationState.WAITING_RETRY, 2 * MIB)
        await allocating.free(service, "web", pin, fraction=1.0, seed=0)
        await clocks.advance(service, "web", Stretch(duration_us=60_000_000))
        assert (begun.standing.state, begun.standing.size) == (OperationState.SUCCEEDED, 0)

    play(scene)


def test_operations_of_a_deleted_guest_are_cancelled_and_stay() -> None:
    """Whoever waits for one is told, and it can be read afterwards."""

    async def scene(service: Service) -> None:
        await create(service, SPEC, MANUAL)
        begun = await resizing.resize(service, "web", "vm0", 128 * MIB)
        waiting = asyncio.create_task(resizing.operation(service, begun.id, wait_s=30))
        await asyncio.sleep(0)
        await service.registry.delete("web")
        over = await asyncio.wait_for(waiting, 1)
        assert (over.standing.state, over.standing.reason) == (
            OperationState.CANCELLED,
            "the guest was deleted",
        )
        assert resizing.operations(service, guest="web", state=OperationState.CANCELLED, limit=10) == [begun]

    play(scene)


def test_refused_resize_is_no_operation_and_changes_nothing() -> None:
    """No room for an operation: nothing was set."""

    async def scene(service: Service) -> None:
        await create(service, SPEC, MANUAL)
        service.operations._max_operations = 1  # noqa: SLF001 - a store for one
        await resizing.resize(service, "web", "vm0", 128 * MIB)
        with pytest.raises(CapacityError):
            await resizing.resize(service, "web", "vm0", 0)
        assert (await resizing.show_device(service, "web", "vm0"))["requested_size"] == 128 * MIB

    play(scene)


def test_waits_end_when_the_service_stops() -> None:
    """A long poll is sent home with what there is."""

    async def scene(service: Service) -> None:
        await create(service, SPEC, MANUAL)
        begun = await resizing.resize(service, "web", "vm0", 128 * MIB)
        waiting = asyncio.create_task(resizing.operation(service, begun.id, wait_s=30))
        await asyncio.sleep(0)
        service.end_waits()
        assert not (await asyncio.wait_for(waiting, 1)).is_over

    play(scene)
