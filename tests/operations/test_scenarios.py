"""Scenarios as operations: played in a thread, one at a time, and never for ever."""

import asyncio
from typing import Any, cast

import pytest

from app.errors import CapacityError, InvalidValue, ScenarioInvalid, Unknown
from app.operations import scenarios
from app.operations.scenarios import Wanted, find, play, run_packaged, run_text, show, summaries
from app.operations.service import Service
from app.scenario.catalog import scenario_ids
from tests.operations.stage import play as play_scene

MINE = """
id: mine
title: One page
start: "|....|....|"
actors: {A: {allocate: anon}}
schedule: every
expect: {linux-5.19: {A: OK at 0}}
"""


def test_scenarios_are_listed_and_shown() -> None:
    """In short, and one with its file."""

    async def scene(service: Service) -> None:
        listed = await summaries(service)
        assert [scenario["id"] for scenario in listed] == list(scenario_ids())
        shown = await show(service, "S08")
        assert str(shown["file"]).startswith("id: S08\n")
        with pytest.raises(Unknown, match="no scenario is named 'S99'"):
            await show(service, "S99")

    play_scene(scene)


def test_packaged_scenario_is_run_as_wanted() -> None:
    """Only the policies and the case that were named; steps only when they are."""

    async def scene(service: Service) -> None:
        wanted = Wanted(policies=("rfc-v1",), case=find("S08").cases[0].name)
        run = await run_packaged(service, "S08", wanted)
        (outcome,) = cast("list[Any]", run["outcomes"])
        assert (run["agrees"], outcome["policy"], outcome["ends"][0]["steps"]) == (True, "rfc-v1", [])
        with pytest.raises(Unknown):
            await run_packaged(service, "S99", wanted)

    play_scene(scene)


def test_steps_are_kept_or_traced_anew() -> None:
    """Where all orders were played, each end is played once more."""
    (outcome,) = play(scenarios.read_scenario(MINE), Wanted(has_steps=True))
    assert [step.point for step in outcome.ends[0].steps] == ["start", "allocate"]
    (outcome,) = play(scenarios.read_scenario(MINE), Wanted())
    assert outcome.ends[0].steps == ()


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Wanted(policies=("linux-9",)), "policy is 'linux-9'"),
        (Wanted(case="other"), "case is 'other'"),
        (Wanted(policies=("linux-5.15+colour=red",)), "policy switch is 'colour'"),
    ],
)
def test_what_does_not_exist_is_a_wrong_value(wanted: Wanted, words: str) -> None:
    """The path is right, the body is not."""
    with pytest.raises(InvalidValue, match=words):
        list(play(scenarios.read_scenario(MINE), wanted))
    with pytest.raises(InvalidValue, match="scenario is 'S99'"):
        find("S99")


def test_text_of_a_caller_is_run_or_refused_with_its_line() -> None:
    """Line and column count from 1."""

    async def scene(service: Service) -> None:
        assert (await run_text(service, MINE, Wanted()))["agrees"] is True
        with pytest.raises(ScenarioInvalid) as refused:
            await run_text(service, MINE.replace("anon", "colour"), Wanted())
        assert (refused.value.members["line"], refused.value.members["column"]) == (5, 14)

    play_scene(scene)


def test_runs_wait_for_each_other() -> None:
    """Playing is Python and takes a processor: one at a time."""

    async def scene(service: Service) -> None:
        async with service.playing:
            waiting = asyncio.ensure_future(run_text(service, MINE, Wanted()))
            await asyncio.sleep(0.05)
            assert not waiting.done()
        assert (await waiting)["agrees"] is True

    play_scene(scene)


@pytest.mark.parametrize(
    ("limit", "words"), [("MOST_SECONDS", "more than -1 s"), ("MOST_LETTERS", "more than -1 pages")]
)
def test_run_that_is_too_much_is_given_up(monkeypatch: pytest.MonkeyPatch, limit: str, words: str) -> None:
    """Between two policies the time is looked at, and how long the answer has become."""
    monkeypatch.setattr(scenarios, limit, -1)

    async def scene(service: Service) -> None:
        with pytest.raises(CapacityError, match=f"1 outcomes are {words}.*: ask for fewer"):
            await run_text(service, MINE, Wanted(policies=("rfc-v1", "linux-5.19")))

    play_scene(scene)


def test_steps_are_told_as_far_as_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many ends the first have their steps."""
    monkeypatch.setattr(scenarios, "MOST_STEPS", 2)
    text = MINE.replace("A: {allocate: anon}", "A: {allocate: unmovable, order: 3}, B: {allocate: anon}")
    (outcome,) = play(scenarios.read_scenario(text), Wanted(policies=("linux-6.17",), has_steps=True))
    assert [len(end.steps) for end in outcome.ends] == [3, 0]
