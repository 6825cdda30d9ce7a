"""/v1/operations: what has become of resizes that were asked for."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.api.answers import json_answer, json_bytes, problems, ready_answer
from app.api.deps import service_of
from app.api.schemas import operations as schemas
from app.api.schemas.operations import WaitSeconds
from app.operations import resizing
from app.operations.resizing import OperationState

router = APIRouter(prefix="/v1/operations", tags=["operations"])

# Each may tell of dozens of pages.
MOST_LISTED = 1000
OperationId = Annotated[str, Path(description="id of the operation", examples=["op-1"])]


@router.get("", operation_id="listOperations", response_model=schemas.Operations, responses=problems(422))
async def list_operations(
    request: Request,
    guest: Annotated[str | None, Query(description="only those of this guest")] = None,
    state: Annotated[OperationState | None, Query(description="only those in this state")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED, description="so many at most, the newest")] = 100,
) -> Response:
    """Lists operations, oldest first. The oldest that are over go when there are more than the service keeps."""
    found = resizing.operations(service_of(request), guest=guest, state=state, limit=limit)
    return ready_answer(json_bytes({"operations": [row.describe() for row in found]}, "operations"))


@router.get(
    "/{operation}",
    operation_id="showOperation",
    response_model=schemas.Operation,
    responses=problems(404, 422),
)
async def show_operation(request: Request, operation: OperationId, wait: WaitSeconds = 0) -> Response:
    """Shows an operation, once it is over or `wait` seconds have passed."""
    found = await resizing.operation(service_of(request), operation, wait_s=wait)
    return json_answer(found.describe())


@router.post(
    "/{operation}/cancel",
    operation_id="cancelOperation",
    response_model=schemas.Operation,
    responses=problems(404, 409),
)
async def cancel_operation(request: Request, operation: OperationId) -> Response:
    """Makes the device's present size its target, so that the driver stops; what was done stays done."""
    return json_answer((await resizing.cancel(service_of(request), operation)).describe())
