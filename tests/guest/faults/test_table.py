"""The rules of a guest: numbers, seeds, which strike, and what they do to the guest as a whole."""

import pytest

from app.errors import CapacityError, Unknown
from app.guest.clock import SimulatedClock
from app.guest.condition import Condition, Health
from app.guest.cost import Pace
from app.guest.faults.kinds import FaultKind
from app.guest.faults.rule import FaultSpec, Match, Rule
from app.guest.faults.table import LARGEST_NR_RULES, RuleTable
from app.trace.events import ConditionChanged, FaultStruck
from app.trace.sink import ListSink

BUSY = FaultSpec(kind=FaultKind.DEVICE_BUSY)


def _table(sink: ListSink | None = None) -> RuleTable:
    clock = SimulatedClock()
    return RuleTable(clock, Condition(clock), Pace(), seed=1, sink=ListSink() if sink is None else sink)


def _striking(table: RuleTable, device: str = "vm0", **about: object) -> list[int]:
    rules = table.striking({FaultKind.DEVICE_BUSY}, device, **about)  # type: ignore[arg-type]  # tests name the members
    return [rule.id for rule in rules]


def test_numbers_of_rules_are_never_used_again() -> None:
    """A rule that is gone leaves a gap; an unknown number names those that there are."""
    table = _table()
    assert [table.add(BUSY).id for _ in range(3)] == [1, 2, 3]
    table.remove(2)
    assert table.add(BUSY).id == 4
    with pytest.raises(Unknown, match="1, 3, 4"):
        table.get(2)


def test_rules_have_a_limit_that_is_told() -> None:
    """One more than the limit is refused, and nothing is changed."""
    table = _table()
    for _ in range(LARGEST_NR_RULES):
        table.add(BUSY)
    with pytest.raises(CapacityError, match=str(LARGEST_NR_RULES)):
        table.add(BUSY)
    assert len(table) == LARGEST_NR_RULES


def test_rules_without_seed_have_streams_of_their_own() -> None:
    """Two alike rules draw differently; one with a seed draws as that seed says, wherever it stands."""
    table = _table()
    seeds = {table.add(BUSY).seed for _ in range(4)}
    assert len(seeds) == 4
    assert all(0 <= seed < 2**53 for seed in seeds)
    assert table.add(FaultSpec(kind=FaultKind.DEVICE_BUSY, seed=5)).seed == 5


def test_only_rules_that_match_are_asked_in_order() -> None:
    """Device, request and addresses decide; who does not match has seen nothing."""
    table = _table()
    table.add(FaultSpec(kind=FaultKind.DEVICE_BUSY, match=Match(device="vm1")))
    table.add(FaultSpec(kind=FaultKind.DEVICE_BUSY, match=Match(request="plug")))
    table.add(FaultSpec(kind=FaultKind.DEVICE_BUSY, match=Match(start_addr=100)))
    table.add(FaultSpec(kind=FaultKind.CONTIG_BUSY))
    assert _striking(table, request="plug", span=(0, 101)) == [2, 3]
    assert _striking(table, request="unplug", span=(0, 100)) == []
    assert _striking(table, device="vm1", request="unplug") == [1, 3]
    assert [rule.seen for rule in table] == [1, 1, 2, 0]


def test_stroke_is_told_and_takes_its_time() -> None:
    """Each stroke is an event, and its delay is lost to whoever acts."""
    sink = ListSink()
    table = _table(sink)
    table.add(FaultSpec(kind=FaultKind.DEVICE_BUSY, delay_us=7))
    assert _striking(table) == [1]
    assert table.pace.take_delay_ns() == 7_000
    assert table.pace.take_delay_ns() == 0
    assert sink.events == [FaultStruck(1, "device_busy", "vm0", 0)]


def test_changed_rule_goes_on_counting_and_draws_anew_with_another_seed() -> None:
    """Counters stay; the stream stays too, unless the seed is another."""
    table = _table()
    rule = table.add(FaultSpec(kind=FaultKind.DEVICE_BUSY, probability=0.5, seed=1))
    for _ in range(8):
        rule.strikes()
    place = rule.stream.state()
    changed = table.change(rule.id, FaultSpec(kind=FaultKind.DEVICE_BUSY, probability=0.9, seed=1))
    assert (changed.seen, changed.stream.state()) == (8, place)
    other = table.change(rule.id, FaultSpec(kind=FaultKind.DEVICE_BUSY, seed=2))
    assert (other.seen, other.hits) == (8, rule.hits)
    assert other.stream.state() == Rule(1, BUSY, seed=2).stream.state()


def test_open_windows_slow_and_stop_the_guest() -> None:
    """Factors multiply; a hang lasts as long as one window is open; each change of condition is told once."""
    sink = ListSink()
    table = _table(sink)
    for factor in (2.0, 3.0):
        table.add(FaultSpec(kind=FaultKind.GUEST_SLOW, factor=factor)).begin(0)
    hangs = [table.add(FaultSpec(kind=FaultKind.GUEST_HUNG, duration_us=us)) for us in (5, 9)]
    for rule in hangs:
        rule.begin(0)
    table.refresh()
    assert table.pace.slowness == 6
    assert table.condition.health is Health.HUNG
    table.clock.advance(5_000)
    table.refresh()
    assert table.condition.health is Health.HUNG
    table.clock.advance(4_000)
    table.refresh()
    assert table.condition.is_running
    assert sink.events == [ConditionChanged("hung", "", 0), ConditionChanged("running", "", 9)]


def test_copy_of_a_table_is_in_the_same_state() -> None:
    """Numbers, counters and streams are the copy's own."""
    table, copy = _table(), _table()
    table.add(FaultSpec(kind=FaultKind.DEVICE_BUSY, probability=0.5))
    _striking(table)
    copy.take_over(table)
    assert copy.state() == table.state()
    _striking(copy)
    assert copy.state() != table.state()
    assert copy.add(BUSY).id == 2
    assert _table().state() == ()
