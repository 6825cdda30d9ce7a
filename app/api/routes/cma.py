"""/v1/guests/{guest}/cma-areas: the areas of a guest, and pages taken from them and released."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from app.api.answers import json_answer, problems
from app.api.deps import GuestName, service_of
from app.api.schemas import cma as schemas
from app.api.schemas.strict import LARGEST_INTEGER
from app.operations import cma

router = APIRouter(prefix="/v1/guests/{guest}/cma-areas", tags=["pages"])

AreaName = Annotated[str, Path(description="name of the CMA area", examples=["dma"])]
FirstPfn = Annotated[int, Path(ge=0, le=LARGEST_INTEGER, description="first page of what cma_alloc gave")]


@router.get("", operation_id="cmaAreas", response_model=schemas.CmaAreas, responses=problems(404))
async def cma_areas(request: Request, guest: GuestName) -> Response:
    """Shows the CMA areas, and what their clients have of them."""
    return json_answer(await cma.areas(service_of(request), guest))


@router.post(
    "/{area}/allocations",
    operation_id="cmaAlloc",
    response_model=schemas.CmaOutcome,
    responses=problems(404, 409, 507, has_body=True),
)
async def cma_alloc(
    request: Request, guest: GuestName, area: AreaName, body: schemas.CmaAllocationIn
) -> Response:
    """Takes pages of an area, moving away what borrows them; where that fails, the next place is tried.

    EBUSY and ENOMEM are normal answers: the kernel's result, not an error of the call.
    """
    outcome = await cma.alloc(
        service_of(request),
        guest,
        area,
        nr_pages=body.nr_pages,
        size=body.size,
        align_order=body.align_order,
    )
    return json_answer(outcome)


@router.delete(
    "/{area}/allocations/{pfn}",
    operation_id="cmaRelease",
    response_model=schemas.CmaReleased,
    responses=problems(404, 409, 422),
)
async def cma_release(request: Request, guest: GuestName, area: AreaName, pfn: FirstPfn) -> Response:
    """Releases what cmaAlloc took."""
    return json_answer(await cma.release(service_of(request), guest, area, pfn))
