"""A comparison: the start and the request that many kernels have in common, and what each makes of it."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.api.schemas.captures import LEVELS_PATTERN, MEMORY_OF_DEVICE, CaptureSource, MemoryOfDevice
from app.api.schemas.catalog import POLICY_TEXT, PolicyText
from app.api.schemas.devices import Outcome
from app.api.schemas.guests import LevelName
from app.api.schemas.scenarios import CaseOutcome
from app.api.schemas.strict import Answer, Request, Size
from app.operations.comparing import DEFAULT_POLICIES, MOST_ROWS, CaptureOptions, Question

_LEVELS = Annotated[list[LevelName], Field(min_length=1, max_length=4)]
_POLICIES = f"{POLICY_TEXT}, each; together with fallbacks at most {MOST_ROWS} rows"
_FALLBACKS = (
    "levels of the driver's fallback, largest first; each policy is run with each of them; default: its own"
)
_DEVICE = "id of the virtio-mem device that is resized; default: the only one"
_TARGET = "what the device shall have plugged in the end"
_UNPLUG = "instead of requested_size: how much the target is lowered"


class CompareIn(Request):
    """A guest, what is asked of its device, and the kernels that shall answer."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "guest": "web-1",
                    "device": "vm0",
                    "requested_size": 0,
                    "policies": ["linux-5.15", "rfc-v1", "linux-6.17"],
                    "fallbacks": [["memory_block", "pageblock"], ["memory_block", "chunk", "pageblock"]],
                }
            ]
        }
    )

    guest: Annotated[str, Field(max_length=63)] | None = Field(
        None, description="where all of them start; it does not change"
    )
    scenario: Annotated[str, Field(max_length=64)] | None = Field(
        None,
        description="instead of a guest: its cases are played under each policy, and no device is asked for anything",
    )
    device: Annotated[str, Field(max_length=64)] | None = Field(None, description=_DEVICE)
    requested_size: Size | None = Field(None, description=_TARGET)
    unplug: Size | None = Field(None, description=_UNPLUG)
    policies: Annotated[list[PolicyText], Field(min_length=1, max_length=MOST_ROWS)] = Field(
        list(DEFAULT_POLICIES), description=_POLICIES
    )
    fallbacks: Annotated[list[_LEVELS], Field(max_length=MOST_ROWS)] = Field(
        default_factory=list, description=_FALLBACKS
    )

    @model_validator(mode="after")
    def _one_start(self) -> Self:
        if (self.guest is None) == (self.scenario is None):
            raise _refusal("guest", self.guest, "exactly one of guest, scenario")
        if self.scenario is None:
            _require_one_target(self.requested_size, self.unplug)
        for name in ("device", "requested_size", "unplug"):
            if self.scenario is not None and getattr(self, name) is not None:
                raise _refusal(
                    name, getattr(self, name), "nothing beside a scenario, whose actors say what is done"
                )
        return self

    def to_question(self) -> Question:
        """Returns it as the operation takes it."""
        return Question(
            device=self.device,
            requested_size=self.requested_size,
            unplug=self.unplug,
            policies=tuple(self.policies),
            fallbacks=tuple(tuple(levels) for levels in self.fallbacks),
        )


class CompareCaptureOptions(CaptureSource):
    """What a caller says about a capture, what is asked of its device, and the kernels that shall answer."""

    memory: MemoryOfDevice = Field("auto", description=MEMORY_OF_DEVICE)
    device: Annotated[str, Field(max_length=64)] | None = Field(None, description=_DEVICE)
    requested_size: Size | None = Field(None, description=_TARGET)
    unplug: Size | None = Field(None, description=_UNPLUG)
    policies: Annotated[list[PolicyText], Field(min_length=1, max_length=MOST_ROWS)] = Field(
        list(DEFAULT_POLICIES), description=_POLICIES
    )
    fallbacks: Annotated[list[Annotated[str, Field(pattern=LEVELS_PATTERN)]], Field(max_length=MOST_ROWS)] = (
        Field(default_factory=list, description=f"{_FALLBACKS}; with commas between the levels")
    )

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        _require_one_target(self.requested_size, self.unplug)
        return self

    def to_options(self) -> CaptureOptions:
        """Returns how the capture is read."""
        return CaptureOptions(
            name="",
            online=self.online,
            seed=self.seed,
            device=self.memory,
            block_size=self.block_size,
            per_cpu=self.per_cpu,
            pinned_fraction=self.pinned_fraction,
        )

    def to_question(self) -> Question:
        """Returns it as the operation takes it."""
        return Question(
            device=self.device,
            requested_size=self.requested_size,
            unplug=self.unplug,
            policies=tuple(self.policies),
            fallbacks=tuple(tuple(levels.split(",")) for levels in self.fallbacks),
        )


def _require_one_target(requested_size: int | None, unplug: int | None) -> None:
    """Refuses no target, and two."""
    if (requested_size is None) == (unplug is None):
        raise _refusal("requested_size", requested_size, "exactly one of requested_size, unplug")


def _refusal(field: str, value: object, accepted: str) -> PydanticCustomError:
    context = {"unknown_field": field, "value": value, "accepted": accepted}
    return PydanticCustomError("comparison", "no comparison", context)


class BrokenLaw(Answer):
    """An invariant that is broken at a row's end, and the first place where it is."""

    id: str
    weight: str = Field(
        description='"finding": the kernels of this policy break it; "failure": a defect of ours'
    )
    count: int = Field(description="places that were told")
    where: str
    expected: str
    found: str


class ComparisonRow(Answer):
    """What one kernel makes of the request, or of a scenario's case."""

    case: str | None = Field(description="of a scenario")
    policy: str
    fallback: list[str] | None = Field(
        description="levels that the driver had; those that were asked for when the row was refused; "
        "null where a scenario has no driver"
    )
    refusal: str | None = Field(
        description="why the start cannot be had under this policy; then nothing was run"
    )
    outcome: Outcome | None = Field(description="of a guest's or a capture's device")
    played: CaseOutcome | None = Field(description="of a scenario's case")
    broken: list[BrokenLaw]
    broken_meanwhile: list[str] = Field(
        description="invariants that were broken on the way of a scenario's schedule, or of any order where every "
        "order is played, and are whole at every end"
    )


class ComparisonStart(Answer):
    """Where all rows start: a guest's or a scenario's name, or what a capture says."""

    guest: str | None = None
    scenario: str | None = None
    kernel_release: str | None = Field(None, description="of a capture")
    policy: str | None = Field(None, description="of a capture, as it was loaded")


class Comparison(Answer):
    """Kernels side by side: one start and one request."""

    start: ComparisonStart
    device: str | None
    size_before: int | None
    requested_size: int | None
    rows: list[ComparisonRow]
