"""Signals: what was waited for becomes pressure, and everything is copied with the guest."""

from app.guest.programs.page_supply import Supply
from app.guest.programs.signals import Signals
from tests.guest.programs.small import small_guest

SECOND = 1_000_000_000


def test_waiting_is_some_and_alone_is_full() -> None:
    """Kswapd's time and a program's own wait overlap; only a program that is alone makes everybody wait."""
    signals = Signals()
    signals.book(Supply(1, stall_ns=SECOND, kswapd_ns=2 * SECOND), 0, is_alone=False)
    signals.book(Supply(1, stall_ns=SECOND), 5 * SECOND, is_alone=True)
    signals.pressure.count(10 * SECOND)
    assert signals.pressure.some.total_ns == 3 * SECOND
    assert signals.pressure.full.total_ns == SECOND


def test_gauges_have_the_names_that_an_agent_asks_for() -> None:
    """Load over one and five minutes, beside pressure and kills."""
    values = {gauge.name: gauge.value for gauge in Signals().gauges(0)}
    assert values["host_load1"] == values["host_load5"] == 0
    assert values["host_memory_pressure_some_seconds_total"] == 0
    assert values["host_oom_kills_total"] == 0


def test_vmstat_shows_the_counters() -> None:
    """Counters by their kernel names, behind the pages of the node."""
    signals = Signals()
    signals.counters.oom_kill = 3
    text = signals.vmstat(small_guest().node)
    assert text.startswith("nr_free_pages 504\n")
    assert text.endswith("oom_kill 3\n")


def test_fork_is_independent() -> None:
    """What happens to the copy does not happen to the original."""
    signals = Signals()
    copy = signals.fork()
    assert copy.state() == signals.state()
    copy.counters.oom_kill += 1
    copy.log.write(0, "hello")
    assert signals.state() == Signals().state()
