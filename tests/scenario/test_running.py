"""Cases played under a policy, and compared with what their file expects."""

import pytest

from app.errors import InvalidValue, Unknown
from app.mm.page import PageKind
from app.scenario import running
from app.scenario.reading.scenario import read_scenario
from app.scenario.running import find_case, policies_of, retrace, run_case, run_scenario
from app.scenario.scheduling import ScheduleImpossible
from app.scenario.script import Allocate, Contig, Expectation, PictureStart, PolicyExpectation
from tests.scenario.plays import ONE_PAGE, make_case

ORDER_3 = Allocate(PageKind.ANON, order=3)
# S08 on MOVABLE pages: a page is taken between isolation and test.
RACE = """
id: race
title: A racing allocation
start: "|....|....|"
actors:
  A: {contig: [4, 8]}
  R: {allocate: anon}
cases:
  - name: after the isolation
    schedule: A:drain R A:end
    expect:
      rfc-v1: {A: OK, R: OK at 0, nr_free: 7, findings: [INV-8], after: {0: {nr_free: 8}, 1: {types: MI}}}
      linux-6.17: {A: OK, R: OK at 0, nr_free: 3, findings: []}
  - name: in every order
    schedule: every
    expect:
      linux-6.17: {A: OK, R: OK, nr_free: 3, findings: [], some: [{R: OK at 0}]}
"""


def test_scenario_agrees_case_by_case_and_policy_by_policy() -> None:
    """Each case under each policy of which it says something, in the order of the file."""
    outcomes = list(run_scenario(read_scenario(RACE)))
    assert [(outcome.case, outcome.policy, outcome.agrees) for outcome in outcomes] == [
        ("after the isolation", "rfc-v1", True),
        ("after the isolation", "linux-6.17", True),
        ("in every order", "linux-6.17", True),
    ]
    assert [outcome.nr_orders > 1 for outcome in outcomes] == [False, False, True]


def test_steps_lead_from_the_start_to_the_end() -> None:
    """Turn 0 is the start; every section has its moment."""
    outcome = run_case(read_scenario(RACE).cases[0], "rfc-v1")
    (end,) = outcome.ends
    assert (end.steps[0].turn, end.steps[0].point) == (0, "start")
    assert [step.turn for step in end.steps] == sorted(step.turn for step in end.steps)
    assert end.order == tuple(step.actor for step in end.steps[1:])
    assert end.moment == end.steps[-1].moment


def test_difference_is_told_with_its_moment() -> None:
    """At the start, after a turn, at the end."""
    text = RACE.replace("nr_free: 7", "nr_free: 6").replace("{nr_free: 8}", "{nr_free: 9}")
    outcome = next(iter(run_scenario(read_scenario(text), policies=("rfc-v1",))))
    assert not outcome.agrees
    assert [difference.where for difference in outcome.differences] == ["at the start", "at the end"]


def test_policy_without_expectation_is_played_and_not_judged() -> None:
    """There is nothing to compare it with; switches may be said as well."""
    case = read_scenario(RACE).cases[0]
    outcome = run_case(case, "linux-6.17+undo_type=caller")
    assert (outcome.is_expected, outcome.agrees) == (False, True)
    assert outcome.policy not in policies_of(case) == ["rfc-v1", "linux-6.17"]


def test_every_order_must_end_as_expected() -> None:
    """One that does not is told with the order."""
    hopes = PolicyExpectation(("linux-5.19",), Expectation(results={"A": "OK", "B": "OK"}))
    outcome = run_case(make_case("|....|....|", ORDER_3, ONE_PAGE, expect=(hopes,)), "linux-5.19")
    assert [(difference.what, difference.where) for difference in outcome.differences] == [
        ("result of B", "in the order A B"),
        ("result of A", "in the order B A"),
    ]
    assert (outcome.nr_orders, outcome.nr_ends, len(outcome.ends)) == (2, 2, 2)


