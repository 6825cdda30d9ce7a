"""One rule: skip, count and probability, its own stream, its window, what it matches."""

from hypothesis import given
from hypothesis import strategies as st

from app.guest.faults.kinds import FaultKind
from app.guest.faults.rule import FaultSpec, Match, Rule


def _strokes(rule: Rule, nr_opportunities: int) -> list[bool]:
    return [rule.strikes() for _ in range(nr_opportunities)]


def test_rule_skips_then_strikes_as_often_as_counted() -> None:
    """Two pass, three are struck, the rest pass; all of them are seen."""
    rule = Rule(1, FaultSpec(kind=FaultKind.DEVICE_BUSY, skip=2, count=3), seed=0)
    assert _strokes(rule, 7) == [False, False, True, True, True, False, False]
    assert (rule.seen, rule.hits) == (7, 3)


@given(seed=st.integers(0, 2**63 - 1), probability=st.floats(0, 1))
def test_rule_draws_the_same_for_equal_seeds(seed: int, probability: float) -> None:
    """Chance depends on the seed alone; a copy in the middle goes on as the original does."""
    spec = FaultSpec(kind=FaultKind.DEVICE_BUSY, probability=probability)
    one, other = Rule(1, spec, seed), Rule(1, spec, seed)
    assert _strokes(one, 20) == _strokes(other, 20)
    copy = one.fork()
    assert copy.state() == one.state()
    assert _strokes(copy, 20) == _strokes(one, 20)


def test_probability_is_met_on_average() -> None:
    """Of 2000 opportunities a quarter is struck, give or take; of certain ones all, of impossible ones none."""
    for probability, lowest, highest in ((0.25, 400, 600), (1.0, 2000, 2000), (0.0, 0, 0)):
        rule = Rule(1, FaultSpec(kind=FaultKind.DEVICE_BUSY, probability=probability), seed=7)
        assert lowest <= sum(_strokes(rule, 2000)) <= highest


def test_window_is_open_from_its_beginning_to_before_its_end() -> None:
    """Half-open; without a duration it has no end, and never begun it is never open."""
    rule = Rule(1, FaultSpec(kind=FaultKind.GUEST_SLOW, factor=2, duration_us=3), seed=0)
    assert not rule.is_in_force(0)
    rule.begin(10_000)
    assert [rule.is_in_force(now_ns) for now_ns in (9_999, 10_000, 12_999, 13_000)] == [
        False,
        True,
        True,
        False,
    ]
    endless = Rule(2, FaultSpec(kind=FaultKind.GUEST_HUNG), seed=0)
    endless.begin(10_000)
    assert endless.is_in_force(10**18)


def test_match_touches_ranges_that_overlap_it() -> None:
    """[100, 200) is touched from both sides and inside, not by its neighbours; open ends reach on."""
    match = Match(start_addr=100, end_addr=200)
    assert [match.touches(*span) for span in ((0, 100), (0, 101), (150, 160), (199, 300), (200, 300))] == [
        False,
        True,
        True,
        True,
        False,
    ]
    assert Match(start_addr=100).touches(10**12, 10**12 + 1)
    assert Match().is_any
    assert not match.is_any


def test_guest_faults_with_a_match_wait_for_a_request() -> None:
    """A crash without match begins by itself; with one it is set off by what the device is asked."""
    assert FaultSpec(kind=FaultKind.GUEST_CRASH).is_timed
    waiting = FaultSpec(kind=FaultKind.GUEST_CRASH, match=Match(request="unplug"))
    assert waiting.is_at_requests
    assert not waiting.is_timed
    # A driver that is absent is so at once, whichever driver it is.
    assert FaultSpec(kind=FaultKind.DRIVER_ABSENT, match=Match(device="vm0")).is_timed
