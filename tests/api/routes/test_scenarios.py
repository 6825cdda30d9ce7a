"""/v1/scenarios: listed, shown, run; and files of a caller's own, refused with the line of what is wrong."""

import pytest

from app.api.schemas.scenarios import Scenario, ScenarioRun, Scenarios
from tests.api.caller import JSON, Caller, in_pieces

MINE = b"""
id: mine
title: A race for one page
start: "|....|....|"
actors:
  A: {contig: [4, 8]}
  R: {allocate: anon}
schedule: A:drain R A:end
expect:
  rfc-v1: {A: OK, R: OK at 0, nr_free: 7, findings: [INV-8]}
"""
RUN = "/v1/scenarios/run"


def run_mine(caller: Caller, content: bytes = MINE, **query: object) -> JSON:
    """Sends a file and returns the run, which must be one."""
    answer = caller.call("POST", RUN, content=content, params=query)
    assert answer.status_code == 200, answer.text
    ScenarioRun.model_validate(answer.json(), strict=True)
    return answer.json()


def test_list_names_every_scenario(caller: Caller) -> None:
    """S01 to S39, with cases and policies."""
    listed = Scenarios.model_validate(caller.get("/v1/scenarios").json(), strict=True).scenarios
    assert [scenario.id for scenario in listed] == [f"S{number:02}" for number in range(1, 40)]
    assert all(scenario.policies for scenario in listed)


def test_show_has_cases_and_the_file(caller: Caller) -> None:
    """What one needs to start one's own."""
    shown = Scenario.model_validate(caller.get("/v1/scenarios/S08").json(), strict=True)
    assert "rfc-v1" in shown.file
    assert shown.cases[0].actors["R"] == "allocate anon order 0"
    assert caller.get("/v1/scenarios/S99").status_code == 404


def test_run_compares_each_policy_with_what_is_expected(caller: Caller) -> None:
    """Only the policies that were named, with steps when they were asked for."""
    answer = caller.post("/v1/scenarios/S14/run", {"policies": ["rfc-v1", "no-guard"], "steps": True})
    run = ScenarioRun.model_validate(answer.json(), strict=True)
    assert [(outcome.policy, outcome.agrees) for outcome in run.outcomes] == [
        ("rfc-v1", True),
        ("no-guard", True),
    ]
    assert run.agrees
    assert [step.turn for step in run.outcomes[0].ends[0].steps] == [0, 1]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"policies": ["linux-9"]}, "policy"),
        ({"case": "nowhere"}, "case"),
        ({"policies": "rfc-v1"}, "policies"),
        ({"steps": 1}, "steps"),
        ({"watch": True}, "watch"),
    ],
)
def test_run_refuses_what_it_does_not_know(caller: Caller, body: JSON, field: str) -> None:
    """422, with the field that is wrong."""
    answer = caller.post("/v1/scenarios/S14/run", body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_run_of_an_unknown_scenario_is_404(caller: Caller) -> None:
    """Its path does not exist."""
    assert caller.post("/v1/scenarios/S99/run", {}).status_code == 404


def test_file_of_ones_own_is_run(caller: Caller) -> None:
    """As a whole or in pieces; without expectations there is nothing to differ from."""
    assert run_mine(caller)["agrees"] is True
    assert caller.call("POST", RUN, content=in_pieces(MINE, 7)).json()["agrees"] is True
    (outcome,) = run_mine(caller, policy="linux-6.17", steps=True)["outcomes"]
    assert (outcome["is_expected"], outcome["ends"][0]["nr_free"]) == (False, 3)
    assert len(outcome["ends"][0]["steps"]) > 1


def test_file_that_expects_otherwise_is_a_normal_answer(caller: Caller) -> None:
    """What differs is told, where and how."""
    (outcome,) = run_mine(caller, MINE.replace(b"nr_free: 7", b"nr_free: 3"))["outcomes"]
    assert outcome["differences"] == [
        {"what": "nr_free", "expected": "3", "found": "7", "where": "at the end"}
    ]


@pytest.mark.parametrize(
    ("content", "line", "column"),
    [
        (MINE.replace(b"[4, 8]", b"[8, 4]"), 6, 7),
        (MINE.replace(b"A:drain R", b"A:drain Q"), 8, 1),
        (MINE.replace(b"id: mine", b"id: mine\nid: again"), 3, 1),
        (b"", 1, 1),
    ],
)
def test_wrong_file_is_refused_with_line_and_column(
    caller: Caller, content: bytes, line: int, column: int
) -> None:
    """A problem that a program can point with."""
    answer = caller.call("POST", RUN, content=content)
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert (problem["line"], problem["column"]) == (line, column)
    assert problem["detail"].startswith(f"body, line {line}: ")


def test_schedule_that_cannot_be_followed_is_refused_with_its_turn(caller: Caller) -> None:
    """The file is well formed, and asks for what does not come: where, and under which policy."""
    answer = caller.call("POST", RUN, content=MINE.replace(b"A:drain R A:end", b"R R A:end"))
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["detail"] == "body, line 8: rfc-v1: schedule, turn 2, R x1: R has ended"
    assert (problem["policy"], problem["line"], problem["column"]) == ("rfc-v1", 8, 1)


def test_file_that_is_too_large_or_no_text_is_refused(caller: Caller) -> None:
    """64 KiB are enough for a question."""
    answer = caller.call("POST", RUN, content=b"#" * (64 * 1024 + 1))
    assert (answer.status_code, answer.json()["limit"]) == (413, 64 * 1024)
    answer = caller.call("POST", RUN, content=b"id: \xff\xfe")
    assert (answer.status_code, answer.json()["field"]) == (422, "body")


def test_run_leaves_no_guest_behind(caller: Caller) -> None:
    """A scenario's guest is its own."""
    assert caller.post("/v1/scenarios/S31/run", {"policies": ["linux-6.17"]}).json()["agrees"] is True
    assert caller.get("/v1/guests").json() == {"guests": []}
