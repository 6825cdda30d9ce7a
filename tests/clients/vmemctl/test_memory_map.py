"""The map of letters."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.models import Pageblocks
from clients.vmemctl.memory_map import Cell, Layout, choose_layout, draw_map, fill_cells
from tests.clients import recorded
from tests.clients.vmemctl.terminal import shown

PAGEBLOCKS = Pageblocks.model_validate(recorded.PAGEBLOCKS)


def runs(*parts: tuple[int, int, dict[str, int]]) -> Pageblocks:
    """Returns pageblocks of 512 pages, given as runs of (start, count, pages)."""
    return Pageblocks.model_validate(
        {
            "pageblock_nr_pages": 512,
            "runs": [
                {"start_pageblock": start, "nr_pageblocks": count, "zone": "Normal", "pages": pages}
                for start, count, pages in parts
            ],
        }
    )


def rows_of(text: str) -> list[str]:
    """Returns the cells of each row."""
    return [line[13:] for line in text.splitlines() if line.lstrip().startswith("0x")]


def test_map_shows_each_pageblock_where_it_is() -> None:
    """Free, held by one unmovable page, absent, and mostly anon."""
    text = shown(draw_map(PAGEBLOCKS, width=64))
    first, second = rows_of(text)
    assert first.rstrip() == "...!" + " " * 60 + "  Normal"
    assert second.rstrip() == "a" * 64 + "  Movable"
    assert "one cell: 1 pageblock, 512 pages" in text
    assert text.splitlines()[2].strip() == "..."


def test_map_labels_rows_with_pfns() -> None:
    """An obstacle's pfn is found in the map without a computation."""
    assert "0x100000  aaaa" in shown(draw_map(PAGEBLOCKS, width=64))


def test_map_tells_what_its_letters_mean() -> None:
    """Only what is in the map is in the legend, with its pages."""
    text = shown(draw_map(PAGEBLOCKS))
    assert "unmovable 1 page " in text
    assert f"anon {64 * 400} pages" in text
    assert "hugetlb" not in text


def test_map_of_a_large_guest_fits_the_terminal() -> None:
    """A guest of 1 TiB is drawn with several pageblocks in a cell."""
    text = shown(draw_map(runs((0, 524288, {"free": 512})), width=64, most_rows=32))
    assert len(rows_of(text)) == 32
    assert "one cell: 256 pageblocks, 131072 pages" in text


def test_map_of_nothing_is_empty() -> None:
    """A guest without memory draws no row."""
    assert rows_of(shown(draw_map(runs()))) == []


@pytest.mark.parametrize(
    ("pages", "letter"),
    [
        ({}, " "),
        ({"free": 512}, "."),
        ({"free": 100, "anon": 412}, "a"),
        ({"free": 511, "unmovable": 1}, "!"),
        ({"anon": 511, "pinned": 1}, "!"),
        ({"unmovable": 300, "free": 212}, "U"),
        ({"offline": 512}, "-"),
        ({"reserved": 512}, "#"),
        ({"something_new": 512}, "?"),
        ({"free": 500, "something_new": 12}, "!"),
        ({"free": 512, "unmovable": 0}, "."),
    ],
)
def test_letter_warns_of_what_cannot_be_moved(pages: dict[str, int], letter: str) -> None:
    """What an unplug would meet shows, even one page in 512; an unknown kind counts as unmovable."""
    cells = fill_cells(runs((0, 1, pages)), Layout(1, 8))
    assert cells.get(0, Cell()).letter == letter


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 70)), max_size=8),
    st.integers(1, 100),
    st.integers(1, 20),
)
def test_cells_hold_every_page_once(parts: list[tuple[int, int]], width: int, most_rows: int) -> None:
    """However runs are cut into cells, no page is lost or counted twice, and the map fits."""
    pageblocks = runs(*_in_a_row(parts))
    layout = choose_layout(pageblocks, width=width, most_rows=most_rows)
    cells = fill_cells(pageblocks, layout)
    total = sum(count for cell in cells.values() for count in cell.pages.values())
    assert total == sum(512 * run.nr_pageblocks for run in pageblocks.runs)
    assert layout.cells_per_row <= width
    assert len({number // layout.cells_per_row for number in cells}) <= most_rows


def _in_a_row(parts: list[tuple[int, int]]) -> list[tuple[int, int, dict[str, Any]]]:
    """Returns runs with gaps between them."""
    start, placed = 0, []
    for gap, count in parts:
        placed.append((start + gap, count, {"free": 512}))
        start += gap + count
    return placed
