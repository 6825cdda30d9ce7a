"""/v1/compare: one start and one request under many kernels, answered in the shape that the caller accepts."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.api.accept import choose_media_type
from app.api.answers import Responses, problems
from app.api.compare_answer import RENDERERS
from app.api.deps import service_of
from app.api.routes.captures import CAPTURE_BODY, kept_body
from app.api.schemas import compare as schemas
from app.operations import comparing

router = APIRouter(prefix="/v1/compare", tags=["compare"])

CAPTURE_PATH = "/v1/compare/capture"
_SHAPES: Responses = {
    200: {
        "description": "The rows, as JSON, as a table in plain text, as CSV, or as a picture",
        "content": {
            "text/plain": {"schema": {"type": "string"}},
            "text/csv": {"schema": {"type": "string"}},
            "image/png": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


@router.post(
    "",
    operation_id="compare",
    response_model=schemas.Comparison,
    responses=_SHAPES | problems(406, 409, 507, has_body=True),
)
async def compare(request: Request, body: schemas.CompareIn) -> Response:
    """Runs one request on copies of a guest, one for each policy with each fallback; or a scenario under each policy.

    The guest does not change, and is locked only while it is copied. Copies count as pages of the service until the
    answer is there.
    """
    service, question = service_of(request), body.to_question()

    def run(render: comparing.Render) -> Awaitable[bytes]:
        if body.scenario is None:
            return comparing.compare_guest(service, body.guest or "", question, render)
        return comparing.compare_scenario(service, body.scenario, question, render)

    return await _answer(request, run)


@router.post(
    "/capture",
    operation_id="compareCapture",
    response_model=schemas.Comparison,
    responses=_SHAPES | problems(406, 409, 413, 422, 507),
    openapi_extra=CAPTURE_BODY,
)
async def compare_capture(
    request: Request, options: Annotated[schemas.CompareCaptureOptions, Query()]
) -> Response:
    """Loads a capture once, under the captured kernel's policy, and compares kernels from there; nothing is kept."""
    async with kept_body(request) as file:
        return await _answer(
            request,
            lambda render: comparing.compare_capture(
                service_of(request), file, options.to_options(), options.to_question(), render
            ),
        )


async def _answer(request: Request, run: Callable[[comparing.Render], Awaitable[bytes]]) -> Response:
    """Answers in the accepted shape; what none will do for is refused before anything is run."""
    media_type = choose_media_type(request.headers.get("accept", ""), list(RENDERERS))
    return Response(await run(RENDERERS[media_type]), media_type=media_type)
