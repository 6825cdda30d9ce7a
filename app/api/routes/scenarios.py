"""/v1/scenarios: listed, shown and run; and scenarios that a caller has written."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.api.answers import json_answer, problems
from app.api.deps import service_of
from app.api.schemas import scenarios as schemas
from app.errors import InvalidValue
from app.operations import scenarios

router = APIRouter(prefix="/v1/scenarios", tags=["scenarios"])

RUN_PATH = "/v1/scenarios/run"
MAX_FILE_BYTES = scenarios.LARGEST_FILE

ScenarioId = Annotated[str, Path(description="id of the scenario", examples=["S08"])]
_FILE = {
    "requestBody": {
        "required": True,
        "description": "a scenario file; GET /v1/scenarios/{scenario} shows ready ones",
        "content": {"application/yaml": {"schema": {"type": "string"}}},
    }
}


@router.get("", operation_id="listScenarios", response_model=schemas.Scenarios, responses=problems())
async def list_scenarios(request: Request) -> Response:
    """Lists the scenarios that come with the service."""
    return json_answer({"scenarios": await scenarios.summaries(service_of(request))})


@router.post(
    "/run",
    operation_id="runScenarioFile",
    response_model=schemas.ScenarioRun,
    responses=problems(413, 422, 507),
    openapi_extra=_FILE,
)
async def run_scenario_file(request: Request, options: Annotated[schemas.RunOptions, Query()]) -> Response:
    """Runs the scenario in the body; what is wrong with it is answered with line and column."""
    text = _text_of(await request.body())
    return json_answer(await scenarios.run_text(service_of(request), text, options.to_wanted()))


@router.get(
    "/{scenario}", operation_id="showScenario", response_model=schemas.Scenario, responses=problems(404)
)
async def show_scenario(request: Request, scenario: ScenarioId) -> Response:
    """Shows a scenario: what it asks, its cases, and its file."""
    return json_answer(await scenarios.show(service_of(request), scenario))


@router.post(
    "/{scenario}/run",
    operation_id="runScenario",
    response_model=schemas.ScenarioRun,
    responses=problems(404, 507, has_body=True),
)
async def run_scenario(request: Request, scenario: ScenarioId, body: schemas.RunIn) -> Response:
    """Runs a scenario under each policy, and compares what is seen with what is expected.

    That they differ is a normal answer: `agrees` tells.
    """
    return json_answer(await scenarios.run_packaged(service_of(request), scenario, body.to_wanted()))


def _text_of(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        accepted = f"a text in UTF-8 ({error.reason} at byte {error.start})"
        raise InvalidValue("body", f"{len(body)} bytes", accepted) from error
