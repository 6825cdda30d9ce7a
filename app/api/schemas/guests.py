"""A guest: what it shall be made of, and what it says of itself."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue, WithJsonSchema

from app.api.schemas.catalog import POLICY_TEXT, PolicyText
from app.api.schemas.cma import MOST_AREAS, CmaArea, CmaAreaIn
from app.api.schemas.devices import Device, DeviceIn
from app.api.schemas.pages import Allocation
from app.api.schemas.strict import LARGEST_INTEGER, Answer, Request, Size
from app.operations.cma import CmaAreaSpec
from app.operations.creating import DeviceSpec, GuestSpec, read_workload
from app.operations.registry import NAME_PATTERN

LevelName = Literal["memory_block", "chunk", "section", "pageblock"]
OnlineTo = Literal["online_kernel", "online_movable"]
Seed = Annotated[int, Field(ge=0, le=LARGEST_INTEGER)]
MOST_DEVICES = 32

# What a step may say depends on what it does, and is checked there; this is how it is documented.
_STEP_SCHEMA = {
    "type": "object",
    "required": ["do"],
    "properties": {
        "do": {"enum": ["fill", "mix", "free", "pin", "churn"]},
        "label": {"type": "string", "description": "names the allocation that the step makes or works on"},
        "kind": {"type": "string", "description": "anon, file, thp, slab ..."},
        "order": {"type": "integer", "minimum": 0},
        "size": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]},
        "fraction": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        "rounds": {"type": "integer", "minimum": 1, "maximum": 100},
        "parts": {"type": "array", "items": {"type": "object"}, "maxItems": 16},
    },
    "additionalProperties": False,
}
_WORKLOAD_SCHEMA = {
    "anyOf": [
        {"type": "string", "maxLength": 64},
        {"type": "array", "items": _STEP_SCHEMA, "maxItems": 64},
        {"type": "null"},
    ]
}
Workload = Annotated[JsonValue, WithJsonSchema(_WORKLOAD_SCHEMA)]


class GuestIn(Request):
    """A guest that is to be made from a geometry preset."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "web-1",
                    "preset": "x86-64",
                    "policy": "linux-5.19",
                    "fallback": ["memory_block", "chunk", "pageblock"],
                    "boot_size": "4GiB",
                    "online": "online_movable",
                    "seed": 1,
                    "devices": [{"id": "vm0", "size": "8GiB", "requested_size": "2GiB"}],
                }
            ]
        }
    )

    name: Annotated[str, Field(pattern=NAME_PATTERN)] | None = Field(
        None, description="guest-1, guest-2 ... when left out"
    )
    preset: str = Field("x86-64", max_length=64, description="a geometry of GET /v1/presets")
    policy: PolicyText = Field("linux-5.19", description=POLICY_TEXT)
    fallback: Annotated[list[LevelName], Field(min_length=1, max_length=4)] | None = Field(
        None, description="units in which the driver unplugs, largest first; default: the policy's own"
    )
    memory_block_size: Size | None = Field(
        None, description="of Linux; default: the preset's, on large x86-64 guests what Linux would choose"
    )
    boot_size: Size = Field(description="memory that the guest has without any device")
    online: OnlineTo = Field("online_movable", description="zone to which plugged memory goes")
    seed: Seed = Field(0, description="equal seeds and calls make equal guests")
    devices: Annotated[list[DeviceIn], Field(max_length=MOST_DEVICES)] = Field(default_factory=list)
    cma_areas: Annotated[list[CmaAreaIn], Field(max_length=MOST_AREAS)] = Field(
        default_factory=list, description="contiguous memory allocator areas in boot memory"
    )
    workload: Workload = Field(None, description="how the guest's memory is used, or a ready-made one's name")

    def to_spec(self) -> GuestSpec:
        """Returns it as the operation takes it.

        Raises InvalidValue when the workload makes no sense.
        """
        return GuestSpec(
            name=self.name or "",
            memory_block_size=self.memory_block_size,
            boot_size=self.boot_size,
            preset=self.preset,
            policy=self.policy,
            fallback=None if self.fallback is None else tuple(self.fallback),
            online=self.online,
            seed=self.seed,
            devices=tuple(DeviceSpec(**device.model_dump()) for device in self.devices),
            cma_areas=tuple(CmaAreaSpec(**area.model_dump()) for area in self.cma_areas),
            workload=read_workload(self.workload),
        )


class Memory(Answer):
    """A guest's memory, in bytes."""

    total: int
    managed: int
    free: int


class Zone(Answer):
    """A zone of a guest's memory, in bytes."""

    name: str
    spanned: int
    present: int
    managed: int
    free: int
    min: int
    low: int
    high: int


class Guest(Answer):
    """One simulated guest."""

    name: str
    preset: str
    policy: str
    fallback: list[LevelName]
    online: OnlineTo
    seed: int
    boot_size: int
    source: Literal["preset", "capture"]
    simulated_us: int = Field(description="the guest's own clock")
    memory: Memory
    zones: list[Zone]
    devices: list[Device]
    allocations: list[Allocation]
    cma_areas: list[CmaArea]


class Guests(Answer):
    """All guests, oldest first; one that is busy is shown as it was before."""

    guests: list[Guest]


class ImportedGuest(Answer):
    """A guest made from a capture, and what its loading could and could not tell."""

    guest: Guest
    load_report: dict[str, JsonValue]
