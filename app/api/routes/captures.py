"""/v1/guests/import: a guest made from a capture of a real machine, whose file is the body."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO, Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.api.answers import json_answer, problems
from app.api.deps import service_of
from app.api.schemas import guests as schemas
from app.api.schemas.captures import ImportOptions
from app.errors import CapacityError
from app.operations import importing

router = APIRouter(prefix="/v1/guests", tags=["guests"])

# A larger file goes to the disk while it arrives.
_KEPT_IN_MEMORY = 16 * 2**20
CAPTURE_BODY = {
    "requestBody": {
        "required": True,
        "description": "a capture file, as `vmemctl capture` writes it",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@asynccontextmanager
async def kept_body(request: Request) -> AsyncIterator[IO[bytes]]:
    """Gives a file that holds the whole body, as long as it is needed.

    Raises CapacityError when there is no room for it.
    """
    with tempfile.SpooledTemporaryFile(_KEPT_IN_MEMORY) as file:
        try:
            async for chunk in request.stream():
                file.write(chunk)
        except OSError as error:
            raise CapacityError(f"the capture cannot be kept while it is read: {error.strerror}") from error
        file.seek(0)
        yield file


@router.post(
    "/import",
    operation_id="importGuest",
    status_code=201,
    response_model=schemas.ImportedGuest,
    responses=problems(409, 413, 422, 507),
    openapi_extra=CAPTURE_BODY,
)
async def import_guest(request: Request, options: Annotated[ImportOptions, Query()]) -> Response:
    """Makes a guest of which every page is what the captured flags say.

    The load report tells what the capture could not tell, what was assumed instead, and how well the guest's free
    lists agree with the captured ones.
    """
    async with kept_body(request) as file:
        guest, report = await importing.import_capture(service_of(request), file, options.to_options())
    made = {"guest": guest, "load_report": report}
    return json_answer(made, 201, location=f"/v1/guests/{guest['name']}")
