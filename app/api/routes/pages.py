"""/v1/guests/{guest}/alloc-contig-range and /allocations: pages taken and given back inside a guest."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.api.answers import json_answer, problems
from app.api.deps import GuestName, service_of
from app.api.schemas import pages as schemas
from app.api.schemas.guests import Seed
from app.api.schemas.strict import LARGEST_INTEGER, PfnIn
from app.operations import allocating, contiguous

router = APIRouter(prefix="/v1/guests/{guest}", tags=["pages"])

AllocationId = Annotated[int, Path(ge=0, le=LARGEST_INTEGER, description="id of the allocation")]


@router.post(
    "/alloc-contig-range",
    operation_id="allocContigRange",
    response_model=schemas.ContigOutcome,
    responses=problems(404, 409, has_body=True),
)
async def alloc_contig_range(request: Request, guest: GuestName, body: schemas.RangeIn) -> Response:
    """Takes exactly the pages of [start_pfn, end_pfn), moving away what can be moved.

    EBUSY and the like are normal answers: the kernel's result, not an error of the call.
    """
    outcome = await contiguous.alloc_range(service_of(request), guest, body.start_pfn, body.end_pfn)
    return json_answer(outcome)


@router.delete(
    "/alloc-contig-range",
    operation_id="freeContigRange",
    response_model=schemas.FreedRange,
    responses=problems(404, 409, 422),
)
async def free_contig_range(
    request: Request,
    guest: GuestName,
    start_pfn: Annotated[PfnIn, Query()],
    end_pfn: Annotated[PfnIn, Query(description="the first page behind the range")],
) -> Response:
    """Gives a range back that allocContigRange took."""
    return json_answer(await contiguous.free_range(service_of(request), guest, start_pfn, end_pfn))


@router.post(
    "/allocations",
    operation_id="allocate",
    status_code=201,
    response_model=schemas.Allocation,
    responses=problems(404, 409, 507, has_body=True),
)
async def allocate(request: Request, guest: GuestName, body: schemas.AllocationIn) -> Response:
    """Allocates pages on the guest's behalf: so many, by the buddy allocator, or exactly the ones named."""
    allocation = await allocating.allocate(service_of(request), guest, body.to_wanted())
    return json_answer(allocation, 201)


@router.delete(
    "/allocations/{allocation}",
    operation_id="freeAllocation",
    response_model=schemas.FreedAllocation,
    responses=problems(404, 409, 422),
)
async def free_allocation(
    request: Request,
    guest: GuestName,
    allocation: AllocationId,
    fraction: Annotated[
        float, Query(ge=0, le=1, description="part of its pages to free, chosen by `seed`")
    ] = 1.0,
    seed: Annotated[Seed, Query()] = 0,
) -> Response:
    """Frees an allocation, or a random part of it."""
    freed = await allocating.free(service_of(request), guest, allocation, fraction=fraction, seed=seed)
    return json_answer(freed)
