"""What the service knows and is: health, version, and what its problems mean."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api.answers import json_answer, problems
from app.api.deps import service_of
from app.api.problems import KINDS
from app.api.schemas import catalog as schemas
from app.errors import Unknown

router = APIRouter()


@router.get(
    "/healthz", operation_id="healthz", tags=["service"], response_model=schemas.Status, responses=problems()
)
async def healthz() -> Response:
    """Answers as long as the service lives."""
    return json_answer({"status": "ok"})


@router.get(
    "/readyz", operation_id="readyz", tags=["service"], response_model=schemas.Status, responses=problems(503)
)
async def readyz(request: Request) -> Response:
    """Answers once the kernels are compiled or loaded; before, calls that need them wait."""
    service_of(request).kernels.check_ready()
    return json_answer({"status": "ready"})


@router.get(
    "/version", operation_id="version", tags=["service"], response_model=schemas.Version, responses=problems()
)
async def version(request: Request) -> Response:
    """Says which service this is."""
    return json_answer({"name": "vmemsim", "version": request.app.version})


@router.get(
    "/problems",
    operation_id="listProblems",
    tags=["service"],
    response_model=schemas.ProblemKinds,
    responses=problems(),
)
async def list_problems() -> Response:
    """Lists the types of problems that the service may answer."""
    return json_answer({"problems": [_described(slug) for slug in KINDS]})


@router.get(
    "/problems/{slug}",
    operation_id="showProblem",
    tags=["service"],
    response_model=schemas.ProblemKind,
    responses=problems(404),
)
async def show_problem(slug: str) -> Response:
    """Says what a type of problem means."""
    if slug not in KINDS:
        raise Unknown("problem", slug, KINDS)
    return json_answer(_described(slug))


def _described(slug: str) -> dict[str, object]:
    kind = KINDS[slug]
    return {"type": f"/problems/{slug}", "status": kind.status, "title": kind.title, "meaning": kind.meaning}
