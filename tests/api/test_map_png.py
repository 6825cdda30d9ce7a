"""The map: one pixel per pageblock, rows of whole memory blocks, a legend of what is there."""

import io

import numpy as np
import pytest
from PIL import Image

from app.api.map_png import COLOURS, LARGEST_SCALE, MOST_PIXELS, render
from app.errors import InvalidValue
from app.guest.views import MapRows
from app.mm.page import PageKind


def _image(kinds: list[int], *, per_block: int = 4, scale: int = 1, has_legend: bool = False) -> Image.Image:
    png = render(MapRows(np.array(kinds, np.uint8), per_block), scale=scale, has_legend=has_legend)
    return Image.open(io.BytesIO(png)).convert("RGB")


def test_colours_name_every_kind_in_order() -> None:
    """The palette has one colour for each page kind, all different."""
    assert [colour.kind for colour in COLOURS] == [kind.api_name for kind in PageKind]
    assert len({colour.rgb for colour in COLOURS}) == len(COLOURS)


def test_render_draws_one_pixel_per_pageblock() -> None:
    """Eight pageblocks in memory blocks of four are two rows, each pixel in its kind's colour."""
    kinds = [PageKind.FREE, PageKind.ANON, PageKind.THP, PageKind.FREE] + [PageKind.UNMOVABLE] * 4
    image = _image([int(kind) for kind in kinds])
    assert image.size == (4, 2)
    drawn = [image.getpixel((x, y)) for y in range(2) for x in range(4)]
    assert drawn == [COLOURS[kind].rgb for kind in kinds]


def test_render_rows_are_whole_memory_blocks() -> None:
    """A long map is about as wide as high, in multiples of a memory block, padded with "none"."""
    image = _image([int(PageKind.FREE)] * 99)
    assert image.size == (12, 9)
    assert image.getpixel((3, 8)) == COLOURS[PageKind.NONE].rgb
    assert image.getpixel((2, 8)) == COLOURS[PageKind.FREE].rgb


def test_render_scale_makes_squares() -> None:
    """Each pageblock becomes scale x scale pixels."""
    image = _image([int(PageKind.ANON), int(PageKind.FREE), 1, 1], scale=3)
    assert image.size == (12, 3)
    assert image.getpixel((2, 2)) == COLOURS[PageKind.ANON].rgb
    assert image.getpixel((3, 2)) == COLOURS[PageKind.FREE].rgb


def test_render_legend_lies_below_the_map() -> None:
    """The legend makes the image higher, leaves the map as it is, and has a swatch of each kind."""
    kinds = [int(PageKind.ANON), int(PageKind.FREE), 1, 1]
    plain, with_legend = _image(kinds, scale=8), _image(kinds, scale=8, has_legend=True)
    assert with_legend.height > plain.height
    assert with_legend.crop((0, 0, *plain.size)).tobytes() == plain.tobytes()
    below = with_legend.crop((0, plain.height, *with_legend.size))
    colours = {colour for _, colour in below.getcolors(maxcolors=256) or []}
    assert {COLOURS[PageKind.ANON].rgb, COLOURS[PageKind.FREE].rgb} <= colours
    assert COLOURS[PageKind.THP].rgb not in colours


def test_render_too_many_pixels_is_refused() -> None:
    """The scale that would do is named."""
    kinds = np.ones(MOST_PIXELS // 64, np.uint8)
    with pytest.raises(InvalidValue, match=r"scale is 32; accepted: 1 to 8"):
        render(MapRows(kinds, 64), scale=LARGEST_SCALE, has_legend=False)


def test_render_is_the_same_every_time() -> None:
    """Equal maps are equal files, byte for byte."""
    memory = MapRows(np.arange(16, dtype=np.uint8), 4)
    assert render(memory, scale=2, has_legend=True) == render(memory, scale=2, has_legend=True)