def test_some_order_must_end_as_hoped() -> None:
    """One that no order brings is told with the nearest that was seen."""
    some = (Expectation(results={"A": "OK"}), Expectation(results={"A": "OK", "B": "OK"}))
    hopes = PolicyExpectation(("linux-5.19",), Expectation(), some=some)
    (difference,) = run_case(
        make_case("|....|....|", ORDER_3, ONE_PAGE, expect=(hopes,)), "linux-5.19"
    ).differences
    assert difference.what == "some end, number 2"
    assert difference.where == "in none of 2 orders"


def test_retrace_tells_the_moments_of_one_order() -> None:
    """Each section is a turn of its own, and the end is the one that was seen."""
    case = make_case("|....|....|", Contig(4, 8), ONE_PAGE)
    for end in run_case(case, "linux-5.19").ends:
        steps = retrace(case, "linux-5.19", end.order)
        assert [step.turn for step in steps] == list(range(len(end.order) + 1))
        assert steps[-1].moment == end.moment


def test_case_and_policy_that_do_not_exist_are_named() -> None:
    """A case by its name, a policy by its text."""
    scenario = read_scenario(RACE)
    assert find_case(scenario, "in every order") is scenario.cases[1]
    with pytest.raises(Unknown, match="no case is named 'nowhere'"):
        list(run_scenario(scenario, case="nowhere"))
    with pytest.raises(Unknown, match="no policy is named 'linux-9'"):
        list(run_scenario(scenario, policies=("linux-9",)))
    with pytest.raises(InvalidValue):
        list(run_scenario(scenario, policies=("linux-5.15+merge_rule=never",)))


def test_case_that_a_policy_cannot_have_is_told_and_the_others_played() -> None:
    """Its schedule names a point that this kernel does not come to; asked for by name, it is an error."""
    scenario = read_scenario(
        RACE.replace("A:drain R", "A:cut R").replace("linux-6.17: {A: OK, R: OK at 0", "linux-5.19: {A: OK")
    )
    refused, played = run_scenario(scenario, policies=("linux-6.16",))
    assert refused.refusal == "schedule, turn 1, A:cut: A has ended without passing 'cut'"
    assert (refused.agrees, refused.ends, refused.nr_orders) == (True, (), 0)
    assert (played.refusal, len(played.ends)) == ("", 1)
    with pytest.raises(ScheduleImpossible) as asked:
        list(run_scenario(scenario, policies=("linux-6.16",), case="after the isolation"))
    place = "scenario, line 10: case 'after the isolation', linux-6.16: "
    assert str(asked.value) == asked.value.detail == place + refused.refusal


def test_schedule_that_cannot_be_followed_is_an_error() -> None:
    """Whatever is expected."""
    case = make_case("|....|....|", ONE_PAGE, schedule="A A")
    with pytest.raises(ScheduleImpossible, match="turn 2, A x1: A has ended"):
        run_case(case, "linux-5.19")


@pytest.mark.parametrize("schedule", ["A", "every"])
def test_start_that_breaks_a_law_itself_is_no_difference(schedule: str) -> None:
    """A reserve that is drawn too low stays so, and the findings tell it."""
    start = PictureStart("|....|....|", types="HM", nr_reserved_highatomic=0)
    outcome = run_case(make_case(start, ONE_PAGE, schedule=schedule), "linux-6.17")
    assert outcome.ends[0].moment.findings == ("INV-12",)
    assert outcome.differences == ()


def test_many_ends_are_counted_and_the_first_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """All are compared, whether they are kept or not."""
    monkeypatch.setattr(running, "_MOST_ENDS", 1)
    hopes = PolicyExpectation(("linux-5.19",), Expectation(results={"A": "OK"}))
    outcome = run_case(make_case("|....|....|", ORDER_3, ONE_PAGE, expect=(hopes,)), "linux-5.19")
    assert (outcome.nr_ends, len(outcome.ends)) == (2, 1)
    assert [difference.where for difference in outcome.differences] == ["in the order B A"]
