"""Times in a file: with and without a unit, whole microseconds, and not too long."""

import pytest

from app.errors import ScenarioInvalid
from app.replay.times import format_time, read_time
from tests.replay.making import value_of


@pytest.mark.parametrize(
    ("text", "time_us"),
    [
        ("90", 90_000_000),
        ("1.5s", 1_500_000),
        ("250 ms", 250_000),
        ("10us", 10),
        ("2min", 120_000_000),
        ("1h", 3_600_000_000),
    ],
)
def test_time_is_read_in_its_unit(text: str, time_us: int) -> None:
    """A number alone is seconds."""
    assert read_time(value_of(text)) == time_us


@pytest.mark.parametrize("text", ["", "soon", "-1s", "1.5us", "400000h", "[1]", "1 day"])
def test_time_that_is_none_is_refused_with_its_line(text: str) -> None:
    """Negative, too fine, absurd, or no number at all."""
    with pytest.raises(ScenarioInvalid, match="test, line 2") as caught:
        read_time(value_of(f"\nat: {text}").require("at"))
    assert caught.value.members["field"] == "at"


def test_moment_is_shown_in_seconds() -> None:
    """With all its microseconds, so that columns align."""
    assert format_time(1_500_001) == "1.500001 s"
