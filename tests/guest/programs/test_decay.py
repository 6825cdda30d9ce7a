"""Averages that forget: fixed point as documented, towards the sample and there in the end."""

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.guest.programs.decay import FIXED_ONE, decayed, two_places


def test_first_sample_of_one_task_is_eight_hundredths() -> None:
    """A load of one for five seconds: 1 - e^(-5/60) is 0.0799, and 164 / 2048 prints as 0.08."""
    first = decayed(0, FIXED_ONE, weight=1884)
    assert first == 164
    assert two_places(first) == "0.08"


@pytest.mark.parametrize(
    ("weight", "exact"),
    [
        (1884, exp(-5 / 60)),
        (2014, exp(-5 / 300)),
        (2037, exp(-5 / 900)),
        (1677, exp(-2 / 10)),
        (1981, exp(-2 / 60)),
        (2034, exp(-2 / 300)),
    ],
)
def test_weights_are_the_exponentials(weight: int, exact: float) -> None:
    """Each weight is its exponential in eleven binary places."""
    assert weight == round(exact * FIXED_ONE)


@given(start=st.integers(0, 100 * FIXED_ONE), sample=st.integers(0, 100))
def test_constant_sample_is_reached(start: int, sample: int) -> None:
    """Whatever was before, a sample that stays is the average in the end, and never overshot."""
    average, aim = start, sample * FIXED_ONE
    for _ in range(20_000):
        nearer = decayed(average, aim, weight=2037)
        assert min(average, aim) <= nearer <= max(average, aim)
        if nearer == average:
            break
        average = nearer
    assert average == aim


def test_two_places_cuts() -> None:
    """Hundredths are cut, not rounded."""
    assert two_places(0) == "0.00"
    assert two_places(FIXED_ONE * 3 // 2) == "1.50"
    assert two_places(FIXED_ONE - 1) == "0.99"
