"""/v1/guests/{guest}/memory-blocks/{memory_block}: a Linux memory block, set as sysfs does."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from app.api.answers import json_answer, problems
from app.api.deps import GuestName, service_of
from app.api.schemas import memory_blocks as schemas
from app.api.schemas.strict import LARGEST_INTEGER
from app.operations import memory_blocks

router = APIRouter(prefix="/v1/guests/{guest}/memory-blocks", tags=["pages"])

BlockId = Annotated[int, Path(ge=0, le=LARGEST_INTEGER, description="id of the memory block", examples=[32])]


@router.patch(
    "/{memory_block}",
    operation_id="setMemoryBlock",
    response_model=schemas.ChangedMemoryBlock,
    responses=problems(404, 409, has_body=True),
)
async def set_memory_block(
    request: Request, guest: GuestName, memory_block: BlockId, body: schemas.MemoryBlockIn
) -> Response:
    """Sets a memory block on- or offline, as somebody in the guest would; the driver whose memory it is hears of it.

    Where the kernel refuses, the problem `memory-block-unchanged` says why, and which page is in the way.
    """
    return json_answer(await memory_blocks.set_state(service_of(request), guest, memory_block, body.state))
