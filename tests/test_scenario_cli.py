"""`vmemsim scenario`: what it prints, and how it ends."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.errors import InvalidValue
from app.scenario_cli import app

MINE = """
id: mine
title: A race for one page
start: "|....|....|"
actors:
  A: {contig: [4, 8]}
  R: {allocate: anon}
schedule: A:drain R A:end
expect:
  rfc-v1: {A: OK, R: OK at 0, nr_free: 7, findings: [INV-8]}
  linux-6.17: {A: OK, R: OK at 0, nr_free: 3, findings: []}
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Returns a file with a scenario that agrees."""
    file = tmp_path / "mine.yaml"
    file.write_text(MINE)
    return file


def run(*arguments: str | Path) -> tuple[int, list[str]]:
    """Runs a command; returns its exit code and lines. Raises what main() turns into a sentence."""
    ended = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(ended.exception, InvalidValue):
        raise ended.exception
    return ended.exit_code, ended.stdout.splitlines()


def test_list_has_a_line_for_each_scenario() -> None:
    """Id and question; as JSON also cases and policies."""
    code, lines = run("list")
    assert (code, len(lines), lines[7].split()[0]) == (0, 39, "S08")
    listed = json.loads("\n".join(run("list", "--json")[1]))
    assert {"rfc-v1", "linux-6.17"} <= set(listed[7]["policies"])


def test_show_tells_the_question_and_the_file() -> None:
    """The file is what one starts one's own from."""
    code, lines = run("show", "S08")
    assert code == 0
    assert lines[0].startswith("S08  ")
    assert "id: S08" in lines


def test_run_that_agrees_ends_with_0(mine: Path) -> None:
    """Every policy of which the file says something, each with its results."""
    code, lines = run("run", "--file", mine)
    assert code == 0
    rows = [line.split() for line in lines if line.endswith("agrees")]
    assert [row[0] for row in rows] == ["rfc-v1", "linux-6.17"]


def test_run_that_differs_ends_with_1(mine: Path) -> None:
    """Expected and found are told."""
    mine.write_text(MINE.replace("nr_free: 3", "nr_free: 4"))
    code, lines = run("run", "--file", mine)
    assert code == 1
    place = lines.index("    nr_free, at the end:")
    assert [line.split() for line in lines[place + 1 : place + 3]] == [["expected", "4"], ["found", "3"]]


def test_run_with_a_policy_that_nobody_expects_shows_it(mine: Path) -> None:
    """There is nothing to differ from."""
    code, lines = run("run", "--file", mine, "--policy", "linux-5.19", "--policy", "no-guard")
    assert code == 0
    assert sum(line.endswith("  -") for line in lines) == 2


def test_run_of_which_nothing_was_played_ends_with_2() -> None:
    """Nothing is as expected then; where some case was played, the others are told as refused."""
    code, lines = run("run", "S02", "--policy", "linux-5.15")
    assert code == 2
    assert any(line.split()[:2] == ["linux-5.15", "refused:"] for line in lines)
    code, lines = run("run", "S02", "--policy", "linux-5.15", "--policy", "linux-6.17")
    assert code == 0
    assert any("refused:" in line for line in lines)


def test_run_watches_every_section(mine: Path) -> None:
    """A picture for the start and for each section, plain text in 80 columns."""
    code, lines = run("run", "--file", mine, "--policy", "rfc-v1", "--watch")
    assert code == 0
    assert sum(line.startswith("  pages  |") for line in lines) > 5
    assert all(len(line) <= 80 and line.isprintable() for line in lines)
    assert any("INV-8" in line for line in lines)


def test_run_prints_json_for_scripts(mine: Path) -> None:
    """One object; steps only with --watch."""
    code, lines = run("run", "--file", mine, "--json", "--watch", "--policy", "rfc-v1")
    (outcome,) = json.loads("\n".join(lines))["outcomes"]
    assert (code, outcome["agrees"]) == (0, True)
    assert outcome["ends"][0]["steps"]


def test_run_takes_one_case_of_a_packaged_scenario() -> None:
    """By its name."""
    case = json.loads("\n".join(run("list", "--json")[1]))[11]["cases"][0]
    code, lines = run("run", "S12", "--case", case, "--policy", "linux-6.17")
    assert code == 0
    assert sum(line.startswith("case: ") for line in lines) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["S99"], "scenario is 'S99'"),
        ([], "the id of a scenario, or --file, and not both"),
        (["S08", "--file", "x.yaml"], "the id of a scenario, or --file, and not both"),
        (["--file", "nowhere/x.yaml"], "a readable file"),
        (["S08", "--policy", "linux-9"], "policy is 'linux-9'"),
        (["S08", "--case", "nowhere"], "case is 'nowhere'"),
    ],
)
def test_what_cannot_be_run_is_a_sentence(arguments: list[str], words: str) -> None:
    """main() prints it, and ends with 2."""
    with pytest.raises(InvalidValue, match=words):
        run("run", *arguments)


def test_run_of_a_file_that_names_no_policy_asks_for_one(mine: Path) -> None:
    """Without any there is nothing to be played."""
    mine.write_text(MINE[: MINE.index("expect:")] + "expect: {}\n")
    with pytest.raises(InvalidValue, match="one at least: mine says nothing of any"):
        run("run", "--file", mine)
    assert run("run", "--file", mine, "--policy", "rfc-v1")[0] == 0


@pytest.mark.parametrize("wrong", [("--policy", "linux-9"), ("--case", "nowhere")])
def test_error_comes_before_anything_is_printed(wrong: tuple[str, ...]) -> None:
    """No title of what is not run."""
    assert CliRunner().invoke(app, ["run", "S08", "--policy", "rfc-v1", *wrong]).stdout == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (MINE.replace("[4, 8]", "[8, 4]").encode(), "mine.yaml, line 6: "),
        (
            MINE.replace("A:drain R", "A:cut R").encode(),
            "mine.yaml, line 8: linux-6.17: schedule, turn 1, A:cut: ",
        ),
        (b"id: \xff", "a text in UTF-8"),
    ],
)
def test_bad_file_is_a_sentence_with_its_place(mine: Path, content: bytes, words: str) -> None:
    """The line of the file, or the turn of the schedule."""
    mine.write_bytes(content)
    with pytest.raises(InvalidValue, match=words):
        run("run", "--file", mine, "--policy", "linux-6.17")
