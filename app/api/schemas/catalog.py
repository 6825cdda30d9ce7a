"""What the service knows and is: policies, presets, health, version, problems."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from app.api.schemas.strict import Answer, Closed, Size

# A text that sets every switch is shorter.
PolicyText = Annotated[str, Field(max_length=1024)]
POLICY_TEXT = (
    'a kernel of GET /v1/policies, and switches that differ: "linux-5.19+atomic_cut=yes,sb_size=chunk"'
)


class Policy(Answer):
    """The switches in which kernel releases differ."""

    name: str = Field(description="the canonical text; lists inside it are written with colons")
    switches: dict[str, bool | int | str | list[str]]


class Switch(Answer):
    """One point in which kernel releases differ."""

    name: str
    values: list[str] = Field(description="what may stand behind the equals sign")
    meaning: str = Field(description="what it decides, and by which rules of the simulation's specification")


class Policies(Answer):
    """All kernel policies that have a name, and all switches."""

    policies: list[Policy]
    switches: list[Switch]


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


class QuantitiesQuery(Closed):
    """Which kernel and which devices the quantities are for."""

    policy: PolicyText = Field("linux-5.19", description=POLICY_TEXT)
    block_size: Size | None = Field(
        None, description="device block size; default: a pageblock, 1 MiB at least"
    )


class Quantities(Answer):
    """What follows from a geometry and a kernel; sizes and alignments in bytes."""

    preset: str
    policy: str
    page_size: int
    chunk_size: int = Field(description="the largest free page")
    pageblock_size: int
    section_size: int
    memory_block_size: int
    phys_contig_order: int = Field(description="the largest order that is surely contiguous")
    contig_align: int = Field(description="how far a contiguous allocation isolates around its range")
    cma_align: int = Field(description="base and size of a CMA area are multiples of it")
    dma_contiguous_align: int
    fadump_align: int = Field(description="of the memory that powerpc reserves for a crash dump")
    device_block_size: int
    subblock_size: int = Field(description="what the driver plugs and unplugs in sub-block mode")
    mode: Literal["sub-block", "big-block", "refused"]
    big_block_size: int | None = Field(description="what the driver plugs in big block mode")


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
