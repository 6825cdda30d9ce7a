"""Pressure stall information: totals are the union of stalls, averages those of a loop over periods of two seconds."""

from hypothesis import given
from hypothesis import strategies as st

from app.guest.programs.decay import FIXED_ONE, decayed
from app.guest.programs.pressure import Pressure, PressureLine

S = 1_000_000_000


def test_one_second_of_two_is_stalled() -> None:
    """By hand: 50 % of a period; 50 * (1 - e^(-2/10)) is 9.06, in fixed point and cut 9.05."""
    pressure = Pressure()
    pressure.some.stall(0, S)
    assert pressure.text(2 * S) == (
        "some avg10=9.05 avg60=1.63 avg300=0.34 total=1000000\n"
        "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
    )


def test_stall_in_the_future_counts_as_it_passes() -> None:
    """A stall of ten seconds, looked at in its middle, has lasted five."""
    line = PressureLine()
    line.stall(S, 11 * S)
    line.count(6 * S)
    assert line.total_ns == 5 * S
    line.count(60 * S)
    assert line.total_ns == 10 * S


def test_stalls_that_overlap_count_once() -> None:
    """[1, 4) and [2, 3) and [3, 6) are five seconds."""
    line = PressureLine()
    line.stall(S, 4 * S)
    line.stall(2 * S, 3 * S)
    line.stall(3 * S, 6 * S)
    line.count(100 * S)
    assert line.total_ns == 5 * S


@given(
    stalls=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 50)), max_size=12),
    looks=st.lists(st.integers(0, 600), max_size=10),
)
def test_averages_are_those_of_a_naive_loop(stalls: list[tuple[int, int]], looks: list[int]) -> None:
    """In tenths of a second: a list of which tenths were stalled, and one decay per period; looking changes nothing."""
    line, moment, busy = PressureLine(), 0, set[int]()
    for gap, length in stalls:
        moment += gap
        line.stall(moment * S // 10, (moment + length) * S // 10)
        busy.update(range(moment, moment + length))
    for look in sorted(looks):
        line.count((moment + look) * S // 10)
    line.count(200 * S)
    naive = 0
    for period in range(100):
        stalled = sum(tenth in busy for tenth in range(period * 20, period * 20 + 20))
        naive = decayed(naive, stalled * 5 * FIXED_ONE, weight=1677)
    assert line.averages[0] == naive
    assert line.total_ns == len(busy) * S // 10


def test_idle_time_passes_at_once() -> None:
    """A year without stalls, and the averages are 0; a copy goes its own way."""
    pressure = Pressure()
    pressure.full.stall(0, S)
    copy = pressure.fork()
    pressure.count(366 * 24 * 3600 * S)
    assert not any(pressure.full.averages)
    assert copy.full.total_ns == 0
