"""The map of a guest's memory as a PNG image: a pixel per pageblock, in the colour of what most of it holds.

Rows are whole memory blocks, one or more beside each other, so that a memory block is a stripe of equal width
everywhere; the lowest address is at the top left. COLOURS is the legend, in the order of the page kinds.
Left out: which kind fills a pageblock (the guest says).
"""

import io
from math import ceil, isqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from app.errors import InvalidValue
from app.operations.looking import MapRows

LARGEST_SCALE = 32
MOST_PIXELS = 2**26  # 64 Mi: a palette image of as many bytes, while it is drawn


class Colour(NamedTuple):
    """What a page kind looks like."""

    kind: str
    rgb: tuple[int, int, int]


# Taken memory that can move is blue to green, what can be dropped is light, what stays is red; free is nearly
# white.
COLOURS = (
    Colour("none", (255, 255, 255)),
    Colour("free", (225, 232, 225)),
    Colour("pcp", (200, 215, 200)),
    Colour("anon", (66, 133, 195)),
    Colour("file_clean", (140, 200, 140)),
    Colour("file_dirty", (80, 160, 90)),
    Colour("thp", (30, 80, 160)),
    Colour("hugetlb", (90, 70, 160)),
    Colour("pinned", (240, 140, 40)),
    Colour("unmovable", (200, 40, 40)),
    Colour("unmovable_pages", (150, 25, 60)),
    Colour("reclaimable", (225, 195, 70)),
    Colour("reserved", (90, 90, 90)),
    Colour("offline", (190, 190, 200)),
    Colour("movable_ops", (110, 190, 200)),
    Colour("hwpoison", (0, 0, 0)),
)
_INK = len(COLOURS)  # palette index of the legend's text and frames
_INK_RGB = (40, 40, 40)

_ROW_HEIGHT = 14
_SWATCH = 10
_ENTRY_WIDTH = 120
_MARGIN = 4


def render(memory: MapRows, *, scale: int, has_legend: bool) -> bytes:
    """Returns the map as a PNG file.

    Raises InvalidValue when it would have more than MOST_PIXELS pixels.
    """
    rows = arrange(memory, memory.kinds)
    height, width = rows.shape[0] * scale, rows.shape[1] * scale
    if height * width > MOST_PIXELS:
        largest = isqrt(MOST_PIXELS // rows.size)
        raise InvalidValue("scale", scale, f"1 to {largest}: the map has {rows.size} pageblocks")
    image = Image.fromarray(np.repeat(np.repeat(rows, scale, axis=0), scale, axis=1))
    if has_legend:
        image = _with_legend(image, sorted(set(np.unique(memory.kinds).tolist())))
    image.putpalette([part for colour in COLOURS for part in colour.rgb] + list(_INK_RGB))
    file = io.BytesIO()
    image.save(file, "PNG", optimize=False, compress_level=6)
    return file.getvalue()


def arrange(memory: MapRows, values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Returns a value of each pageblock as a picture about as high as wide; what is behind the last one is 0."""
    per_block = memory.pageblocks_per_memory_block
    nr_pageblocks = max(memory.kinds.size, 1)
    width = per_block * max(ceil(isqrt(nr_pageblocks) / per_block), 1)
    height = -(-nr_pageblocks // width)
    padded = np.zeros(height * width, np.uint8)
    padded[: memory.kinds.size] = values
    return padded.reshape(height, width)


def _with_legend(image: Image.Image, kinds: list[int]) -> Image.Image:
    """Returns the image with a swatch and a name below it for each of `kinds`."""
    width = max(image.width, _ENTRY_WIDTH + _MARGIN)
    per_row = (width - _MARGIN) // _ENTRY_WIDTH
    nr_rows = -(-len(kinds) // per_row)
    whole = Image.new("P", (width, image.height + 2 * _MARGIN + nr_rows * _ROW_HEIGHT), 0)
    whole.paste(image, (0, 0))
    pen = ImageDraw.Draw(whole)
    pen.fontmode = "1"  # no shades of grey: the palette has none
    font = ImageFont.load_default(size=10)
    for position, kind in enumerate(kinds):
        row, column = divmod(position, per_row)
        left = _MARGIN + column * _ENTRY_WIDTH
        top = image.height + _MARGIN + row * _ROW_HEIGHT
        pen.rectangle((left, top, left + _SWATCH, top + _SWATCH), fill=kind, outline=_INK)
        pen.text((left + _SWATCH + _MARGIN, top - 1), COLOURS[kind].kind, fill=_INK, font=font)
    return whole
