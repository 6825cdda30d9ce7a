"""A guest: what it shall be made of, and what it says of itself."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue, WithJsonSchema

from app.api.schemas.catalog import POLICY_TEXT, PolicyText
from app.api.schemas.clocks import ClockIn, Mode
from app.api.schemas.cma import MOST_AREAS, CmaArea, CmaAreaIn
from app.api.schemas.costs import COST, Cost
from app.api.schemas.devices import Device, DeviceIn
from app.api.schemas.pages import Allocation
from app.api.schemas.strict import LARGEST_INTEGER, Answer, Request, Size
from app.api.schemas.workloads import PHASES_SCHEMA
from app.operations.cma import CmaAreaSpec
from app.operations.costs import read_cost
from app.operations.creating import DeviceSpec, GuestSpec, read_workload
from app.operations.guest_time import ClockMode, ClockSetting
from app.operations.registry import NAME_PATTERN
from app.operations.workloads import read_script

LevelName = Literal["memory_block", "chunk", "section", "pageblock"]
OnlineTo = Literal["offline", "online", "online_kernel", "online_movable", "auto-movable"]
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
        "node": {
            "type": "integer",
            "minimum": 0,
            "description": "fill, mix: the NUMA node that is preferred",
        },
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
_PHASES_SCHEMA = {"anyOf": [PHASES_SCHEMA, {"$ref": "#/components/schemas/WorkloadIn"}, {"type": "null"}]}


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
    numa_nodes: Annotated[list[Size], Field(max_length=8)] = Field(
        default_factory=list,
        description="how boot_size is shared among NUMA nodes; empty: one node has all of it",
    )
    boot_reserved: Size = Field(
        0, description="boot memory that the kernel keeps for good, beside the memmap"
    )
    boot_used: Size = Field(
        0, description="boot memory that kernel and programs use from the start, and do not give back"
    )
    online: OnlineTo = Field(
        "online_movable", description="what the guest does with plugged memory, and where it goes by that"
    )
    auto_movable_ratio: int = Field(
        301, ge=0, le=1_000_000, description="auto-movable: movable memory in per cent of kernel memory"
    )
    auto_movable_numa_aware: bool = Field(
        default=True, description="auto-movable: the ratio holds on each node, too"
    )
    offline_max_rounds: int = Field(
        100,
        ge=1,
        le=1_000_000,
        description="rounds of migration after which offlining gives up; Linux has no limit",
    )
    seed: Seed = Field(0, description="equal seeds and calls make equal guests")
    devices: Annotated[list[DeviceIn], Field(max_length=MOST_DEVICES)] = Field(default_factory=list)
    cma_areas: Annotated[list[CmaAreaIn], Field(max_length=MOST_AREAS)] = Field(
        default_factory=list, description="contiguous memory allocator areas in boot memory"
    )
    cost: Cost = Field(default_factory=dict, description=COST)
    clock: ClockIn = Field(default_factory=ClockIn, description="who drives the guest's clock")
    workload: Workload = Field(None, description="how the guest's memory is used, or a ready-made one's name")

    phases: Annotated[JsonValue, WithJsonSchema(_PHASES_SCHEMA)] = Field(
        None,
        description="what its programs do over time, from the start: phases, or a script as startWorkload takes",
    )

    def to_clock(self) -> ClockSetting:
        """Returns how the guest's clock is driven."""
        return ClockSetting(ClockMode(self.clock.mode), self.clock.scale)

    def to_spec(self) -> GuestSpec:
        """Returns it as the operation takes it.

        Raises InvalidValue when the workload makes no sense.
        """
        return GuestSpec(
            name=self.name or "",
            memory_block_size=self.memory_block_size,
            boot_size=self.boot_size,
            numa_nodes=tuple(self.numa_nodes),
            preset=self.preset,
            policy=self.policy,
            fallback=None if self.fallback is None else tuple(self.fallback),
            boot_reserved=self.boot_reserved,
            boot_used=self.boot_used,
            online=self.online,
            auto_movable_ratio=self.auto_movable_ratio,
            auto_movable_numa_aware=self.auto_movable_numa_aware,
            offline_max_rounds=self.offline_max_rounds,
            seed=self.seed,
            devices=tuple(
                DeviceSpec(**device.model_dump(exclude={"driver"}), driver=device.driver.to_module())
                for device in self.devices
            ),
            cma_areas=tuple(CmaAreaSpec(**area.model_dump()) for area in self.cma_areas),
            workload=read_workload(self.workload),
            phases=read_script(self.phases, field="phases"),
            cost=read_cost(self.cost),
        )


class Memory(Answer):
    """A guest's memory, in bytes."""

    total: int
    managed: int
    free: int


class Zone(Answer):
    """A zone of a guest's memory, in bytes."""

    name: str
    node: int = Field(description="its NUMA node")
    spanned: int
    present: int
    managed: int
    free: int
    min: int
    low: int
    high: int


class GuestClock(Answer):
    """Who drives the guest's clock, and whether it is kept."""

    mode: Mode
    scale: float
    is_behind: bool = Field(description="in mode realtime: whether the guest is more than 100 ms late")


class Condition(Answer):
    """Whether a guest runs."""

    state: Literal["running", "hung", "asleep", "crashed"]
    reason: str | None = Field(description="what it died of, or how it sleeps")
    since_us: int = Field(description="since when, on its own clock")


class Guest(Answer):
    """One simulated guest."""

    name: str
    preset: str
    policy: str
    fallback: list[LevelName]
    online: OnlineTo
    seed: int
    boot_size: int
    numa_nodes: list[int] = Field(description="boot memory of each NUMA node")
    boot_reserved: int
    boot_used: int
    auto_movable_ratio: int
    auto_movable_numa_aware: bool
    offline_max_rounds: int
    source: Literal["preset", "capture"]
    simulated_us: int = Field(description="the guest's own clock")
    condition: Condition
    clock: GuestClock
    cost: dict[str, str | int | list[int]] = Field(
        description="the profile, and the units that differ from it"
    )
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
