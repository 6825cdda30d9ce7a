"""What a guest can be made of: kernel policies with their switches, geometries, and what follows from both."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from app.api.answers import json_answer, problems
from app.api.schemas import catalog as schemas
from app.api.schemas.costs import CostProfiles
from app.operations import catalog, costs

router = APIRouter(tags=["catalog"])


@router.get(
    "/v1/policies",
    operation_id="listPolicies",
    response_model=schemas.Policies,
    responses=problems(),
)
async def list_policies() -> Response:
    """Lists the kernels that a guest can run, and the switches in which they differ."""
    return json_answer({"policies": catalog.policies(), "switches": catalog.switches()})


@router.get(
    "/v1/policies/{policy}",
    operation_id="showPolicy",
    response_model=schemas.Policy,
    responses=problems(404, 422),
)
async def show_policy(
    policy: Annotated[schemas.PolicyText, Path(description=schemas.POLICY_TEXT)],
) -> Response:
    """Shows a kernel with all of its switches, or says why its switches do not go together."""
    return json_answer(catalog.policy(policy))


@router.get(
    "/v1/presets",
    operation_id="listPresets",
    response_model=schemas.Presets,
    responses=problems(),
)
async def list_presets() -> Response:
    """Lists the geometries that a guest can have."""
    return json_answer({"presets": catalog.presets()})


@router.get(
    "/v1/presets/{preset}/quantities",
    operation_id="showQuantities",
    response_model=schemas.Quantities,
    responses=problems(404, 422),
)
async def show_quantities(
    preset: Annotated[str, Path(description="a geometry of GET /v1/presets", examples=["x86-64"])],
    query: Annotated[schemas.QuantitiesQuery, Query()],
) -> Response:
    """Shows the alignments and units that follow from a geometry and a kernel."""
    return json_answer(catalog.quantities(preset, query.policy, query.block_size))


@router.get(
    "/v1/cost-profiles",
    operation_id="listCostProfiles",
    response_model=CostProfiles,
    responses=problems(),
)
async def list_cost_profiles() -> Response:
    """Lists what the acts of a guest can take of simulated time."""
    return json_answer({"cost_profiles": costs.profiles()})
