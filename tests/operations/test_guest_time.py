"""A guest's time against the wall's: arithmetic on given moments, no clock is read."""

import math

import pytest

from app.errors import InvalidValue
from app.operations.guest_time import ClockMode, ClockSetting, GuestTime, read_mode

S = 1_000_000_000


def _realtime(scale: float, *, now_ns: int = 0, due_ns: int | None = None) -> GuestTime:
    setting = ClockSetting(ClockMode.REALTIME, scale)
    return GuestTime(setting, wall_s=100.0, now_ns=now_ns, due_ns=due_ns)


def test_target_follows_the_wall_at_its_scale() -> None:
    """Two seconds of the wall at scale 60 are two minutes of the guest."""
    assert _realtime(60, now_ns=5 * S).target_ns(102.0) == 125 * S
    assert _realtime(0.001).target_ns(101.0) == S // 1000


@pytest.mark.parametrize("mode", [ClockMode.INSTANT, ClockMode.MANUAL])
def test_target_stands_where_the_wall_does_not_drive(mode: ClockMode) -> None:
    """In the other modes nothing is due by the wall, and nothing late."""
    time = GuestTime(ClockSetting(mode), wall_s=100.0, now_ns=7 * S, due_ns=6 * S)
    assert (time.target_ns(1000.0), time.due_s(), time.lag_s(1000.0)) == (7 * S, None, 0.0)


def test_set_goes_on_from_the_time_that_it_is() -> None:
    """A change of the scale neither jumps nor goes back, however often it is made."""
    time = _realtime(10)
    time.note(now_ns=time.target_ns(103.0), due_ns=None)
    time.set(ClockSetting(ClockMode.REALTIME, 1.0), wall_s=103.0)
    assert time.target_ns(103.0) == 30 * S
    assert time.target_ns(104.0) == 31 * S
    time.set(ClockSetting(ClockMode.MANUAL), wall_s=104.0)
    assert time.target_ns(200.0) == 30 * S


def test_target_of_a_clock_that_is_ahead_waits_for_the_wall() -> None:
    """A command took an hour of the guest: the clock stands until the wall is there."""
    time = _realtime(1)
    time.note(now_ns=3600 * S, due_ns=None)
    assert time.target_ns(101.0) == 3600 * S
    assert time.target_ns(100.0 + 3601) == 3601 * S


def test_lag_counts_from_the_act_that_is_due() -> None:
    """A guest with nothing to do is never late; one with an act due at 20 s, scale 10, is late from 102 s on."""
    time = _realtime(10, due_ns=20 * S)
    assert time.due_s() == pytest.approx(102.0)
    assert time.lag_s(101.9) == 0.0
    assert time.lag_s(102.5) == pytest.approx(0.5)
    assert time.shown_ns(102.5) == 20 * S
    assert time.shown_ns(101.0) == 10 * S
    assert _realtime(10).lag_s(500.0) == 0.0


@pytest.mark.parametrize("scale", [0.0, -1.0, 0.0009, 10_001.0, math.nan, math.inf, -math.inf])
def test_changed_refuses_scales_beyond_the_bounds(scale: float) -> None:
    """From a thousandth to ten thousand; nothing else, and not what is no number."""
    with pytest.raises(InvalidValue, match=r"0\.001 to 10000"):
        ClockSetting().changed(mode="realtime", scale=scale)


def test_changed_keeps_what_is_not_named() -> None:
    """Mode and scale are changed one by one; an unknown mode is refused by name."""
    setting = ClockSetting().changed(mode="realtime", scale=None)
    assert setting.changed(mode=None, scale=60) == ClockSetting(ClockMode.REALTIME, 60)
    with pytest.raises(InvalidValue, match="instant, manual, realtime"):
        read_mode("fast")
