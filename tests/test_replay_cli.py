"""vmemsim replay: exit codes 0, 1 and 2, lines, JSON, and a file that records its end."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from app.errors import InvalidValue
from app.replay_cli import replay

GOOD = """vmemsim_replay: 1
guest: {boot_size: 1GiB, devices: [{size: 1GiB}]}
steps:
- at: 1s
  resize: {size: 512MiB}
- at: 2s
  expect: {devices: {vm0: {size: 512MiB}}}
"""


def _run(path: Path, *options: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(replay)
    result = CliRunner().invoke(app, [str(path), *options])
    if isinstance(result.exception, InvalidValue):
        raise result.exception
    return result.exit_code, result.stdout


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A file that agrees."""
    path = tmp_path / "good.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_file_that_agrees_ends_with_0(good: Path) -> None:
    """Its steps are told, and that everything is as expected."""
    code, text = _run(good)
    assert code == 0
    assert "resize vm0 to 512 MiB" in text
    assert text.endswith("as expected: 2 expectations\n")


def test_file_that_differs_ends_with_1(good: Path) -> None:
    """What differs is told with its line."""
    good.write_text(GOOD.replace("size: 512MiB}}}", "size: 1GiB}}}"), encoding="utf-8")
    code, text = _run(good)
    assert code == 1
    assert "line 7: steps[1].expect.devices.vm0.size is 536870912 (512 MiB); expected 1GiB" in text


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"vmemsim_replay: 7\n", "line 1: vmemsim_replay is '7'"),
        (b"\xff\xfe", "UTF-8"),
        (None, "readable file"),
        (b"# " + b"x" * 70_000, "at most"),
    ],
)
def test_file_that_cannot_be_played_is_refused(tmp_path: Path, content: bytes | None, wrong: str) -> None:
    """Another version, no text, no file, too much of it: the command line's exit code 2."""
    path = tmp_path / "file.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidValue, match=wrong):
        _run(path)


def test_json_is_one_object(good: Path) -> None:
    """For scripts, and nothing beside it."""
    code, text = _run(good, "--json")
    assert (code, json.loads(text)["agrees"]) == (0, True)


def test_verbose_tells_events(good: Path) -> None:
    """Everything that happened between the steps."""
    assert "request_answered" not in _run(good)[1]
    assert "request_answered" in _run(good, "--verbose")[1]


def test_recorded_file_agrees_when_it_is_played(good: Path, tmp_path: Path) -> None:
    """The file with its end; a file that has one already is not recorded again."""
    code, text = _run(good, "--record")
    assert code == 0
    assert text.startswith(GOOD)
    recorded = tmp_path / "recorded.yaml"
    recorded.write_text(text, encoding="utf-8")
    assert _run(recorded)[0] == 0
    with pytest.raises(InvalidValue, match="without `end`"):
        _run(recorded, "--record")
