"""Clocks in requests: modes, scales, and how far a clock goes."""

import math

import pytest
from pydantic import ValidationError

from app.api.schemas.clocks import ClockIn, ClockPatch, StretchIn
from app.operations.clocks import Stretch


def test_stretch_is_said_in_one_of_three_ways() -> None:
    """Seconds are microseconds; steps are no time."""
    assert StretchIn.model_validate({"seconds": 1.5}).to_stretch() == Stretch(duration_us=1_500_000)
    assert StretchIn.model_validate({"duration_us": 7}).to_stretch() == Stretch(duration_us=7)
    assert StretchIn.model_validate({"steps": 3}).to_stretch() == Stretch(steps=3)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"seconds": 1, "steps": 1},
        {"seconds": -1},
        {"seconds": 86_401},
        {"seconds": math.nan},
        {"seconds": math.inf},
        {"seconds": "1"},
        {"duration_us": -1},
        {"duration_us": 86_400_000_001},
        {"duration_us": 1.5},
        {"steps": 0},
        {"steps": -1},
        {"steps": 100_001},
        {"steps": True},
    ],
)
def test_stretch_that_is_absurd_is_refused(body: dict[str, object]) -> None:
    """Back, beyond a day, a million steps, two ways at once, none, no number."""
    with pytest.raises(ValidationError):
        StretchIn.model_validate(body)


@pytest.mark.parametrize("scale", [0, -1, 0.0001, 10_001, math.nan, math.inf, "1"])
def test_scale_beyond_its_bounds_is_refused(scale: object) -> None:
    """At creation and later."""
    for model in (ClockIn, ClockPatch):
        with pytest.raises(ValidationError):
            model.model_validate({"scale": scale})


def test_clock_is_instant_unless_something_else_is_said() -> None:
    """A patch changes what it names; an unknown mode is refused."""
    assert (ClockIn().mode, ClockIn().scale) == ("instant", 1.0)
    assert ClockPatch.model_validate({"scale": 60}).mode is None
    with pytest.raises(ValidationError):
        ClockPatch.model_validate({"mode": "fast"})
