"""/v1/guests/{guest}/faults: what goes wrong on purpose; and which kinds of faults there are."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from app.api.answers import json_answer, problems
from app.api.deps import GuestName, service_of
from app.api.schemas import faults as schemas
from app.api.schemas.strict import LARGEST_INTEGER
from app.operations import faulting

router = APIRouter(prefix="/v1", tags=["faults"])

FaultId = Annotated[int, Path(ge=0, le=LARGEST_INTEGER, description="id of the fault rule")]


@router.get(
    "/fault-kinds", operation_id="faultKinds", response_model=schemas.FaultKinds, responses=problems()
)
async def fault_kinds() -> Response:
    """Lists the kinds of faults: what each does, what it can be matched to, and which members its rules have."""
    return json_answer({"kinds": faulting.describe_kinds()})


@router.post(
    "/guests/{guest}/faults",
    operation_id="addFault",
    status_code=201,
    response_model=schemas.Fault,
    responses=problems(404, 507, has_body=True),
)
async def add_fault(request: Request, guest: GuestName, body: schemas.FaultIn) -> Response:
    """Adds a fault rule. One that can match nothing is added all the same, and says so in its warnings."""
    fault = await faulting.add(service_of(request), guest, body.to_rule())
    return json_answer(fault, 201, location=f"/v1/guests/{guest}/faults/{fault['id']}")


@router.get(
    "/guests/{guest}/faults",
    operation_id="listFaults",
    response_model=schemas.Faults,
    responses=problems(404),
)
async def list_faults(request: Request, guest: GuestName) -> Response:
    """Lists the guest's fault rules, by number, with how often each was asked and struck."""
    return json_answer({"faults": await faulting.show_all(service_of(request), guest)})


@router.get(
    "/guests/{guest}/faults/{fault}",
    operation_id="showFault",
    response_model=schemas.Fault,
    responses=problems(404, 422),
)
async def show_fault(request: Request, guest: GuestName, fault: FaultId) -> Response:
    """Shows a fault rule."""
    return json_answer(await faulting.show(service_of(request), guest, fault))


@router.patch(
    "/guests/{guest}/faults/{fault}",
    operation_id="changeFault",
    response_model=schemas.Fault,
    responses=problems(404, has_body=True),
)
async def change_fault(
    request: Request, guest: GuestName, fault: FaultId, body: schemas.FaultChange
) -> Response:
    """Lets a rule say something else; its counters go on, and so does its chance, unless the seed is another."""
    return json_answer(await faulting.change(service_of(request), guest, fault, body.to_rule()))


@router.delete(
    "/guests/{guest}/faults/{fault}",
    operation_id="removeFault",
    status_code=204,
    responses=problems(404, 422),
)
async def remove_fault(request: Request, guest: GuestName, fault: FaultId) -> Response:
    """Removes a rule; what it had begun is over, but a guest that is dead stays dead."""
    await faulting.remove(service_of(request), guest, fault)
    return Response(status_code=204)
