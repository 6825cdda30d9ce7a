"""A service on an event loop of its own, for tests of operations that are not async themselves."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from app.operations.crew import Crew
from app.operations.limits import Limits
from app.operations.service import Service
from app.operations.warm_up import Kernels

Scene = Callable[[Service], Coroutine[Any, Any, None]]


def play(scene: Scene, *, inline_us: int = 1000, max_guests: int = 100, max_total_pages: int = 2**31) -> None:
    """Runs `scene` with a service whose kernels are ready."""

    async def whole() -> None:
        limits = Limits(
            max_guests=max_guests,
            max_total_pages=max_total_pages,
            max_allocations=10,
            event_ring_capacity=100,
        )
        service = Service(limits, Crew(inline_us=inline_us, nr_threads=2), Kernels())
        try:
            service.kernels.begin(say_nothing)
            await service.kernels.wait()
            await scene(service)
        finally:
            service.stop()

    asyncio.run(whole())


def say_nothing(nr_done: int, nr_steps: int, where: str) -> None:
    """Hears how far the kernels are."""
