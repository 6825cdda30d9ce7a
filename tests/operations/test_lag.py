"""The record of lateness: a window of samples, and quantiles of it."""

import pytest

from app.operations.lag import MOST_SAMPLES, WINDOW_S, LagRecord


def test_summary_of_nothing_is_nought() -> None:
    """A service without realtime guests is not late."""
    assert LagRecord().summarize(0.0, []) == (0, 0.0, 0.0, 0.0)


def test_summary_tells_quantiles_of_the_window() -> None:
    """One tick in a hundred is late: p99 and the maximum show it, the median does not; old ticks are forgotten."""
    record = LagRecord()
    record.add(0.0, 99.0)
    for number in range(98):
        record.add(WINDOW_S + 1, number / 1000)
    summary = record.summarize(WINDOW_S + 2, [2.0, 3.0])
    assert summary.nr_samples == 100
    assert summary.p50_s == pytest.approx(0.05)
    assert (summary.p99_s, summary.max_s) == (3.0, 3.0)


def test_samples_are_bounded() -> None:
    """A service that ticks very often keeps the newest."""
    record = LagRecord()
    for _ in range(MOST_SAMPLES + 10):
        record.add(1.0, 0.0)
    assert record.summarize(1.0, []).nr_samples == MOST_SAMPLES
