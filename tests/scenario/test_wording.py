"""Scenarios and outcomes in words and JSON-ready."""

import json

import pytest

from app.mm.outcome import Caller
from app.mm.page import Migratetype, PageKind
from app.scenario import script
from app.scenario.reading.scenario import read_scenario
from app.scenario.running import run_case
from app.scenario.wording import (
    describe_briefly,
    describe_outcome,
    describe_scenario,
    word_act,
    word_schedule,
    word_start,
)
from app.units import MIB
from tests.scenario.plays import GUEST, make_case, turns_of

TEXT = """
id: tiny
title: A question
about: Why?
start: {pages: "|....|....|", types: CM}
actors: {A: [{allocate: anon, order: 1}, {free: [0, 8]}]}
schedule: A*2 A:end
expect: {linux-5.19 linux-6.17: {A: OK}}
"""


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (script.Contig(0, 4), "contig [0, 4)"),
        (script.Contig(0, 4, Caller.CMA, is_interrupted=True), "contig [0, 4) as cma, interrupted"),
        (script.Contig(0, 4, kind=PageKind.OFFLINE), "contig [0, 4), pages become offline"),
        (script.Isolate(0, 4, Caller.MEMORY_OFFLINE), "isolate [0, 4) as memory_offline"),
        (script.Undo(0, 4), "undo [0, 4)"),
        (script.Allocate(PageKind.ANON), "allocate anon order 0"),
        (
            script.Allocate(PageKind.UNMOVABLE, 1, 3, is_cma_allowed=False, is_highatomic=True),
            "allocate unmovable order 1 x3, no cma, highatomic",
        ),
        (script.AllocateAt(PageKind.PINNED, 7), "allocate pinned order 0 at 7"),
        (script.Free(0, 8), "free [0, 8)"),
        (script.Unreserve(Migratetype.MOVABLE, is_forced=True), "unreserve movable, forced"),
        (script.DeclareArea(script.AreaSpec("X", 0, 8)), "declare X [0, 8)"),
        (script.CmaAlloc("X", 4), "cma_alloc 4 of X"),
        (script.CmaRelease("X", 0, 4), "cma_release [0, 4) of X"),
        (script.OfflineMemory(0, 8), "offline [0, 8)"),
        (script.Resize(0), "resize to 0 B"),
        (script.Resize(MIB, busy=2, change=(3, 2 * MIB)), "resize to 1 MiB, busy 2, request 3: to 2 MiB"),
    ],
)
def test_act_is_worded_with_all_that_matters(act: script.Act, words: str) -> None:
    """What is as usual is not said."""
    assert word_act(act) == words


def test_start_and_schedule_are_worded_in_one_line() -> None:
    """A picture as it is drawn, a guest by its sizes, turns as a file writes them."""
    assert word_start(script.PictureStart("|....|\n|....|", types="CM")) == "|....| |....| types CM"
    assert word_start(GUEST) == ("guest x86-64: boot 1 GiB, device 128 MiB, requested 128 MiB, online_kernel")
    assert word_schedule(turns_of("A:cut B*3 A:end B")) == "A:cut B*3 A:end B"
    assert word_schedule("every") == "every"


def test_scenario_is_described_in_short_and_in_full() -> None:
    """JSON-ready, with the policies of which it says something."""
    scenario = read_scenario(TEXT)
    assert describe_briefly(scenario) == {
        "id": "tiny",
        "title": "A question",
        "cases": [""],
        "policies": ["linux-5.19", "linux-6.17"],
    }
    described = describe_scenario(scenario)
    (case,) = json.loads(json.dumps(described))["cases"]
    assert case["actors"] == {"A": "allocate anon order 1; free [0, 8)"}
    assert (case["schedule"], case["start"]) == ("A*2 A:end", "|....|....| types CM")


def test_outcome_is_described_with_ends_steps_and_differences() -> None:
    """What a caller over HTTP reads."""
    outcome = run_case(read_scenario(TEXT.replace("A: OK}}", "A: EBUSY}}")).cases[0], "linux-5.19")
    described = json.loads(json.dumps(describe_outcome(outcome)))
    assert (described["agrees"], described["is_expected"], described["nr_orders"]) == (False, True, 1)
    assert described["differences"] == [
        {"what": "result of A", "expected": "EBUSY", "found": "OK", "where": "at the end"}
    ]
    (end,) = described["ends"]
    assert end["order"] == ["A", "A"]
    assert [(step["turn"], step["point"], step["pfn"]) for step in end["steps"]] == [
        (0, "start", None),
        (1, "allocate", 4),
        (1, "free", None),
    ]
    assert end["steps"][1]["pages"] == "|....|M-..|"


def test_case_without_name_keeps_its_empty_name() -> None:
    """A file without cases is one."""
    assert describe_outcome(run_case(make_case("|....|....|", script.Free(0, 4)), "rfc-v1"))["case"] == ""
