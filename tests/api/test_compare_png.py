"""A comparison as a picture: as high as its rows, with the colours of what it shows, whatever a row holds."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.api.compare_png import draw, short_names
from tests.api.comparisons import COMPARISON, DEVICE_PLAYED, OUTCOME, PLAYED, ROWS

COLOURS = {
    "memory block": (0x1F, 0x4E, 0x79),
    "pageblock": (0xE0, 0xB0, 0x4B),
    "without a level": (0x8F, 0x8F, 0xA3),
    "free": (0x9F, 0xB8, 0xAD),
    "CMA": (0x2F, 0x6F, 0x5E),
    "failure": (0xC6, 0x28, 0x28),
    "finding": (0xC7, 0x77, 0x00),
    "sound": (0x2E, 0x7D, 0x32),
}
# Letters are thin: hardly a pixel has quite their colour.
NEAR = 12


def shown(comparison: dict[str, Any]) -> set[str]:
    """Names the colours of which the picture has a pixel."""
    pixels = np.asarray(Image.open(io.BytesIO(draw(comparison))).convert("RGB"), np.int64)
    return {name for name, rgb in COLOURS.items() if (np.abs(pixels - rgb).sum(axis=2) <= NEAR).any()}


def test_picture_grows_with_its_rows() -> None:
    """Each row has the same height; 64 of them are no trouble."""
    sizes = [
        Image.open(io.BytesIO(draw(COMPARISON | {"rows": rows}))).size
        for rows in (ROWS, ROWS * 21 + ROWS[:1])
    ]
    assert sizes[0][0] == sizes[1][0] == 1200
    assert sizes[1][1] - sizes[0][1] == 61 * 52


def test_picture_shows_levels_rest_and_marks() -> None:
    """A failure is red, and then so are the findings beside it; a finding alone is orange, a sound row green."""
    assert shown(COMPARISON) == {"memory block", "pageblock", "failure", "sound"}
    only_finding = [ROWS[1] | {"broken": ROWS[1]["broken"][:1]}]
    assert shown(COMPARISON | {"rows": only_finding}) == {"memory block", "pageblock", "finding"}


def test_picture_of_what_came_without_a_level() -> None:
    """Offline memory and plugs have a colour of their own."""
    plug = OUTCOME | {"by_level": {"pageblock": {"bytes": 0, "attempts": 0, "failed": 0}}}
    assert shown(COMPARISON | {"rows": [ROWS[0] | {"outcome": plug}]}) == {"without a level", "sound"}


@pytest.mark.parametrize("rows", [ROWS[2:], [ROWS[0] | {"outcome": OUTCOME | {"simulated_us": 0}}]])
def test_picture_of_little_is_a_picture(rows: list[dict[str, Any]]) -> None:
    """Only refusals, or a run that took no time."""
    assert draw(COMPARISON | {"rows": rows}).startswith(b"\x89PNG")


def test_picture_of_a_scenario_with_a_device_shows_its_levels() -> None:
    """Drawn as a guest's."""
    assert shown(DEVICE_PLAYED) == {"memory block", "pageblock", "sound"}


def test_names_that_would_be_cut_alike_stay_apart() -> None:
    """By their ends, or by a number; short ones are not touched, and one name is cut alike everywhere."""
    start, end = "a hugetlb page that is moved away", "while others wait for it"
    names = [f"{start} early {end}s", f"{start} late {end}", "short", f"{start} late {end}"]
    early, late, short, again = short_names(names)
    assert (short, again) == ("short", late)
    assert early != late
    twins = [f"{start} {which} {end}" for which in ("early", "late")]
    first, second = short_names(twins)
    assert (first[:3], second[:3]) == ("1: ", "2: ")


def test_picture_of_a_scenario_shows_free_pages_and_marks() -> None:
    """No levels and no time: counters, those of CMA inside, and what broke."""
    assert shown(PLAYED) == {"free", "CMA", "finding", "sound"}
    assert draw(PLAYED | {"rows": PLAYED["rows"][2:]}).startswith(b"\x89PNG")
