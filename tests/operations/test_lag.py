"""The record of lateness: a window of samples, and quantiles of it."""

import threading

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


def test_record_may_be_summed_up_while_another_thread_adds_to_it() -> None:
    """The ticker's thread goes on while somebody looks."""
    record = LagRecord()
    has_seen_enough = threading.Event()

    def tick() -> None:
        while not has_seen_enough.is_set():
            record.add(1.0, 0.5)

    ticking = threading.Thread(target=tick)
    ticking.start()
    try:
        seen = [record.summarize(1.0, []).max_s for _ in range(200)]
    finally:
        has_seen_enough.set()
        ticking.join()
    assert set(seen) <= {0.0, 0.5}
