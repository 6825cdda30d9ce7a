"""The FastAPI application: its routes, its problems and its limits.

Left out: what the routes ask (app.operations), and who serves the application (app.api.serving).
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI

from app.api import body_limit, deps, problems
from app.api.openapi import DocumentedApi
from app.api.routes import (
    about,
    captures,
    catalog,
    clocks,
    cma,
    compare,
    devices,
    drivers,
    events,
    explain,
    faults,
    forks,
    guests,
    memory_blocks,
    operations,
    pages,
    power,
    scenarios,
    views,
    workloads,
)
from app.operations.service import Service

CAPTURE_PATH = "/v1/guests/import"

_DESCRIPTION = """\
Simulates Linux guests whose memory a hypervisor grows and takes back with virtio-mem.

Sizes are bytes; a request may also write them as text, such as `"2GiB"`. A plug or an unplug is answered at once,
with an operation (202); one that the guest can meet only in part is a normal end, with state `partial`. Every error
is a problem of RFC 9457 (`application/problem+json`); `GET /problems` says what their types mean.
"""
_TAGS = [
    {
        "name": "guests",
        "description": "Simulated guests, made from a preset or from a capture of a real machine.",
    },
    {"name": "virtio-mem", "description": "A guest's devices: how its memory grows and shrinks."},
    {"name": "copies", "description": "Copies of a guest: forks live on, snapshots wait to be restored."},
    {"name": "operations", "description": "What has become of resizes that were asked for."},
    {"name": "time", "description": "Who drives a guest's clock: commands, callers, or the wall's clock."},
    {"name": "events", "description": "What happens in a guest, as it happens."},
    {"name": "faults", "description": "What goes wrong in a guest on purpose."},
    {"name": "pages", "description": "Pages taken and given back inside a guest."},
    {"name": "workloads", "description": "What a guest's programs do over time, and what it looks like."},
    {"name": "views", "description": "A guest's memory, looked at."},
    {"name": "compare", "description": "One start and one request under many kernels, side by side."},
    {
        "name": "scenarios",
        "description": "Questions to the kernel with known answers, played under each policy.",
    },
    {"name": "catalog", "description": "What a guest can be made of."},
    {"name": "service", "description": "The service itself."},
]

# In the order in which they are searched.
_PARTS = (
    devices,
    drivers,
    explain,
    operations,
    clocks,
    events,
    faults,
    guests,
    power,
    forks,
    captures,
    pages,
    cma,
    memory_blocks,
    workloads,
    views,
    compare,
    scenarios,
    catalog,
    about,
)

ServiceMaker = Callable[[], AbstractAsyncContextManager[Service]]


def create_api(
    make_service: ServiceMaker, *, version: str, max_body_bytes: int, max_capture_bytes: int
) -> FastAPI:
    """Returns the application; `make_service` is entered on its loop when it starts, left when it stops."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with make_service() as service:
            deps.install(app, service)
            yield

    app = DocumentedApi(
        title="vmemsim",
        summary="A simulated guest whose memory a hypervisor grows and takes back",
        description=_DESCRIPTION,
        version=version,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_tags=_TAGS,
        lifespan=lifespan,
        redirect_slashes=False,
        redoc_url=None,
        # Given as one flat list: a router inside the router is searched in its own time, for every request.
        routes=[route for part in _PARTS for route in part.router.routes],
    )
    problems.install(app)
    limits = {
        CAPTURE_PATH: max_capture_bytes,
        compare.CAPTURE_PATH: max_capture_bytes,
        scenarios.RUN_PATH: scenarios.MAX_FILE_BYTES,
    }
    body_limit.install(app, max_body_bytes, limits)
    return app
