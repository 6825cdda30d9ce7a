"""A guest's clock: who drives it, how it stands, and how it is moved."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.api.schemas.devices import Outcome
from app.api.schemas.strict import Answer, Request
from app.operations.clocks import FASTEST_SCALE, LONGEST_ADVANCE_US, MOST_STEPS, SLOWEST_SCALE, Stretch

_US_PER_S = 1_000_000

Mode = Literal["instant", "manual", "realtime"]
Scale = Annotated[float, Field(ge=SLOWEST_SCALE, le=FASTEST_SCALE, allow_inf_nan=False)]
_MODE = (
    "instant: after each command the drivers run until they rest; manual: only advanceClock moves the clock; "
    "realtime: it follows the wall's"
)
_SCALE = "simulated seconds for one of the wall's, in mode realtime"


class ClockIn(Request):
    """How the clock of a guest is driven that is to be made."""

    mode: Mode = Field("instant", description=_MODE)
    scale: Scale = Field(1.0, description=_SCALE)


class ClockPatch(Request):
    """What is to be different from now on; the guest's time stays what it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"mode": "realtime", "scale": 60}]})

    mode: Mode | None = Field(None, description=_MODE)
    scale: Scale | None = Field(None, description=_SCALE)


class StretchIn(Request):
    """Simulated time that shall pass: exactly one of the three says how much."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"seconds": 60}, {"steps": 1}]})

    seconds: Annotated[float, Field(ge=0, le=LONGEST_ADVANCE_US / _US_PER_S, allow_inf_nan=False)] | None = (
        Field(None, description="at most a day")
    )
    duration_us: Annotated[int, Field(ge=0, le=LONGEST_ADVANCE_US)] | None = None
    steps: Annotated[int, Field(ge=1, le=MOST_STEPS)] | None = Field(
        None, description="acts of whoever is due next: a driver, a program"
    )

    @model_validator(mode="after")
    def _require_one(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            accepted = "exactly one of seconds, duration_us and steps"
            context = {"value": ", ".join(given) or "none of them", "accepted": accepted}
            raise PydanticCustomError("one_of", accepted, context)
        return self

    def to_stretch(self) -> Stretch:
        """Returns it as the operation takes it; seconds to the nearest microsecond."""
        duration_us = self.duration_us if self.seconds is None else round(self.seconds * _US_PER_S)
        return Stretch(duration_us=duration_us, steps=self.steps)


class Clock(Answer):
    """How a guest's clock stands."""

    mode: Mode
    scale: float = Field(description=_SCALE)
    now_us: int = Field(description="simulated microseconds since the guest was made")
    next_due_us: int | None = Field(
        description="when somebody in the guest acts next; null: never by himself"
    )
    lag_ms: float = Field(
        description="how late the guest's acts are, in milliseconds of the wall; 0 but in realtime"
    )
    is_behind: bool = Field(description="whether that is more than 100 ms: the service cannot keep up")


class Advanced(Clock):
    """How the clock stands after it was advanced, and what ended meanwhile."""

    outcomes: list[Outcome] = Field(
        description="of the drivers' work items that ended, the newest 100, in order"
    )


class Lag(Answer):
    """Milliseconds of the wall."""

    p50: float
    p99: float
    max: float


class ClockOverview(Answer):
    """How realtime guests keep their clocks, over all of them."""

    realtime_guests: int
    window_s: float = Field(description="the seconds that are looked at")
    ticks: int = Field(description="times that a guest was served in them")
    lag_ms: Lag = Field(description="how late that was")
    is_behind: bool = Field(description="whether one tick in a hundred is more than 100 ms late")
