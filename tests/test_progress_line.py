"""The line that says how far the kernels are."""

import pytest

from app.progress_line import ProgressLine


def test_progress_line_is_silent_while_it_is_quick(capsys: pytest.CaptureFixture[str]) -> None:
    """Steps that end in time say nothing; later ones are counted."""
    quick, slow = ProgressLine(silent_s=60), ProgressLine(silent_s=0)
    for progress in (quick, slow):
        progress(0, 1, "in a folder")
    assert "0 of 1 steps" in capsys.readouterr().err
    quick(1, 1, "in a folder")
    assert capsys.readouterr().err == ""
    assert quick.where == "in a folder"
