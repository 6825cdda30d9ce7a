"""The smallest scenarios that the fuzz found to break a law (`python -m tests.fuzz --keep` writes them)."""

from pathlib import Path

import pytest

from app.scenario.reading.scenario import read_scenario
from app.scenario.running import run_scenario
from tests.fuzz.targets import TARGETS

_FOLDER = Path(__file__).resolve().parents[1] / "data" / "minimal_examples"
_FILES = sorted(_FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.stem)
def test_minimal_example_breaks_the_laws_that_it_broke_when_found(path: Path) -> None:
    """The same section after the same section, and the same laws broken at the same moment."""
    outcomes = list(run_scenario(read_scenario(path.read_text(), file=path.name)))
    assert [outcome.differences for outcome in outcomes] == [()]


def test_minimal_examples_are_there_for_every_target() -> None:
    """Whatever the fuzz looks for was found once."""
    assert {path.stem for path in _FILES} == {target.name for target in TARGETS}
