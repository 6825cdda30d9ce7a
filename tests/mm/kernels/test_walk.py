"""Reading pages: counts, runs and lists against the same read page by page."""

from collections import Counter

import numpy as np
import pytest

from app.mm.kernels import layout, walk
from app.mm.node import Node
from app.mm.page import PageKind
from app.mm.zone import ZoneId
from tests.model.pictures import parse

pytestmark = pytest.mark.interpreted

# Chunks of two pageblocks, a compound over two pageblocks, a hole of two chunks.
PICTURE = (
    "|MM..T---|....FfSR|C-------|--------"
    "|        |        |        |        "
    "|OOOOOOOO|........|M.......|........|"
)


def node_of_letters() -> Node:
    """Returns the picture's node."""
    return parse(PICTURE)


def kinds_page_by_page(node: Node) -> dict[int, Counter[PageKind]]:
    """Returns the pages of each kind, pageblock by pageblock."""
    size = node.geometry.pageblock_nr_pages
    counts = {
        block: Counter(node.kind_of(pfn) for pfn in range(block * size, (block + 1) * size))
        for block in range(node.nr_pages // size)
    }
    for counter in counts.values():
        del counter[PageKind.NONE]
    return counts


def test_count_kinds_of_every_pageblock_is_right() -> None:
    """A run over two pageblocks counts in both; a hole counts nothing."""
    node = node_of_letters()
    counts = np.zeros((12, layout.NR_KINDS), np.int64)
    walk.count_kinds(node.arrays, 0, node.nr_pages, counts)
    for block, expected in kinds_page_by_page(node).items():
        found = {PageKind(kind): int(pages) for kind, pages in enumerate(counts[block]) if pages}
        assert found == dict(expected)


def test_count_kinds_of_part_counts_from_its_first_pageblock() -> None:
    """Row 0 is the first pageblock asked for; a run that goes on behind the end is cut there."""
    node = node_of_letters()
    counts = np.zeros((1, layout.NR_KINDS), np.int64)
    walk.count_kinds(node.arrays, 16, 24, counts)
    assert counts[0, PageKind.UNMOVABLE] == 8
    assert counts.sum() == 8


def test_count_zone_kinds_adds_up_zone_by_zone() -> None:
    """Two zones, each with its own pages."""
    node = node_of_letters()
    node.arrays.block_zone[8:] = ZoneId.MOVABLE + 1
    counts = np.zeros((layout.ZONES_PER_NODE, layout.NR_KINDS), np.int64)
    walk.count_zone_kinds(node.arrays, counts)
    assert counts.sum(axis=1).tolist() == [0, 0, 32, 32]
    assert (counts[2, PageKind.UNMOVABLE], counts[3, PageKind.OFFLINE]) == (16, 8)


def test_collect_runs_writes_each_run_once_and_stops_when_full() -> None:
    """Ascending, with head byte and owner; a small table holds the first ones."""
    node = node_of_letters()
    table = np.zeros((99, 3), np.int64)
    count = int(walk.collect_runs(node.arrays, 0, node.nr_pages, table))
    pfns = table[:count, 0].tolist()
    assert pfns == sorted(pfns)
    assert sum(1 << (head >> 4) for head in table[:count, 1].tolist()) == 64
    assert table[0].tolist() == [0, PageKind.ANON, 1]
    few = np.zeros((3, 3), np.int64)
    assert int(walk.collect_runs(node.arrays, 0, node.nr_pages, few)) == 3
    assert few.tolist() == table[:3].tolist()


def test_collect_owned_counts_all_and_writes_what_fits() -> None:
    """The number is right even if the array is too small."""
    node = node_of_letters()
    assert node.alloc_pages(PageKind.ANON, 0, 5, owner=999) == 5
    pfns = np.full(3, -1, np.int64)
    assert int(walk.collect_owned(node.arrays, 0, node.nr_pages, 999, pfns)) == 5
    assert (pfns >= 0).all()
    assert int(walk.collect_owned(node.arrays, 0, node.nr_pages, 12345, pfns)) == 0


@pytest.mark.parametrize(
    ("start", "end", "kind", "expected"),
    [
        (0, 2, PageKind.ANON, True),
        (0, 3, PageKind.ANON, False),
        (18, 30, PageKind.UNMOVABLE, True),
        (32, 34, PageKind.FREE, False),
        (64, 72, PageKind.OFFLINE, True),
    ],
)
def test_is_all_judges_runs_that_begin_before(
    start: int, end: int, kind: PageKind, *, expected: bool
) -> None:
    """A range inside a run, over several, and where no memory is."""
    node = node_of_letters()
    assert bool(walk.is_all(node.arrays, start, end, int(kind))) is expected


def test_free_runs_returns_pages_freed() -> None:
    """Runs of any order, in the order given."""
    node = node_of_letters()
    assert int(walk.free_runs(node.arrays, np.array([4, 0, 16], np.int64))) == 4 + 1 + 16
    assert node.kind_of(17) is PageKind.FREE


def test_list_pfns_gives_head_first_and_the_whole_length() -> None:
    """The odd page of a pair is found where the even one is used; a short array gets the first ones."""
    node = parse("|M.M.M.M.|........|")
    pfns = np.full(2, -1, np.int64)
    assert int(walk.list_pfns(node.arrays, int(ZoneId.NORMAL), 0, 1, pfns)) == 4
    assert pfns.tolist() == [1, 3]
    assert int(walk.list_pfns(node.arrays, int(ZoneId.NORMAL), 0, 0, pfns)) == 0
