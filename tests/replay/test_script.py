"""What a file says, as values: equal files are equal, and nobody changes them."""

from dataclasses import FrozenInstanceError

import pytest

from app.replay.script import VERSION, Act, Step
from tests.replay.making import replay_of


def test_equal_files_say_the_same() -> None:
    """Values, not identities."""
    text = "steps:\n- at: 1s\n  resize: {size: 512MiB}"
    assert replay_of(text) == replay_of(text)
    assert replay_of(text) != replay_of()
    assert VERSION == 1


def test_script_cannot_be_changed() -> None:
    """A file is played as it was read."""
    step = Step(1, act=Act("settle"))
    with pytest.raises(FrozenInstanceError):
        step.line = 2  # type: ignore[misc]  # that is the point
