"""The simulated clock: exact, and only forward."""

import pytest

from app.guest.clock import SimulatedClock


def test_clock_adds_nanoseconds_exactly() -> None:
    """Sums are of integers; microseconds are whole ones."""
    clock = SimulatedClock()
    for _ in range(3):
        clock.advance(1_333)
    assert clock.now_ns == 3_999
    assert clock.now_us == 3


def test_clock_never_goes_back() -> None:
    """A moment that has passed does not move it, and a negative duration is a defect."""
    clock = SimulatedClock(5_000)
    clock.advance_to(4_000)
    assert clock.now_ns == 5_000
    clock.advance_to(6_000)
    assert clock.now_ns == 6_000
    with pytest.raises(AssertionError, match="never goes back"):
        clock.advance(-1)
