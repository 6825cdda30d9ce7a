"""/v1/guests/{guest}: memory blocks, pageblocks, /proc files, the map, and the check of the invariants."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import PlainTextResponse, Response

from app.api.answers import json_answer, json_bytes, problems, ready_answer, text_answer
from app.api.deps import GuestName, service_of
from app.api.map_png import LARGEST_SCALE, render
from app.api.schemas import views as schemas
from app.operations import looking

router = APIRouter(prefix="/v1/guests/{guest}", tags=["views"])


class PngResponse(Response):
    """A PNG image."""

    media_type = "image/png"


@router.get(
    "/memory-blocks",
    operation_id="showMemoryBlocks",
    response_model=schemas.MemoryBlocks,
    responses=problems(404),
)
async def show_memory_blocks(request: Request, guest: GuestName) -> Response:
    """Shows state and zone of each Linux memory block."""
    render = partial(json_bytes, rows="memory_blocks")
    return ready_answer(await looking.memory_blocks(service_of(request), guest, render))


@router.get(
    "/pageblocks", operation_id="showPageblocks", response_model=schemas.Pageblocks, responses=problems(404)
)
async def show_pageblocks(request: Request, guest: GuestName) -> Response:
    """Shows what each pageblock holds; neighbours that are alike are one run."""
    return ready_answer(
        await looking.pageblocks(service_of(request), guest, partial(json_bytes, rows="runs"))
    )


@router.get(
    "/proc/{file:path}",
    operation_id="readProc",
    response_class=PlainTextResponse,
    response_model=None,
    responses=problems(404),
)
async def read_proc(
    request: Request,
    guest: GuestName,
    file: Annotated[str, Path(description=f"one of {', '.join(looking.PROC_FILES)}", examples=["buddyinfo"])],
) -> Response:
    """Reads a file of the guest's /proc, in the text that parsers of the real one read."""
    return text_answer(await looking.proc(service_of(request), guest, file))


@router.get(
    "/map.png",
    operation_id="drawMap",
    response_class=PngResponse,
    response_model=None,
    responses=problems(404, 422),
)
async def draw_map(
    request: Request,
    guest: GuestName,
    scale: Annotated[int, Query(ge=1, le=LARGEST_SCALE, description="edge of a pageblock, in pixels")] = 1,
    *,
    legend: Annotated[bool, Query(description="draws what the colours mean below the map")] = False,
) -> Response:
    """Draws the guest's memory: one pixel per pageblock, rows of whole memory blocks, lowest address first.

    A pageblock has the colour of the kind that most of its pages have.
    """
    png = await looking.draw(service_of(request), guest, partial(render, scale=scale, has_legend=legend))
    return PngResponse(png)


@router.post("/verify", operation_id="verify", response_model=schemas.Verification, responses=problems(404))
async def verify(request: Request, guest: GuestName) -> Response:
    """Checks the invariants of the guest's memory management, from its page arrays alone."""
    return json_answer(await looking.verify(service_of(request), guest))
