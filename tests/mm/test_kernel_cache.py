"""Where kernels are kept, in words."""

from pathlib import Path

import pytest

from app.mm.kernel_cache import where_kernels_are_kept
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
