"""Load averages: samples at multiples of five seconds, taken or missed."""

from math import exp

import pytest

from app.guest.programs.load_average import PERIOD_NS, LoadAverage

S = 1_000_000_000


def test_one_task_for_a_minute() -> None:
    """Twelve samples of one task: 1 - e^(-1) is 0.63."""
    load = LoadAverage()
    for number in range(1, 13):
        load.sample(number * PERIOD_NS, 1)
    assert load.text(nr_tasks=1, nr_processes=2, last_pid=7) == "0.63 0.18 0.06 1/2 7\n"
    exact = [1 - exp(-1), 1 - exp(-1 / 5), 1 - exp(-1 / 15)]
    assert load.averages == pytest.approx(exact, abs=0.004)


def test_due_only_while_there_is_something_to_count() -> None:
    """At rest never; with a task at the next multiple; afterwards until the averages are gone."""
    load = LoadAverage()
    assert load.due_ns(7 * S, is_busy=False) is None
    assert load.due_ns(7 * S, is_busy=True) == 10 * S
    load.sample(10 * S, 1)
    assert load.due_ns(10 * S, is_busy=False) == 15 * S
    # Somebody else acted at that very moment: the sample is not put off.
    assert LoadAverage().due_ns(10 * S, is_busy=True) == 10 * S


def test_missed_samples_are_made_up_for() -> None:
    """An hour later at once is as sample after sample."""
    late, punctual = LoadAverage(), LoadAverage()
    late.sample(5 * S, 3)
    punctual.sample(5 * S, 3)
    for number in range(2, 721):
        punctual.sample(number * PERIOD_NS, 0)
    late.sample(720 * PERIOD_NS, 0)
    assert late.state() == punctual.state()


def test_fork_is_independent() -> None:
    """A copy has the averages of then."""
    load = LoadAverage()
    load.sample(5 * S, 1)
    copy = load.fork()
    assert copy.state() == load.state()
    load.sample(10 * S, 1)
    assert copy.state() != load.state()
