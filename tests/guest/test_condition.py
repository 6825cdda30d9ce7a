"""A guest's condition: it stands still and goes on, dies once, and says what helps."""

import pytest

from app.errors import GuestCrashed, GuestHung
from app.guest.clock import SimulatedClock
from app.guest.condition import Condition, Health


def test_hung_guest_goes_on_where_it_stopped() -> None:
    """A guest that hangs refuses its programs, not its host; going on, it has neither reason nor error."""
    clock = SimulatedClock(5_000)
    condition = Condition(clock)
    condition.require_running()
    condition.hang()
    condition.require_alive()
    with pytest.raises(GuestHung, match="since 5 us"):
        condition.require_running()
    clock.advance(2_000)
    condition.go_on()
    condition.require_running()
    assert condition.describe() == {"state": "running", "reason": None, "since_us": 7}


def test_crashed_guest_stays_dead_for_its_first_reason_until_it_is_cleared() -> None:
    """Neither a hang nor a second death changes the first; the error says reason, time and remedy."""
    condition = Condition(SimulatedClock(9_000))
    condition.crash("BUG: soft lockup")
    condition.crash("another")
    condition.hang()
    condition.go_on()
    assert (condition.health, condition.reason) == (Health.CRASHED, "BUG: soft lockup")
    with pytest.raises(GuestCrashed) as caught:
        condition.require_running()
    assert caught.value.members == {"reason": "BUG: soft lockup", "since_us": 9, "remedy": "reboot it"}
    condition.clear()
    assert condition.is_running
    assert condition.reason == ""


def test_copy_of_a_condition_is_independent() -> None:
    """A copy has the same state; what becomes of it does not reach the original."""
    condition = Condition(SimulatedClock())
    condition.crash("kernel panic")
    copy = Condition(SimulatedClock())
    copy.take_over(condition)
    assert copy.state() == condition.state() == ("crashed", "kernel panic")
    copy.clear()
    assert condition.is_crashed
