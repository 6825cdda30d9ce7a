"""The annotated map: grounds as on the map, frames in the colour of the reason, dots where pages are in the way."""

import io

import numpy as np
from PIL import Image

from app.api.explain_png import render
from app.api.map_png import COLOURS, MOST_PIXELS
from app.guest.views import MapRows
from app.guest.why.explain_view import MarkedMap
from app.mm.page import PageKind

_SCALE = 8


def marked(kinds: list[int], marks: list[int], dots: list[int]) -> MarkedMap:
    """Returns a marked map of memory blocks of four pageblocks."""
    names = ("", "not tried", *(f"level {number}" for number in range(12)))
    return MarkedMap(
        MapRows(np.array(kinds, np.uint8), 4), np.array(marks, np.uint8), names, np.array(dots, np.bool_)
    )


def draw(memory: MarkedMap) -> Image.Image:
    """Returns the picture."""
    return Image.open(io.BytesIO(render(memory))).convert("RGB")


def test_render_frames_what_stays() -> None:
    """The frame is at the edge of the cell, the ground inside it, the dot in its middle."""
    free, anon = int(PageKind.FREE), int(PageKind.ANON)
    image = draw(marked([free, anon, free, free], [0, 2, 0, 1], [0, 1, 0, 0]))
    assert image.getpixel((0, 0)) == COLOURS[free].rgb
    frame = image.getpixel((_SCALE, 0))
    assert frame == image.getpixel((2 * _SCALE - 1, _SCALE - 1))
    assert frame not in {colour.rgb for colour in COLOURS}
    assert image.getpixel((_SCALE + 1, 1)) == COLOURS[anon].rgb
    assert image.getpixel((_SCALE + 3, 3)) == (0, 0, 0)
    other = image.getpixel((3 * _SCALE, 0))
    assert other not in {frame, COLOURS[free].rgb}
    assert image.getpixel((3 * _SCALE + 3, 3)) == COLOURS[free].rgb


def test_render_has_a_legend_of_what_is_there() -> None:
    """One more reason makes the legend longer; names are written."""
    kinds = [int(PageKind.FREE)] * 4
    plain = draw(marked(kinds, [0] * 4, [0] * 4))
    reasons = draw(marked(kinds, [1, 2, 3, 4], [0] * 4))
    assert reasons.height > plain.height
    assert plain.height > _SCALE


def test_render_of_a_large_guest_is_not_too_large() -> None:
    """With more pageblocks, each has less pixels."""
    nr_pageblocks = MOST_PIXELS // 40
    image = render(marked([1] * nr_pageblocks, [3] * nr_pageblocks, [1] * nr_pageblocks))
    with Image.open(io.BytesIO(image)) as opened:
        assert opened.width * (opened.height - 60) <= MOST_PIXELS


def test_more_reasons_than_colours_share_the_last() -> None:
    """Nothing fails when there are many levels."""
    image = draw(marked([1] * 12, list(range(1, 13)), [0] * 12))
    assert image.width >= 4 * _SCALE
