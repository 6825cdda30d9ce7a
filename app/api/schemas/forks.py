"""Copies of a guest: forks and snapshots."""

from typing import Annotated

from pydantic import ConfigDict, Field

from app.api.schemas.catalog import PolicyText
from app.api.schemas.strict import Answer, Request

_NAME = Annotated[str, Field(max_length=63)]


class ForkIn(Request):
    """A copy that lives on beside the guest."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "twin", "policy": "linux-6.17"}]})

    name: _NAME | None = Field(None, description="guest-1, guest-2 ... when left out")
    policy: PolicyText | None = Field(
        None, description="kernel policy of the copy; the guest's, when left out"
    )
    fallback: Annotated[list[Annotated[str, Field(max_length=32)]], Field(max_length=8)] | None = Field(
        None,
        description="levels of its drivers; those of the policy that is named, else the guest's, when left out",
    )


class SnapshotIn(Request):
    """A snapshot that shall be taken."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "before"}]})

    name: _NAME | None = Field(None, description="snapshot-1, snapshot-2 ... when left out")


class RestoreIn(Request):
    """Which snapshot the guest shall be restored to."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"snapshot": "before"}]})

    snapshot: _NAME


class Snapshot(Answer):
    """A guest as it was."""

    id: str
    at_us: int = Field(description="the guest's clock then")
    digest: str = Field(description="of its state: equal ones mean equal futures")
    nr_pages: int = Field(description="that it counts for, beside the guest's own")


class SnapshotList(Answer):
    """The snapshots of a guest, oldest first."""

    snapshots: list[Snapshot]
