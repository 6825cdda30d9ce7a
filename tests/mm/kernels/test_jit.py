"""The door to numba: where compiled kernels are kept, and when they are compiled anew."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.mm.kernels import _jit

ROOT = Path(__file__).parents[3]
PRINT_DIRECTORY = "from app.mm.kernels import _jit; print(_jit.CACHE_DIRECTORY)"


def directory_of(environment: dict[str, str]) -> str:
    """Returns the cache directory that a new process with this environment chooses."""
    done = subprocess.run(
        [sys.executable, "-c", PRINT_DIRECTORY],
        env={"PATH": os.environ["PATH"], **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_cache_is_kept_where_the_environment_says(tmp_path: Path) -> None:
    """VMEMSIM_KERNEL_CACHE wins over the user's cache directory, which wins over the home."""
    named, cache, home = tmp_path / "named", tmp_path / "cache", tmp_path / "home"
    everything = {"VMEMSIM_KERNEL_CACHE": str(named), "XDG_CACHE_HOME": str(cache), "HOME": str(home)}
    assert Path(directory_of(everything)).parent == named
    del everything["VMEMSIM_KERNEL_CACHE"]
    assert Path(directory_of(everything)).parent == cache / "vmemsim"
    del everything["XDG_CACHE_HOME"]
    assert Path(directory_of(everything)).parent == home / ".cache" / "vmemsim"


def test_cache_without_a_writable_place_is_in_memory(tmp_path: Path) -> None:
    """A file stands where the directory would be: nothing can be written there, and that is no error."""
    (tmp_path / "file").write_text("")
    assert directory_of({"VMEMSIM_KERNEL_CACHE": str(tmp_path / "file")}) == "None"


def test_cache_key_changes_with_every_kernel_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An edit in a called kernel of another file goes unseen by numba; the directory has another name then."""
    for source in Path(_jit.__file__).parent.glob("*.py"):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    monkeypatch.setattr(_jit, "__file__", str(tmp_path / "_jit.py"))
    before = _jit.cache_key()
    assert before == _jit.cache_key()
    (tmp_path / "layout.py").write_text((tmp_path / "layout.py").read_text() + "\n")
    assert _jit.cache_key() != before


def test_cache_key_changes_with_bounds_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels with bounds checks are other code."""
    monkeypatch.setenv("NUMBA_BOUNDSCHECK", "0")
    before = _jit.cache_key()
    monkeypatch.setenv("NUMBA_BOUNDSCHECK", "1")
    assert _jit.cache_key() != before


def test_warm_cache_that_cannot_be_written_is_copied(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An image's kernels on a read-only root are used all the same: numba gets a copy that it may write."""
    monkeypatch.setenv("VMEMSIM_KERNEL_CACHE", str(tmp_path))
    warm = _jit.cache_directory()
    assert warm is not None
    (warm / "kernel.nbc").write_bytes(b"compiled")
    monkeypatch.setattr(_jit, "_is_writable", lambda directory: directory != warm)
    copy = _jit.cache_directory()
    assert copy is not None
    assert copy != warm
    assert (copy / "kernel.nbc").read_bytes() == b"compiled"
