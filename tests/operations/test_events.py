"""Events for readers: from where, which, what is lost, and when it ends."""

import asyncio
import sys

import pytest

from app.errors import InvalidValue, Unknown
from app.operations import events, listing, resizing
from app.operations.creating import DeviceSpec, GuestSpec, create
from app.operations.events import Batch
from app.operations.service import Service
from app.trace.events import PagesFreed
from tests.operations.stage import play

MIB = 2**20
GIB = 2**30
SPEC = GuestSpec(name="web", boot_size=GIB, devices=(DeviceSpec(size=GIB),))


async def _read(service: Service, **changes: object) -> list[Batch]:
    """Returns all that there is now."""
    wanted = {"after": 0, "types": (), "is_endless": False, "heartbeat_s": 1.0} | changes
    return [batch async for batch in events.follow(service, "web", **wanted)]  # type: ignore[arg-type]  # a test's keywords


def test_follow_tells_what_is_kept_with_number_time_and_type() -> None:
    """Numbers follow each other; a class is told by its name in snake case."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        await resizing.resize(service, "web", "vm0", 256 * MIB, wait_s=10)
        told = [event for batch in await _read(service) for event in batch.events]
        assert [event["id"] for event in told] == list(range(1, len(told) + 1))
        (begun,) = (event for event in told if event["type"] == "requested_size_changed")
        assert begun["requested_size"] == 256 * MIB
        times = [int(str(event["simulated_us"])) for event in told]
        assert times == sorted(times)
        assert times[-1] > times[0]
        only = await _read(service, types=("memory_block_changed",))
        kinds = {event["type"] for batch in only for event in batch.events}
        assert kinds == {"memory_block_changed"}

    play(scene)


def test_follow_wakes_when_something_happens_and_beats_when_nothing_does() -> None:
    """A reader from now on sees the next event, not the ones before; silence has a heart."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        stream = events.follow(service, "web", after=None, types=(), is_endless=True, heartbeat_s=0.02)
        assert await anext(stream) == Batch([])
        assert await anext(stream) == Batch([])
        await resizing.resize(service, "web", "vm0", 128 * MIB, wait_s=10)
        batch = await anext(stream)
        assert batch.events[0]["type"] == "requested_size_changed"
        await stream.aclose()  # type: ignore[attr-defined]  # an async generator

    play(scene)


def test_slow_reader_is_told_what_it_missed_and_memory_stays_bounded() -> None:
    """A hundred thousand events pass a reader that does not read: the ring has 100, and says from where to where."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        ring = service.registry.entry("web").guest.events
        stream = events.follow(service, "web", after=None, types=(), is_endless=True, heartbeat_s=10)
        await anext(stream)
        begun = ring.newest
        for number in range(100_000):
            ring.emit(PagesFreed(number, 1))
        batch = await anext(stream)
        assert batch.dropped is not None
        assert batch.dropped[:2] == (begun + 1, begun + 100_000 - 100)
        assert batch.dropped.at_us == batch.events[0]["simulated_us"]
        assert [event["id"] for event in batch.events] == list(range(begun + 99_901, begun + 100_001))
        assert len(ring.events) == 100
        assert sys.getsizeof(ring._slots) < 4096  # noqa: SLF001 - the memory is the point

    play(scene)


def test_readers_share_one_ring() -> None:
    """A hundred readers at different places keep nothing but their cursors."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        streams = [
            events.follow(service, "web", after=0, types=(), is_endless=True, heartbeat_s=10)
            for _ in range(100)
        ]
        await resizing.resize(service, "web", "vm0", 128 * MIB, wait_s=10)
        seen = [(await anext(stream)).events for stream in streams]
        assert all(told == seen[0] for told in seen)

    play(scene)


def test_follow_begins_with_what_there_is_to_tell() -> None:
    """A heartbeat comes first only where nothing else does, or nothing of the types that are wanted."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        await resizing.resize(service, "web", "vm0", 128 * MIB, wait_s=10)
        first, *_ = await _read(service)
        assert first.events
        assert await _read(service, types=("guest_restored",)) == [Batch([])]

    play(scene)


@pytest.mark.parametrize("is_deleted", [True, False])
def test_follow_ends_with_the_guest_and_with_the_service(is_deleted: bool) -> None:  # noqa: FBT001 - a table
    """A deleted guest's stream is over, and a service that stops has none."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        stream = events.follow(service, "web", after=None, types=(), is_endless=True, heartbeat_s=60)
        await anext(stream)

        async def rest() -> list[Batch]:
            return [batch async for batch in stream]

        waiting = asyncio.create_task(rest())
        await asyncio.sleep(0.01)
        if is_deleted:
            await listing.delete(service, "web")
        else:
            service.end_waits()
        assert await asyncio.wait_for(waiting, 1) == []

    play(scene)


@pytest.mark.parametrize(
    ("changes", "field"), [({"after": 10**6}, "Last-Event-ID"), ({"types": ("boom",)}, "types")]
)
def test_follow_refuses_what_never_was(changes: dict[str, object], field: str) -> None:
    """An event that has not happened, and a type that does not exist, are named, with what would do."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        with pytest.raises(InvalidValue) as caught:
            await _read(service, **changes)
        assert caught.value.members["field"] == field
        with pytest.raises(Unknown):
            await anext(events.follow(service, "db", after=None, types=(), is_endless=False, heartbeat_s=1))

    play(scene)
