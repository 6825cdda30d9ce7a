"""Memory blocks that somebody sets: what may be asked, and what became of it."""

from typing import Literal

from pydantic import ConfigDict, Field

from app.api.schemas.strict import Request
from app.api.schemas.views import MemoryBlock


class MemoryBlockIn(Request):
    """The state that a memory block shall have, in the words of sysfs."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"state": "offline"}]})

    state: Literal["online", "online_kernel", "online_movable", "offline"] = Field(
        description="online: where the guest's policy says"
    )


class ChangedMemoryBlock(MemoryBlock):
    """A memory block that was set, and what that took."""

    migrated_pages: int
    simulated_us: int
