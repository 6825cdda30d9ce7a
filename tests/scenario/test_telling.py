"""Outcomes and steps as text for a terminal."""

from app.scenario.catalog import packaged_scenario
from app.scenario.reading.scenario import read_scenario
from app.scenario.running import run_case, run_scenario
from app.scenario.script import Contig, Free, PictureStart
from app.scenario.telling import WIDTH, Tone, tell_outcome, tell_scenario, tell_steps
from tests.scenario.plays import ONE_PAGE, make_case

TEXT = """
id: tiny
title: A question
about: |
  Why is it so?

  Because.
start: {pages: "|....|....|", types: CM}
actors: {A: {allocate: anon}, B: {free: [0, 8]}}
expect: {linux-5.19: {A: OK at 4, nr_free: 8}}
"""


def texts(lines: object) -> list[str]:
    """Returns the texts of lines, each of which has room in a terminal."""
    found = [line.text for line in lines]  # type: ignore[attr-defined]  # an iterator of lines
    assert all(len(text) <= WIDTH for text in found), max(found, key=len)
    return found


def test_scenario_is_told_with_its_question_and_cases() -> None:
    """Paragraphs stay apart; a case has its start, actors and order."""
    assert texts(tell_scenario(read_scenario(TEXT))) == [
        "tiny  A question",
        "  Why is it so?",
        "  Because.",
        "",
        "the only case",
        "  start  |....|....| types CM",
        "  A      allocate anon order 0",
        "  B      free [0, 8)",
        "  order  A:end B:end",
    ]


def test_outcome_that_agrees_is_one_row() -> None:
    """Policy, results, counters, verdict."""
    (outcome,) = run_scenario(read_scenario(TEXT))
    (line,) = tell_outcome(outcome)
    assert line.tone is Tone.GOOD
    assert " ".join(line.text.split()) == "linux-5.19 A OK at 4, B OK; free 8, cma 4 agrees"


def test_outcome_that_differs_tells_expected_and_found() -> None:
    """Each difference below the row, where it was seen."""
    (outcome,) = run_scenario(read_scenario(TEXT.replace("nr_free: 8", "nr_free: 7")))
    lines = list(tell_outcome(outcome))
    assert lines[0].text.endswith("DIFFERS")
    assert [line.text for line in lines[1:]] == [
        "    nr_free, at the end:",
        "      expected  7",
        "      found     8",
    ]
    assert {line.tone for line in lines} == {Tone.BAD}


def test_outcome_that_could_not_be_played_says_why() -> None:
    """Without a verdict."""
    outcome = next(iter(run_scenario(packaged_scenario("S01"), policies=("linux-5.10",))))
    lines = texts(tell_outcome(outcome))
    assert lines[0].split()[:4] == ["linux-5.10", "refused:", "base", "is"]
    assert lines[0].endswith(" -")


def test_outcome_leaves_out_a_counter_that_the_kernel_does_not_have() -> None:
    """Pages of HIGHATOMIC pageblocks are counted from 6.10 on."""
    case = make_case(PictureStart("|....|....|", types="HM"), ONE_PAGE)
    old, new = (" ".join(texts(tell_outcome(run_case(case, name)))) for name in ("linux-6.6", "linux-6.10"))
    assert "free 7, reserved for" in " ".join(old.split())
    assert "free 7, highatomic 4" in " ".join(new.split())


def test_outcome_without_expectation_has_no_verdict() -> None:
    """A long policy has a line of its own; other ends go below with their orders."""
    policy = "linux-6.17+allow_unsafe=yes,merge_rule=any"
    case = make_case("|....|....|", Contig(4, 8), ONE_PAGE)
    lines = texts(tell_outcome(run_case(case, policy)))
    assert lines[0].strip() == policy
    assert lines[1].endswith(" -")
    assert any("(A A" in line for line in lines)


def test_steps_are_pictures_with_what_has_changed() -> None:
    """Pages, types below them, marks, lists, counters, broken laws, and a legend."""
    case = make_case(PictureStart("|....|....|", types="MM"), Contig(4, 8), schedule="A:isolate A:end")
    (end,) = run_case(case, "rfc-v1").ends
    lines = texts(tell_steps(case, end.steps))
    assert lines[:5] == [
        "start",
        "  pages  |....|....|",
        "  types   M    M",
        "  free   3@0 MOVABLE",
        "  count  free 8",
    ]
    assert lines[6] == "turn 1  A isolate at 4    (contig [4, 8))"
    assert lines[8].strip() == "^"
    assert any(line.startswith("  INV-8  zone Normal") for line in lines)
    assert any(line.startswith("  still  INV-") for line in lines)
    assert lines[-3].strip().startswith("pages: . free")


def test_long_picture_goes_on_below_itself() -> None:
    """Types stay under their pageblocks."""
    picture = "|" + "....|" * 32
    case = make_case(picture, Free(0, 4), schedule="A")
    (end,) = run_case(case, "linux-5.19").ends
    lines = texts(tell_steps(case, end.steps))
    drawn = [line[9:] for line in lines[1 : lines.index("turn 1  A free -> OK    (free [0, 4))")]]
    pages = [line for line in drawn if line.startswith(("|", ".")) or "....|" in line]
    assert "".join(pages) == picture


def test_guest_is_drawn_by_pageblocks() -> None:
    """The device's memory blocks, and no free lists."""
    scenario = packaged_scenario("S28")
    outcome = next(iter(run_scenario(scenario, policies=("linux-6.17",))))
    lines = texts(tell_steps(scenario.cases[0], outcome.ends[0].steps))
    assert any(line.startswith("  pages  |U") for line in lines)
    assert not any(line.startswith("  free ") for line in lines)
    assert "size 2 MiB, 65 calls, retry in 50 s" in texts(tell_outcome(outcome))[0]
