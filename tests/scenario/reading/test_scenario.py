"""Scenario files: what is right is read, what is wrong is named by its line, whatever was done to the file."""

import contextlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import ScenarioInvalid
from app.scenario.catalog import scenario_ids, scenario_text
from app.scenario.reading.scenario import LARGEST_NR_CASES, LONGEST_ABOUT, LONGEST_TITLE, read_scenario
from app.scenario.running import run_scenario
from app.scenario.scheduling import MOST_ORDERS, MOST_SECTIONS
from app.scenario.script import Contig, Turn
from tests.house.tree import ROOT
from tests.scenario.bad_files import GOOD, assert_refused, replaced

FORMAT_TEXT = ROOT / "docs" / "scenario-format.md"
TEXTS = [GOOD, *map(scenario_text, scenario_ids())]


def test_read_of_a_file_without_cases_gives_one() -> None:
    """What stands at the top is the case."""
    scenario = read_scenario(GOOD)
    assert (scenario.id, scenario.title, scenario.about) == ("T1", "A title", "")
    (case,) = scenario.cases
    assert [actor.name for actor in case.actors] == ["A", "B"]
    assert case.schedule == (Turn("A", "isolate"), Turn("B", "", 2), Turn("A", "end"))


def test_read_of_cases_shares_what_stands_at_the_top() -> None:
    """A case says only what is its own."""
    cases = "cases:\n  - {name: a}\n  - name: b\n    actors: {B: {contig: [4, 8]}}\n    schedule: B\n    expect: {}\n"
    first, second = read_scenario(GOOD + cases).cases
    assert first.start == second.start
    assert isinstance(second.actors[0].acts[0], Contig)
    assert (first.name, len(first.expect), second.name, second.expect) == ("a", 2, "b", ())


def test_read_without_schedule_lets_each_actor_end() -> None:
    """In the order of the file."""
    (case,) = read_scenario(replaced(7, "").replace(", after: {1: {types: IM}}", "")).cases
    assert case.schedule == (Turn("A", "end"), Turn("B", "end"))


@pytest.mark.parametrize(
    ("line", "text", "accepted"),
    [
        (1, "id: a b", "1 to 63 letters"),
        (1, "id: [a]", "1 to 63 letters"),
        (1, "name: T1", "no such key here; known: id, title, about"),
        (2, "title: ''", f"a text of 1 to {LONGEST_TITLE}"),
        (2, f"title: {'t' * (LONGEST_TITLE + 1)}", f"a text of 1 to {LONGEST_TITLE}"),
        (2, f"title: t\nabout: {'t' * (LONGEST_ABOUT + 1)}", f"a text of 1 to {LONGEST_ABOUT}"),
        (2, "title: t\nfallback: [pageblock]", "a start that is a guest"),
    ],
)
def test_read_of_a_wrong_head_names_the_line(line: int, text: str, accepted: str) -> None:
    """Id, title, and keys that are not known."""
    assert_refused(replaced(line, text), line + text.count("\n"), accepted)


@pytest.mark.parametrize("key", ["id", "title", "start", "actors", "expect"])
def test_read_without_a_key_that_is_needed_names_it(key: str) -> None:
    """The file begins where something is missing."""
    lines = GOOD.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(key))
    end = next((n for n in range(first + 1, len(lines)) if not lines[n].startswith(" ")), len(lines))
    assert_refused("\n".join(lines[:first] + lines[end:]), 1, f"{key!r} as well")


def test_read_of_wrong_cases_names_the_line() -> None:
    """Names are needed, and each is one case's."""
    assert_refused(f"{GOOD}cases: []\n", 11, f"a list of 1 to {LARGEST_NR_CASES}")
    assert_refused(f"{GOOD}cases:\n  - {{name: a}}\n  - {{name: a}}\n", 13, "no other case has")
    assert_refused(f"{GOOD}cases:\n  - {{}}\n", 12, "has 'name' as well")
    assert_refused(f"{GOOD}cases:\n  - {{name: a, id: b}}\n", 12, "no such key here")
    many = "".join(f"  - {{name: a{number}}}\n" for number in range(LARGEST_NR_CASES + 1))
    assert_refused(f"{GOOD}cases:\n{many}", 11, f"a list of 1 to {LARGEST_NR_CASES}")


def test_read_of_levels_that_nobody_knows_names_the_line() -> None:
    """A guest's levels are those of the driver."""
    guest = "start: {guest: x86-64, boot: 1GiB, device: 128MiB, requested: 64MiB}"
    text = f"id: T\ntitle: t\n{guest}\nfallback: [sky]\nactors: {{H: {{resize: 0}}}}\nexpect: {{}}\n"
    assert_refused(text, 4, "memory_block")
    assert read_scenario(text.replace("sky", "pageblock")).cases[0].fallback == ("pageblock",)


def test_worked_example_of_the_format_text_agrees() -> None:
    """The file in docs/scenario-format.md is read and run as it stands there."""
    text = FORMAT_TEXT.read_text(encoding="utf-8")
    example = text.partition("```yaml\n")[2].partition("```")[0]
    outcomes = list(run_scenario(read_scenario(example)))
    assert len(outcomes) > 1
    assert [outcome.differences for outcome in outcomes if not outcome.agrees] == []


def test_limits_of_the_format_text_are_those_of_the_readers() -> None:
    """The table of limits names each number that a reader has, and those of a play."""
    table = FORMAT_TEXT.read_text(encoding="utf-8").partition("## Limits")[2].partition("##")[0]
    numbers = {int(number) for number in re.findall(r"\d+", table)}
    assert numbers == {65536, 12, 4096, 64, 8, 256, 16, MOST_SECTIONS, MOST_ORDERS}


_PIECES = st.sampled_from(
    [
        "|",
        "-",
        ".",
        "M",
        ":",
        "{",
        "}",
        "[",
        "]",
        "*",
        "&",
        "!",
        "\n",
        "  ",
        "0",
        "999999999",
        "A",
        "OK",
        "at",
        "every",
    ]
) | st.text(max_size=3)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_read_of_mutated_files_ends_in_a_scenario_or_its_own_error(data: st.DataObject) -> None:
    """Whatever is cut out of a good file and put in instead, nothing but ScenarioInvalid comes out."""
    text = data.draw(st.sampled_from(TEXTS))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 6)))
        text = text[:start] + data.draw(_PIECES) + text[end:]
    with contextlib.suppress(ScenarioInvalid):
        assert read_scenario(text).cases


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_read_of_swapped_lines_ends_in_a_scenario_or_its_own_error(data: st.DataObject) -> None:
    """Lines of one file in another are no surprise either."""
    lines = data.draw(st.sampled_from(TEXTS)).splitlines()
    others = data.draw(st.sampled_from(TEXTS)).splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        lines[data.draw(st.integers(0, len(lines) - 1))] = data.draw(st.sampled_from(others))
    with contextlib.suppress(ScenarioInvalid):
        assert read_scenario("\n".join(lines)).cases
