"""A comparison as a picture: as high as its rows, with the colours of the levels, whatever a row holds."""

import io
from typing import Any

import pytest
from PIL import Image

from app.api.compare_png import draw
from tests.api.comparisons import COMPARISON, OUTCOME, ROWS


def colours_of(png: bytes) -> set[tuple[int, ...]]:
    """Every colour of a picture, as red, green and blue."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    found: Any = image.getcolors(1 << 24)
    return {colour for _, colour in found}


def test_picture_grows_with_its_rows() -> None:
    """Each row has the same height; 64 of them are no trouble."""
    sizes = [
        Image.open(io.BytesIO(draw(COMPARISON | {"rows": rows}))).size
        for rows in (ROWS, ROWS * 21 + ROWS[:1])
    ]
    assert sizes[0][0] == sizes[1][0] == 1200
    assert sizes[1][1] - sizes[0][1] == 61 * 52


def test_picture_shows_levels_rest_and_marks() -> None:
    """Memory blocks are blue, pageblocks yellow; a failure is red, a finding alone orange, a sound row green."""
    colours = colours_of(draw(COMPARISON))
    blue, yellow, red, green, orange = (
        (0x1F, 0x4E, 0x79),
        (0xE0, 0xB0, 0x4B),
        (0xC6, 0x28, 0x28),
        (0x2E, 0x7D, 0x32),
        (0xC7, 0x77, 0x00),
    )
    assert {blue, yellow, red, green} <= colours
    assert orange not in colours
    only_finding = [ROWS[1] | {"broken": ROWS[1]["broken"][:1]}]
    assert orange in colours_of(draw(COMPARISON | {"rows": only_finding}))


def test_picture_of_what_came_without_a_level() -> None:
    """Offline memory and plugs have a colour of their own."""
    plug = OUTCOME | {"by_level": {"pageblock": {"bytes": 0, "attempts": 0, "failed": 0}}}
    colours = colours_of(draw(COMPARISON | {"rows": [ROWS[0] | {"outcome": plug}]}))
    assert (0x8F, 0x8F, 0xA3) in colours
    assert (0xE0, 0xB0, 0x4B) not in colours


@pytest.mark.parametrize("rows", [ROWS[2:], [ROWS[0] | {"outcome": OUTCOME | {"simulated_us": 0}}]])
def test_picture_of_little_is_a_picture(rows: list[dict[str, Any]]) -> None:
    """Only refusals, or a run that took no time."""
    assert draw(COMPARISON | {"rows": rows}).startswith(b"\x89PNG")
