"""The version is the project's: one number, wherever it is said."""

import tomllib
from pathlib import Path

from app.api.version import VERSION


def test_version_is_that_of_pyproject() -> None:
    """Whoever raises one raises the other."""
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text)["project"]["version"] == VERSION
