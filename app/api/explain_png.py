"""What stays plugged, as a PNG image: the guest's map, each pageblock that stays framed in the colour of its reason.

    +-----------+     the ground is the kind of most of its pages, as on the map; the frame says at which level it was
    | ## ground |     tried last, and how that ended; a black dot: the page in the way lies here
    +-----------+
Left out: the map itself (app.api.map_png).
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from app.api.map_png import COLOURS, MOST_PIXELS, arrange
from app.operations.explaining import MarkedMap

# A pageblock's edge in pixels, where the picture does not become too large; below 4 there is no room for a frame.
_SCALE, _SMALLEST_SCALE = 8, 3
# Frames, by the number of the reason; the last stands for all others.
_FRAMES = (
    (255, 0, 255),
    (255, 105, 0),
    (120, 0, 200),
    (0, 120, 120),
    (150, 75, 0),
    (0, 0, 255),
    (255, 215, 0),
    (90, 90, 90),
)
_INK_RGB = (0, 0, 0)
_FIRST_FRAME = len(COLOURS)
_INK = _FIRST_FRAME + len(_FRAMES)
_ROW_HEIGHT, _SWATCH, _MARGIN, _ENTRY_WIDTH = 14, 10, 4, 190


def render(memory: MarkedMap) -> bytes:
    """Returns the picture as a PNG file; a very large guest's has less pixels for each pageblock."""
    rows = memory.rows
    kinds, marks = arrange(rows, rows.kinds), arrange(rows, memory.marks)
    dots = arrange(rows, memory.has_obstacle)
    scale = _SCALE
    while scale > _SMALLEST_SCALE and kinds.size * scale * scale > MOST_PIXELS:
        scale -= 1
    pixels = np.repeat(np.repeat(kinds, scale, axis=0), scale, axis=1)
    _frame(pixels, marks, scale)
    _dot(pixels, dots, scale)
    image = _with_legend(Image.fromarray(pixels), memory)
    image.putpalette([part for colour in COLOURS for part in colour.rgb] + [*sum(_FRAMES, ()), *_INK_RGB])
    file = io.BytesIO()
    image.save(file, "PNG", optimize=False, compress_level=6)
    return file.getvalue()


def _colour_of(mark: int) -> int:
    return _FIRST_FRAME + min(mark - 1, len(_FRAMES) - 1)


def _frame(pixels: NDArray[np.uint8], marks: NDArray[np.uint8], scale: int) -> None:
    """Draws a frame into the cell of each pageblock that is marked."""
    colours = np.where(marks > 0, _FIRST_FRAME + np.minimum(marks.astype(np.int64) - 1, len(_FRAMES) - 1), 0)
    for row, column in ((0, None), (scale - 1, None), (None, 0), (None, scale - 1)):
        view = pixels[row::scale, :] if row is not None else pixels[:, column::scale]
        repeated = np.repeat(colours, scale, axis=1 if row is not None else 0).astype(np.uint8)
        view[repeated > 0] = repeated[repeated > 0]


def _dot(pixels: NDArray[np.uint8], has_obstacle: NDArray[np.uint8], scale: int) -> None:
    """Draws a dot into the middle of each cell with an obstacle."""
    size = max(1, scale // 4)
    first = (scale - size) // 2
    for row in range(first, first + size):
        for column in range(first, first + size):
            pixels[row::scale, column::scale][has_obstacle > 0] = _INK


def _with_legend(image: Image.Image, memory: MarkedMap) -> Image.Image:
    """Returns the image with the kinds and reasons that it shows named below it."""
    kinds = [(kind, COLOURS[kind].kind, False) for kind in sorted(set(np.unique(memory.rows.kinds).tolist()))]
    reasons = [
        (_colour_of(mark), f"stays, {memory.names[mark]}", True)
        for mark in np.unique(memory.marks).tolist()
        if mark
    ]
    entries = [*kinds, *reasons]
    width = max(image.width, _ENTRY_WIDTH + _MARGIN)
    per_row = (width - _MARGIN) // _ENTRY_WIDTH
    nr_rows = -(-len(entries) // per_row)
    whole = Image.new("P", (width, image.height + 2 * _MARGIN + nr_rows * _ROW_HEIGHT), 0)
    whole.paste(image, (0, 0))
    pen = ImageDraw.Draw(whole)
    pen.fontmode = "1"  # no shades of grey: the palette has none
    font = ImageFont.load_default(size=10)
    for position, (colour, name, is_frame) in enumerate(entries):
        row, column = divmod(position, per_row)
        left = _MARGIN + column * _ENTRY_WIDTH
        top = image.height + _MARGIN + row * _ROW_HEIGHT
        box = (left, top, left + _SWATCH, top + _SWATCH)
        if is_frame:
            pen.rectangle(box, outline=colour, width=3)
        else:
            pen.rectangle(box, fill=colour, outline=_INK)
        pen.text((left + _SWATCH + _MARGIN, top - 1), name, fill=_INK, font=font)
    return whole
