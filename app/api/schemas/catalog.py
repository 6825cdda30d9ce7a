"""What the service knows and is: policies, presets, health, version, problems."""

from typing import Literal

from pydantic import ConfigDict, Field

from app.api.schemas.strict import Answer


class Policy(Answer):
    """The switches in which kernel releases differ."""

    name: str
    switches: dict[str, bool | int | str | list[str]]


class Policies(Answer):
    """All kernel policies."""

    policies: list[Policy]


class Preset(Answer):
    """A geometry: sizes in bytes, orders as powers of two of pages."""

    name: str
    page_size: int
    max_order: int = Field(description="the largest order of the buddy allocator, inclusive")
    pageblock_order: int
    section_size: int
    memory_block_size: int


class Presets(Answer):
    """All geometry presets."""

    presets: list[Preset]


class Status(Answer):
    """Whether the service lives, or is ready."""

    status: Literal["ok", "ready"]


class Version(Answer):
    """Which service answers."""

    name: Literal["vmemsim"]
    version: str


class Problem(Answer):
    """An error, as RFC 9457 has it; further members depend on the type."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": "/problems/invalid-value",
                    "title": "A value is not acceptable",
                    "status": 422,
                    "detail": "requested_size is 3145729; accepted: a multiple of block_size (2097152)",
                    "instance": "/v1/guests/guest-1/virtio-mem/vm0",
                    "field": "requested_size",
                    "value": 3145729,
                    "accepted": "a multiple of block_size (2097152)",
                }
            ]
        },
    )

    type: str
    title: str
    status: int
    detail: str
    instance: str


class ProblemKind(Answer):
    """What a type of problem means."""

    type: str
    status: int
    title: str
    meaning: str


class ProblemKinds(Answer):
    """All types of problems."""

    problems: list[ProblemKind]
