"""What would become of a target: asked, and answered."""

from typing import Annotated

from pydantic import ConfigDict, Field

from app.api.schemas.catalog import PolicyText
from app.api.schemas.devices import Outcome
from app.api.schemas.strict import Answer, Request, Size
from app.operations.explaining import MOST_RETRIES, Wish

_POLICY = "kernel policy of the copy that is asked; the guest's, when left out"
_LIMITS = "tells floor, safe floor and ceiling, too, which takes asking for 0 and for everything"
_HINDRANCES = "or what keeps the driver from working, as explain names it: driver_unloaded, driver_absent ..."
_FLOOR = (
    "what ends the way down: obstacles, memory (nowhere to migrate), device, fault_rule, unit (the rest is smaller "
    f"than one), {_HINDRANCES}; null: nothing is left"
)
_CEILING = (
    "region (all of it, or the usable part), memmap (no room for it), offline_threshold, device, fault_rule, "
    f"{_HINDRANCES}"
)
_SAFE_FLOOR = (
    "the lowest size on that way before the free pages of all zones together fall below the sum of their high "
    "watermarks, where reclaim begins; the present size when they are below already"
)
_FALLBACK = "levels of the driver; those of the policy that is named, else the guest's, when left out"


class ForecastIn(Request):
    """A target that nobody sets."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"requested_size": "2GiB"}]})

    requested_size: Size
    policy: PolicyText | None = Field(None, description=_POLICY)
    fallback: Annotated[list[Annotated[str, Field(max_length=32)]], Field(max_length=8)] | None = Field(
        None, description=_FALLBACK
    )
    retries: Annotated[int, Field(ge=0, le=MOST_RETRIES)] = Field(
        0, description="how many retries are waited for, if the driver's timer is armed"
    )
    limits: bool = Field(default=True, description=_LIMITS)

    def to_wish(self) -> Wish:
        """Returns it as the operation takes it."""
        return Wish(
            requested_size=self.requested_size,
            policy=self.policy,
            fallback=self.fallback,
            retries=self.retries,
            has_limits=self.limits,
        )


class RetryForecast(Answer):
    """A retry, and what becomes of it."""

    at_us: int = Field(description="on the guest's clock")
    outcome: Outcome


class SizeLimits(Answer):
    """How far a device could be shrunk and grown now; sizes in bytes."""

    floor: int = Field(description="what is left when the device is asked for nothing")
    floor_reason: str | None = Field(description=_FLOOR)
    safe_floor: int = Field(description=_SAFE_FLOOR)
    free_at_safe_floor: int
    high_watermarks: int = Field(description="their sum at the safe floor")
    ceiling: int = Field(description="what is plugged when the whole region is asked for")
    ceiling_reason: str = Field(description=_CEILING)


class Forecast(Answer):
    """What would become of a target. Nothing has changed."""

    device: str
    policy: str
    fallback: list[str]
    size_before: int
    requested_size: int
    size: int = Field(description="in the end, after the retries that were asked for")
    outcome: Outcome
    retries: list[RetryForecast]
    simulated_us: int = Field(description="how long all of it takes")
    limits: SizeLimits | None
