"""/v1/guests/{guest}: its copies, forks that live on and snapshots that it can be restored to."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from app.api.answers import json_answer, problems
from app.api.deps import GuestName, service_of
from app.api.schemas import forks as schemas
from app.api.schemas.guests import Guest
from app.operations import forking

router = APIRouter(prefix="/v1/guests/{guest}", tags=["copies"])

SnapshotName = Annotated[str, Path(description="id of the snapshot", examples=["snapshot-1"])]


@router.post(
    "/fork",
    operation_id="forkGuest",
    status_code=201,
    response_model=Guest,
    responses=problems(404, 409, 507, has_body=True),
)
async def fork_guest(request: Request, guest: GuestName, body: schemas.ForkIn | None = None) -> Response:
    """Makes a guest in the same state, under another policy if one is named; from now on each lives for itself."""
    body = body or schemas.ForkIn()
    copy = await forking.fork(
        service_of(request), guest, new_name=body.name, policy=body.policy, fallback=body.fallback
    )
    return json_answer(copy, 201, location=f"/v1/guests/{copy['name']}")


@router.post(
    "/snapshot",
    operation_id="takeSnapshot",
    status_code=201,
    response_model=schemas.Snapshot,
    responses=problems(404, 409, 507, has_body=True),
)
async def take_snapshot(
    request: Request, guest: GuestName, body: schemas.SnapshotIn | None = None
) -> Response:
    """Keeps the guest as it is now. The copy counts as pages of the service until it is deleted."""
    snapshot = await forking.take_snapshot(service_of(request), guest, body.name if body else None)
    return json_answer(snapshot, 201, location=f"/v1/guests/{guest}/snapshots")


@router.get(
    "/snapshots",
    operation_id="listSnapshots",
    response_model=schemas.SnapshotList,
    responses=problems(404),
)
async def list_snapshots(request: Request, guest: GuestName) -> Response:
    """Lists the guest's snapshots, oldest first."""
    return json_answer(forking.list_snapshots(service_of(request), guest))


@router.delete(
    "/snapshots/{snapshot}", operation_id="deleteSnapshot", status_code=204, responses=problems(404)
)
async def delete_snapshot(request: Request, guest: GuestName, snapshot: SnapshotName) -> Response:
    """Forgets a snapshot."""
    forking.delete_snapshot(service_of(request), guest, snapshot)
    return Response(status_code=204)


@router.post(
    "/restore",
    operation_id="restoreGuest",
    response_model=Guest,
    responses=problems(404, 409, 507, has_body=True),
)
async def restore_guest(request: Request, guest: GuestName, body: schemas.RestoreIn) -> Response:
    """Makes the guest what it was when a snapshot was taken; operations that are under way end as cancelled.

    A driver's work item that was under way then begins anew. Snapshots and the mode of the clock stay.
    """
    return json_answer(await forking.restore(service_of(request), guest, body.snapshot))
