"""The composition root: joins settings, operations and the API into one application. Nothing else does.

Left out: reading the settings (app.settings), the command line (app.cli).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.api.application import create_api
from app.api.version import VERSION
from app.operations.crew import Crew
from app.operations.limits import Limits
from app.operations.service import Service
from app.operations.warm_up import Kernels
from app.settings import Settings


def create_app(settings: Settings, kernels: Kernels | None = None) -> FastAPI:
    """Returns the application; when it is started, its service begins.

    `kernels` may be on their way already; else they are begun then.
    """

    @asynccontextmanager
    async def service() -> AsyncIterator[Service]:
        crew = Crew(inline_us=settings.inline_us, nr_threads=settings.worker_threads)
        limits = Limits(
            max_guests=settings.max_guests,
            max_total_pages=settings.max_total_pages,
            max_allocations=settings.max_allocations,
            event_ring_capacity=settings.event_ring_capacity,
            max_snapshots=settings.max_snapshots,
            max_operations=settings.max_operations,
            heartbeat_s=settings.heartbeat_s,
        )
        service = Service(limits, crew, kernels or Kernels())
        service.kernels.begin(_say_nothing)
        try:
            yield service
        finally:
            service.stop()

    return create_api(
        service,
        version=VERSION,
        max_body_bytes=settings.max_body_bytes,
        max_capture_bytes=settings.max_capture_bytes,
    )


def _say_nothing(nr_done: int, nr_steps: int, where: str) -> None:
    """Hears how far the kernels are."""
