"""A workload over time: the script of phases that is asked for, and what becomes of it."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue, WithJsonSchema

from app.api.schemas.strict import LARGEST_INTEGER, Answer, Request
from app.operations.workloads import (
    LARGEST_NR_LABELS,
    LARGEST_NR_PHASES,
    LARGEST_TICK_MS,
    LONGEST_SECONDS,
    SMALLEST_TICK_MS,
    Script,
    read_script,
)

_AMOUNT = {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]}
# What a phase may say depends on what it does, and is checked there; this is how it is documented.
PHASE_SCHEMA = {
    "type": "object",
    "required": ["do"],
    "properties": {
        "do": {"enum": ["grow", "churn", "leak", "release", "hold"]},
        "label": {"type": "string", "description": "names the process whose memory it is"},
        "labels": {
            "type": "array",
            "items": {"type": "string"},
            "maxItems": LARGEST_NR_LABELS,
            "description": "churn: of which processes",
        },
        "kind": {"type": "string", "description": "grow, leak: anon, file, thp, slab ..."},
        "order": {"type": "integer", "minimum": 0},
        "by": {**_AMOUNT, "description": "grow: by so many bytes"},
        "to": {**_AMOUNT, "description": "grow: until the process has so many bytes"},
        "size": {**_AMOUNT, "description": "release: so many bytes"},
        "fraction": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1,
            "description": "release: of what there is; churn: of what there is, each second",
        },
        "rate": {**_AMOUNT, "description": "grow, leak: bytes a second"},
        "seconds": {"type": "number", "minimum": 0, "maximum": LONGEST_SECONDS},
        "background": {"type": "boolean", "description": "the next phase does not wait for this one"},
        "restart": {"type": "boolean", "description": "a process that was killed starts anew"},
    },
    "additionalProperties": False,
}
PHASES_SCHEMA = {"type": "array", "items": PHASE_SCHEMA, "minItems": 1, "maxItems": LARGEST_NR_PHASES}
_REPEAT = "whether the script begins again when its last phase is over"
_TICK = "how often a phase acts that runs, in simulated milliseconds"
_SEED = "of all choices; default: the guest's own"


class WorkloadIn(Request):
    """A script of phases that is to be played."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "phases": [
                        {"do": "grow", "label": "cache", "kind": "file", "by": "1GiB", "seconds": 60},
                        {"do": "leak", "label": "web", "rate": "2MiB", "background": True, "restart": True},
                        {"do": "churn", "labels": ["cache"], "fraction": 0.02, "seconds": 600},
                        {"do": "release", "label": "cache", "fraction": 0.5, "seconds": 10},
                    ],
                    "repeat": True,
                }
            ]
        }
    )

    phases: Annotated[JsonValue, WithJsonSchema(PHASES_SCHEMA)]
    repeat: bool = Field(default=False, description=_REPEAT)
    tick_ms: int = Field(1000, ge=SMALLEST_TICK_MS, le=LARGEST_TICK_MS, description=_TICK)
    seed: Annotated[int, Field(ge=0, le=LARGEST_INTEGER)] | None = Field(None, description=_SEED)

    def to_script(self) -> Script:
        """Returns it as the operation takes it.

        Raises InvalidValue.
        """
        script = read_script(self.model_dump(), field="")
        assert script is not None, "a body is an object"
        return script


class PhaseProgress(Answer):
    """What has become of a phase; of one that runs, how much of its time has passed."""

    state: Literal["waiting", "running", "done", "killed"]
    elapsed_us: int


class Workload(Answer):
    """The script of a guest, as it may be sent again, and what has become of it."""

    phases: list[dict[str, JsonValue]]
    repeat: bool = Field(description=_REPEAT)
    tick_ms: int | None = Field(description=_TICK)
    seed: int | None = Field(description=_SEED)
    state: Literal["none", "running", "over"]
    rounds: int = Field(description="how often the script has begun again")
    progress: list[PhaseProgress] = Field(description="of each phase, in order")
    oom_kills: int = Field(description="processes killed for want of memory since the guest was booted")
