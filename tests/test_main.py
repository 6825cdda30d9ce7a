"""The composition root: settings reach the parts that they are for; the service lives as long as the application."""

import asyncio

from app.main import create_app
from app.operations.service import Service
from app.operations.warm_up import Kernels
from app.settings import Settings


def test_create_app_hands_settings_to_their_parts() -> None:
    """Limits go to the registry, threads and budget to the crew; kernels are begun, and the crew is stopped."""
    settings = Settings(
        max_guests=3,
        max_total_pages=5,
        max_allocations=9,
        event_ring_capacity=7,
        inline_us=11,
        worker_threads=2,
    )
    app = create_app(settings)

    async def scene() -> Service:
        async with app.router.lifespan_context(app):
            service: Service = app.state.service
            await service.kernels.wait()
            assert service.is_idle
        return service

    service = asyncio.run(scene())
    limits = service.registry.limits
    assert (limits.max_guests, limits.max_total_pages) == (3, 5)
    assert (limits.max_allocations, limits.event_ring_capacity) == (9, 7)
    assert (service.crew.inline_us, service.crew.nr_threads) == (11, 2)
    assert service.crew.is_stopping


def test_create_app_takes_kernels_that_are_on_their_way() -> None:
    """They are made ready once, and whoever began them hears how far they are."""
    heard: list[tuple[int, int]] = []
    kernels = Kernels()
    kernels.begin(lambda nr_done, nr_steps, _: heard.append((nr_done, nr_steps)))
    app = create_app(Settings(), kernels)

    async def scene() -> None:
        async with app.router.lifespan_context(app):
            await app.state.service.kernels.wait()

    asyncio.run(scene())
    nr_steps = heard[0][1]
    assert heard == [(nr_done, nr_steps) for nr_done in range(nr_steps + 1)]
