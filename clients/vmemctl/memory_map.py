"""A guest's memory as a map of letters on coloured ground: one cell for each pageblock, or for several.

    0x100000  ....aaaaffff!...   Normal

A cell shows what most of its pages are. A "!" shows a cell that looks free or movable but holds pages that
cannot be moved: there an unplug will stop. Letters carry the meaning: the map reads without colours as well.
Left out: the image that the service draws (`map --png`).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.text import Text

from clients.models import PageblockRun, Pageblocks


class Kind(NamedTuple):
    """How one kind of page is shown; `stops` tells whether it cannot be moved out of the way."""

    letter: str
    style: str
    stops: bool = False


KINDS: dict[str, Kind] = {
    "free": Kind(".", "green"),
    "pcp": Kind("c", "black on green"),
    "anon": Kind("a", "white on blue"),
    "file": Kind("f", "black on cyan"),
    "file_clean": Kind("f", "black on cyan"),
    "file_dirty": Kind("d", "black on dark_cyan"),
    "thp": Kind("t", "white on dark_blue"),
    "hugetlb": Kind("h", "white on purple"),
    "movable_ops": Kind("o", "black on bright_cyan"),
    "pinned": Kind("P", "black on yellow", stops=True),
    "unmovable": Kind("U", "white on red", stops=True),
    "unmovable_pages": Kind("U", "white on red", stops=True),
    "reclaimable": Kind("R", "black on dark_orange", stops=True),
    "reserved": Kind("#", "white on bright_black", stops=True),
    "hwpoison": Kind("X", "white on magenta", stops=True),
    "offline": Kind("-", "dim"),
}
UNKNOWN_KIND = Kind("?", "reverse", stops=True)
# Not there at all: a hole, or a memory block that was never plugged.
ABSENT = Kind(" ", "")
STOPPER = "!"


@dataclass
class Cell:
    """Pageblocks in a row, as one letter."""

    pages: Counter[str] = field(default_factory=Counter)
    zones: set[str] = field(default_factory=set)

    @property
    def dominant(self) -> Kind:
        """What most pages are."""
        if not self.pages:
            return ABSENT
        name, _ = max(self.pages.items(), key=lambda item: item[1])
        return KINDS.get(name, UNKNOWN_KIND)

    @property
    def letter(self) -> str:
        """The letter of what most pages are, or "!" where something else would stop an unplug."""
        is_held = any(KINDS.get(name, UNKNOWN_KIND).stops for name, count in self.pages.items() if count)
        return STOPPER if is_held and not self.dominant.stops else self.dominant.letter


class Layout(NamedTuple):
    """How pageblocks become cells; both numbers are powers of two."""

    pageblocks_per_cell: int
    cells_per_row: int


def choose_layout(pageblocks: Pageblocks, *, width: int, most_rows: int) -> Layout:
    """Returns the finest layout that fits: rows of at most `width` cells, and at most `most_rows` of them."""
    cells_per_row = 1 << (max(width, 1).bit_length() - 1)
    pageblocks_per_cell = 1
    while len(_rows_touched(pageblocks, pageblocks_per_cell * cells_per_row)) > most_rows:
        pageblocks_per_cell *= 2
    return Layout(pageblocks_per_cell, cells_per_row)


def fill_cells(pageblocks: Pageblocks, layout: Layout) -> dict[int, Cell]:
    """Returns the cells that hold anything, by number. Linear in runs plus cells."""
    cells: dict[int, Cell] = {}
    for run in pageblocks.runs:
        for number, nr_pageblocks in _cells_of(run, layout.pageblocks_per_cell):
            cell = cells.setdefault(number, Cell())
            for kind, nr_pages in run.pages.items():
                cell.pages[kind] += nr_pages * nr_pageblocks
            if run.zone is not None:
                cell.zones.add(run.zone)
    return cells


def draw_map(pageblocks: Pageblocks, *, width: int = 64, most_rows: int = 40) -> RenderableType:
    """Shows the map with the first pfn of each row, and a legend of what is in it."""
    layout = choose_layout(pageblocks, width=width, most_rows=most_rows)
    cells = fill_cells(pageblocks, layout)
    cell_nr_pages = layout.pageblocks_per_cell * pageblocks.pageblock_nr_pages
    headline = f"one cell: {_count(layout.pageblocks_per_cell, 'pageblock')}, {cell_nr_pages} pages"
    return Group(headline, *_draw_rows(cells, layout, cell_nr_pages), _legend(cells))


def _draw_rows(cells: dict[int, Cell], layout: Layout, cell_nr_pages: int) -> Iterator[Text]:
    rows = sorted({number // layout.cells_per_row for number in cells})
    previous = rows[0] - 1 if rows else 0
    for row in rows:
        if row != previous + 1:
            yield Text("...", style="dim")
        first = row * layout.cells_per_row
        yield _draw_row(
            [cells.get(first + i, Cell()) for i in range(layout.cells_per_row)], first * cell_nr_pages
        )
        previous = row


def _draw_row(cells: Sequence[Cell], start_pfn: int) -> Text:
    text = Text(f"{start_pfn:#11x}  ", style="dim", no_wrap=True, overflow="crop")
    for cell in cells:
        text.append(cell.letter, style=cell.dominant.style)
    text.append("  " + " ".join(sorted(set().union(*(cell.zones for cell in cells)))), style="dim")
    return text


def _legend(cells: dict[int, Cell]) -> Text:
    """Shows the letters that are in the map, and the pages of each kind."""
    total: Counter[str] = Counter()
    for cell in cells.values():
        total.update(cell.pages)
    text = Text()
    for name, count in sorted(total.items(), key=lambda item: -item[1]):
        kind = KINDS.get(name, UNKNOWN_KIND)
        text.append(f" {kind.letter} ", style=kind.style).append(
            f" {name} {_count(count, 'page')}   ", style="default"
        )
    return text.append(f" {STOPPER} ", style="bold").append(" holds pages that cannot be moved")


def _cells_of(run: PageblockRun, pageblocks_per_cell: int) -> Iterator[tuple[int, int]]:
    """Yields the cells that a run touches, each with how many of the run's pageblocks are in it."""
    start, end = run.start_pageblock, run.start_pageblock + run.nr_pageblocks
    while start < end:
        number = start // pageblocks_per_cell
        stop = min(end, (number + 1) * pageblocks_per_cell)
        yield number, stop - start
        start = stop


def _rows_touched(pageblocks: Pageblocks, pageblocks_per_row: int) -> set[int]:
    """Returns the rows that would hold anything."""
    rows: set[int] = set()
    for run in pageblocks.runs:
        last = run.start_pageblock + run.nr_pageblocks - 1
        rows.update(range(run.start_pageblock // pageblocks_per_row, last // pageblocks_per_row + 1))
    return rows


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
