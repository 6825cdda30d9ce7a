"""Comparing kernels in a scenario: rows by case, policy and fallback; middle states; refusals of single rows."""

from typing import Any

import pytest

from app.errors import InvalidValue
from app.guest.compare import DEFAULT_POLICIES, plan_variants
from app.scenario.catalog import packaged_scenario
from app.scenario.compare import plan_rows, play_row
from app.scenario.script import Actor, AreaSpec, Case, Contig, PictureStart, Scenario, Turn

TWO_HALVES = PictureStart("|........|........|", types="CM", areas=(AreaSpec("half", 0, 8),))


def scenario_of(start: PictureStart) -> Scenario:
    """One case: somebody takes the first pageblock."""
    actors = (Actor("a", (Contig(0, 8),)),)
    return Scenario("X01", "a test", "", (Case("first half", start, actors, (Turn("a", "end"),), ()),))


def rows_of(scenario: Scenario, policies: tuple[str, ...], *fallbacks: tuple[str, ...]) -> list[Any]:
    """The rows of all cases."""
    variants = plan_variants(policies, fallbacks)
    planned = plan_rows(scenario, variants, has_fallbacks=bool(fallbacks))
    return [play_row(case, policy) for case, policy in planned]


def test_each_case_is_played_under_each_policy() -> None:
    """Rows by case, then by policy, each once; a picture has no driver, so no fallback."""
    scenario = packaged_scenario("S08")
    rows = rows_of(scenario, (*DEFAULT_POLICIES, "linux-5.19"))
    assert [(row["case"], row["policy"]) for row in rows] == [
        (case.name, policy) for case in scenario.cases for policy in DEFAULT_POLICIES
    ]
    assert {row["fallback"] for row in rows} == {None}
    assert all(row["played"]["ends"][0]["steps"] == [] for row in rows if row["played"])


def test_rows_tell_what_rfc_v1_breaks_and_later_kernels_do_not() -> None:
    """S08's first race: the RFC counts a pageblock too much (INV-8), 5.19 is wrong only on the way, 6.10 never."""
    policies = ("rfc-v1", "linux-5.19", "linux-6.10")
    rfc, linux_519, linux_610 = rows_of(packaged_scenario("S08"), policies)[:3]
    assert [(law["id"], law["weight"]) for law in rfc["broken"]] == [("INV-8", "finding")]
    assert linux_519["broken"] == linux_610["broken"] == []
    assert "INV-8" in linux_519["broken_meanwhile"]
    assert linux_610["broken_meanwhile"] == []
    free = [row["played"]["ends"][0]["nr_free"] for row in (rfc, linux_519, linux_610)]
    assert free == [7, 3, 3]


def test_guest_starts_are_played_with_each_fallback() -> None:
    """S28's cases start from guests: each policy has a row for each list of levels."""
    scenario = packaged_scenario("S28")
    levels = (("memory_block", "pageblock"), ("memory_block", "chunk", "pageblock"))
    rows = rows_of(scenario, ("linux-5.19",), *levels)
    assert [row["fallback"] for row in rows] == [list(chosen) for chosen in levels] * len(scenario.cases)


def test_fallbacks_where_no_driver_is_are_refused() -> None:
    """Nobody would use them."""
    with pytest.raises(InvalidValue, match="no case of S08 starts from a guest"):
        rows_of(packaged_scenario("S08"), ("linux-5.19",), ("pageblock",))


def test_start_that_a_policy_cannot_have_is_refused_alone() -> None:
    """C-7: half a chunk cannot be a CMA area on 5.15; 6.17 plays."""
    old, new = rows_of(scenario_of(TWO_HALVES), ("linux-5.15", "linux-6.17"))
    assert (old["played"], new["refusal"]) == (None, None)
    assert old["refusal"]
    assert new["played"]["ends"][0]["results"] == {"a": "EBUSY@isolate"}


def test_schedule_that_a_policy_cannot_follow_is_refused_alone() -> None:
    """A turn of somebody who has ended: said in the row, in the schedule's words."""
    scenario = scenario_of(PictureStart("|........|........|"))
    case = scenario.cases[0]
    longer = Case(case.name, case.start, case.actors, (*case.schedule, Turn("a", times=9)), ())
    row = play_row(longer, "linux-6.17")
    assert (row["played"], row["broken"]) == (None, [])
    assert "schedule" in str(row["refusal"])


def test_every_order_tells_what_broke_on_the_way_of_any() -> None:
    """S10: rfc-v1 breaks INV-4, INV-8 and INV-10 in the middle of each order, and 6.17 in none."""
    case = packaged_scenario("S10").cases[-1]
    rfc, linux = (play_row(case, policy) for policy in ("rfc-v1", "linux-6.17"))
    assert rfc["broken_meanwhile"] == ["INV-4", "INV-8", "INV-10"]
    assert (rfc["broken"], linux["broken_meanwhile"]) == ([], [])


def test_levels_are_those_that_the_driver_has() -> None:
    """5.15 takes chunks where pageblocks are asked for (8.6); a refused row has what was asked."""
    three = packaged_scenario("S28").cases[1]
    assert three.fallback == ("memory_block", "chunk", "pageblock")
    assert play_row(three, "linux-5.15")["fallback"] == ["memory_block", "chunk"]
    assert play_row(three, "linux-6.17")["fallback"] == list(three.fallback)
