"""/v1/guests/{guest}/workload and /metrics: what a guest's programs do over time, and how they are seen."""

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from app.api.answers import json_answer, problems
from app.api.deps import GuestName, service_of
from app.api.schemas import workloads as schemas
from app.operations import workloads

router = APIRouter(prefix="/v1/guests/{guest}", tags=["workloads"])


class MetricsResponse(PlainTextResponse):
    """Text that Prometheus reads."""

    media_type = "text/plain; version=0.0.4"


@router.put(
    "/workload",
    operation_id="startWorkload",
    response_model=schemas.Workload,
    responses=problems(404, 409, has_body=True),
)
async def start_workload(request: Request, guest: GuestName, body: schemas.WorkloadIn) -> Response:
    """Plays a script of phases from now on, in place of the one before; it goes on as the guest's clock does."""
    return json_answer(await workloads.start(service_of(request), guest, body.to_script()))


@router.get(
    "/workload", operation_id="showWorkload", response_model=schemas.Workload, responses=problems(404)
)
async def show_workload(request: Request, guest: GuestName) -> Response:
    """Shows the script that plays, and what has become of each phase."""
    return json_answer(await workloads.show(service_of(request), guest))


@router.delete("/workload", operation_id="stopWorkload", status_code=204, responses=problems(404))
async def stop_workload(request: Request, guest: GuestName) -> Response:
    """Stops the workload; what it allocated stays allocated."""
    await workloads.stop(service_of(request), guest)
    return Response(status_code=204)


@router.get(
    "/metrics",
    operation_id="readMetrics",
    response_class=MetricsResponse,
    response_model=None,
    responses=problems(404),
)
async def read_metrics(request: Request, guest: GuestName) -> Response:
    """Reads what a monitor in the guest would tell Prometheus: memory, load, pressure, devices."""
    return MetricsResponse(await workloads.metrics(service_of(request), guest))
