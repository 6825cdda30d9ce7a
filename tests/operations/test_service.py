"""The service as a whole: idle, working, stopped."""

import asyncio
import threading

import pytest

from app.operations.creating import GuestSpec, create
from app.operations.crew import ServiceStopping
from app.operations.service import Service
from tests.operations.stage import play


def test_service_is_idle_when_no_thread_works() -> None:
    """A call in a thread makes it busy, until the call has ended."""

    async def scene(service: Service) -> None:
        was_idle = [service.is_idle]
        release = threading.Event()
        call = asyncio.create_task(service.crew.run(lambda: release.wait(10), estimate_us=10**6))
        await asyncio.sleep(0.01)
        was_idle.append(service.is_idle)
        release.set()
        await call
        was_idle.append(service.is_idle)
        assert was_idle == [True, False, True]

    play(scene)


def test_service_that_stops_begins_nothing() -> None:
    """After stop() a guest can no longer be made."""

    async def scene(service: Service) -> None:
        service.stop()
        with pytest.raises(ServiceStopping):
            await create(service, GuestSpec(name="web", boot_size=2**29))
        assert service.registry.entries() == []

    play(scene)
