"""The shapes of a comparison: one for each media type, and a cache folder that goes with the process."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from app.api.compare_answer import RENDERERS, as_png
from app.errors import CapacityError
from tests.api.comparisons import COMPARISON

ROOT = Path(__file__).parents[2]
# In a process of its own: which folder is used is decided when matplotlib is loaded.
PROBE = """
import os, pathlib, sys
from app.api.compare_answer import as_png
from tests.api.comparisons import COMPARISON
loaded = "matplotlib" in sys.modules
as_png(COMPARISON)
folder = os.environ["MPLCONFIGDIR"]
print(loaded, pathlib.Path(folder).is_dir(), folder)
"""


def probe(**environment: str) -> list[str]:
    """Draws in a fresh process; returns what it printed."""
    inherited = {name: value for name, value in os.environ.items() if name != "MPLCONFIGDIR"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROBE],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=inherited | environment,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_every_shape_is_bytes_of_its_kind() -> None:
    """JSON first: it answers who has no wish."""
    assert list(RENDERERS) == ["application/json", "text/plain", "text/csv", "image/png"]
    begins = [b'{"start":{"guest":"web-1"}', b"web-1: vm0", b"case,policy,fallback", b"\x89PNG"]
    for render, begin in zip(RENDERERS.values(), begins, strict=True):
        assert render(COMPARISON).startswith(begin)


def test_picture_needs_no_home_and_leaves_nothing() -> None:
    """The plotter is loaded with the first picture, into a folder that is gone afterwards; nothing is said."""
    loaded, was_there, folder = probe(HOME="/nonexistent")
    assert (loaded, was_there) == ("False", "True")
    assert not Path(folder).exists()


def test_picture_uses_the_folder_that_the_owner_names(tmp_path: Path) -> None:
    """MPLCONFIGDIR is the owner's to set; what is there stays."""
    assert probe(MPLCONFIGDIR=str(tmp_path))[1:] == ["True", str(tmp_path)]
    assert list(tmp_path.iterdir())


def test_picture_without_a_temporary_folder_is_no_room(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A service that may write nowhere says so."""
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(CapacityError, match="without a temporary folder"):
        as_png(COMPARISON)
