"""Where kernels are kept, in words."""

from pathlib import Path

import pytest

from app.mm.kernel_cache import is_cache_empty, where_kernels_are_kept
from app.mm.kernels import _jit


@pytest.mark.parametrize(
    ("is_compiled", "directory", "words"),
    [
        (True, Path("somewhere/kernels"), "in somewhere/kernels"),
        (True, None, "in memory only"),
        (False, None, "nowhere"),
    ],
)
def test_place_of_kernels_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch, directory: Path | None, words: str, *, is_compiled: bool
) -> None:
    """A directory, memory only, or nowhere when they are interpreted."""
    monkeypatch.setattr(_jit, "IS_COMPILED", is_compiled)
    monkeypatch.setattr(_jit, "CACHE_DIRECTORY", directory)
    assert where_kernels_are_kept().startswith(words)


def test_cache_is_empty_until_the_first_kernel_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In memory only there is no cache, so that none is empty."""
    monkeypatch.setattr(_jit, "CACHE_DIRECTORY", None)
    assert not is_cache_empty()
    monkeypatch.setattr(_jit, "CACHE_DIRECTORY", tmp_path)
    assert is_cache_empty()
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "buddy.nbi").touch()
    assert not is_cache_empty()
