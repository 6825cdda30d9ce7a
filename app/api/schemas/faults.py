"""Fault rules: what a caller says of one, and what a rule says of itself.

Which members a kind has is checked below, where GET /v1/fault-kinds comes from as well.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, JsonValue

from app.api.schemas.strict import Answer, Closed, Request, Size
from app.operations.faulting import (
    LARGEST_NR,
    LARGEST_SEED,
    LONGEST_TEXT,
    LONGEST_US,
    FaultKind,
    members_of_kind,
)

_KINDS = tuple(str(kind) for kind in FaultKind)
Kind = Literal[_KINDS]  # type: ignore[valid-type]  # the words of the table, known when this is imported
RequestName = Literal["plug", "unplug", "unplug_all"]
LevelName = Literal["memory_block", "chunk", "section", "pageblock", "big_block"]
Count = Annotated[int, Field(ge=0, le=LARGEST_NR)]
Duration = Annotated[int, Field(ge=0, le=LONGEST_US)]


class FaultMatch(Closed):
    """Which opportunities a rule looks at; what is left out matches everything."""

    model_config = ConfigDict(strict=True)

    device: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)] | None = None
    request: RequestName | None = None
    level: LevelName | None = None
    start_addr: Size | None = Field(None, description="physical address: acts that touch what lies from here")
    end_addr: Size | None = Field(None, description="physical address: acts that touch what lies below")


class _Members(Request):
    """What a rule may say; which of it a kind has, GET /v1/fault-kinds tells."""

    match: FaultMatch | None = None
    probability: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, description="of striking at an opportunity that matches; default 1"
    )
    count: Count | None = Field(None, description="how often it strikes at most; null: no limit")
    skip: Count | None = Field(None, description="opportunities that pass first; default 0")
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] | None = Field(
        None, description="of the rule's own chance; default: from the guest's seed and the rule's id"
    )
    delay_us: Duration | None = Field(None, description="simulated time that a stroke takes")
    after_us: Duration | None = Field(None, description="begins so long after the rule is added")
    duration_us: Annotated[int, Field(ge=1, le=LONGEST_US)] | None = Field(
        None, description="how long it lasts; null: until the rule is removed"
    )
    fraction: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="of a range's movable pages that are held; default 1"
    )
    factor: Annotated[float, Field(ge=0.001, le=10_000)] | None = Field(
        None, description="by which all the guest's costs are multiplied"
    )
    reason: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)] | None = Field(
        None, description="what the guest dies of"
    )
    reboot_after_us: Duration | None = Field(
        None, description="the guest is reset so long after its death; null: never"
    )

    def to_rule(self) -> dict[str, object]:
        """Returns what was said, as the operation takes it."""
        return self.model_dump(exclude_unset=True)


class FaultIn(_Members):
    """A fault rule that is to be added."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "device_busy",
                    "match": {"device": "vm0", "request": "unplug"},
                    "probability": 0.5,
                    "count": 3,
                }
            ]
        }
    )

    kind: Kind = Field(description="what goes wrong: GET /v1/fault-kinds")

    @classmethod
    def known_fields(cls, data: dict[str, Any]) -> Iterable[str]:
        """Returns the members of the rule's kind."""
        kind = data.get("kind")
        return members_of_kind(FaultKind(kind)) if kind in _KINDS else cls.model_fields


class FaultChange(_Members):
    """What a rule shall say anew; a match is replaced as a whole, null means the default."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"probability": 0.1}]})


class Fault(Answer):
    """A fault rule, with the members of its kind; addresses in bytes."""

    id: int
    kind: Kind
    match: dict[str, str | int] | None = None
    probability: float | None = None
    count: int | None = None
    skip: int | None = None
    seed: int | None = None
    delay_us: int | None = None
    after_us: int | None = None
    duration_us: int | None = None
    fraction: float | None = None
    factor: float | None = None
    reason: str | None = None
    reboot_after_us: int | None = None
    seen: int = Field(description="opportunities that matched")
    hits: int = Field(description="how often it struck")
    is_in_force: bool = Field(description="it may strike at its next opportunity, or its window is open")
    warnings: list[str] = Field(description="why it may never strike")


class Faults(Answer):
    """A guest's fault rules, by number."""

    faults: list[Fault]


class FaultMember(Answer):
    """A member that rules of a kind may have."""

    name: str
    about: str
    accepted: str
    is_required: bool
    default: JsonValue


class FaultKindRow(Answer):
    """A kind of faults."""

    kind: Kind
    about: str
    opportunity: str | None = Field(description="at what it may strike; null: it begins by itself")
    match: list[FaultMember]
    members: list[FaultMember]


class FaultKinds(Answer):
    """Everything that can go wrong on purpose."""

    kinds: list[FaultKindRow]
