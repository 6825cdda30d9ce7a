"""Recounting: what the walks add up in a sound node, and where they stop in a broken one."""

import numpy as np
import pytest

from app.mm.kernels import check, layout
from app.mm.kernels.check import Recount
from app.mm.node import Node
from app.mm.page import Migratetype, PageKind
from app.mm.violation import no_findings
from app.mm.zone import ZoneId
from tests.model.pictures import Style, parse

pytestmark = pytest.mark.interpreted

NORMAL = ZoneId.NORMAL


def recount(node: Node, *, is_strict: int = 0) -> tuple[Recount, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Walks pages and lists; returns the counts, and how often each kind of finding was made."""
    orders = (layout.NR_ZONES, node.geometry.max_order + 1)
    counts = Recount(
        np.zeros((layout.NR_ZONES, layout.NR_KINDS), np.int64),
        np.zeros((layout.NR_ZONES, layout.NR_TYPES), np.int64),
        np.zeros(orders, np.int64),
        np.zeros(orders, np.int64),
        np.zeros(2, np.int64),
    )
    findings = no_findings()
    check.walk_pages(node.arrays, counts, findings)
    check.walk_lists(node.arrays, is_strict, counts, findings)
    return counts, findings.nr


def test_walks_of_sound_node_count_everything_and_find_nothing() -> None:
    """Kinds, free pages by their own pageblock's type, heads and entries by order, runs and owners."""
    node = parse(
        "|MM..T---|........|C-------|--------|........|........|        |        |", Style(types="MRUUCC")
    )
    counts, found = recount(node)
    assert not found.any()
    assert (counts.kinds[NORMAL, PageKind.FREE], counts.kinds[NORMAL, PageKind.UNMOVABLE]) == (26, 16)
    assert counts.free[NORMAL].tolist() == [0, 2, 8, 0, 16, 0]
    assert counts.heads[NORMAL].tolist() == counts.entries[NORMAL].tolist() == [0, 1, 0, 1, 1]
    assert counts.runs.tolist() == [7, 4]


def test_walk_of_free_chunk_counts_each_page_under_its_own_type() -> None:
    """INV-8: page by page, whatever list the chunk is on."""
    node = parse("|....|....|", Style(types="RM"))
    assert recount(node)[0].free[NORMAL].tolist() == [0, 4, 4, 0, 0, 0]


def test_walk_behind_gap_and_misplaced_head_finds_its_way() -> None:
    """A gap is one finding, a misplaced head one more; sound runs behind them are counted."""
    node = parse("|MMMMMMMM|........|")
    for pfn in (1, 2, 3):
        layout.clear_head(node.arrays, pfn)
    layout.set_head(node.arrays, 5, int(PageKind.THP), 2)
    counts, found = recount(node)
    assert (found[check.F_GAP], found[check.F_USED_MISPLACED], found.sum()) == (1, 1, 2)
    assert counts.kinds[NORMAL, PageKind.ANON] == 4
    assert counts.runs[0] == 6


@pytest.mark.parametrize("row", [-1, -(2**31), 2**31 - 1, 10**6])
def test_walk_of_list_with_impossible_row_stops(row: int) -> None:
    """A row outside the arrays is not looked at."""
    node = parse("|........|........|")
    node.arrays.link[0] = row
    assert recount(node)[1][check.F_LINK] == 1


def test_walk_of_list_that_runs_into_another_stops() -> None:
    """Two sentinels in one circle belong to no list."""
    node = parse("|........|........|")
    opener, other = node.arrays.geo.sentinels, node.arrays.geo.sentinels + 1
    node.arrays.link[2 * opener] = node.arrays.link[2 * opener + 1] = other
    node.arrays.link[2 * other] = node.arrays.link[2 * other + 1] = opener
    assert recount(node)[1][check.F_LINK] == 2


def test_walk_of_circle_that_misses_its_sentinel_stops() -> None:
    """A row that follows itself does not name its predecessor."""
    node = parse("|........|........|")
    node.arrays.link[:2] = 0
    assert recount(node)[1][check.F_LINK] == 1


def test_walk_of_list_through_hidden_row_reports_the_entry() -> None:
    """A chunk's first pageblock has a row that no page uses."""
    node = parse("|........|........|")
    hidden = node.arrays.geo.nr_chunks
    opener = int(node.arrays.link[0])
    node.arrays.link[2 * opener] = node.arrays.link[2 * opener + 1] = hidden
    node.arrays.link[2 * hidden] = node.arrays.link[2 * hidden + 1] = opener
    assert recount(node)[1][check.F_ENTRY] == 1


def test_strict_walk_reports_types_that_the_weak_one_allows() -> None:
    """INV-4 in both forms."""
    node = parse("|....|....|", Style(types="RM"))
    assert recount(node)[1][check.F_LIST_TYPE] == 0
    assert recount(node, is_strict=1)[1][check.F_LIST_TYPE] == 1


def test_list_types_are_told_apart_by_what_they_break() -> None:
    """INV-10 and INV-12 are findings beside INV-4."""
    node = parse("|........|M.......|")
    node.arrays.block_type[0] = Migratetype.ISOLATE
    found = recount(node)[1]
    assert (found[check.F_LIST_TYPE], found[check.F_LIST_ISOLATE], found[check.F_LIST_HIGHATOMIC]) == (
        1,
        1,
        0,
    )
    node = parse("|........|M.......|", Style(types="HM"))
    node.arrays.block_type[0] = Migratetype.CMA
    found = recount(node)[1]
    assert (found[check.F_LIST_TYPE], found[check.F_LIST_ISOLATE], found[check.F_LIST_HIGHATOMIC]) == (
        1,
        0,
        1,
    )


def test_numbers_of_lists_come_apart_again() -> None:
    """Zone, order and type in four bits each."""
    number = 3 << 8 | 10 << 4 | 5
    assert (check.zone_of_list(number), check.order_of_list(number), check.type_of_list(number)) == (3, 10, 5)


def test_unlisted_heads_are_those_without_a_mark() -> None:
    """Marks are set for sound entries; without any, every free head is found."""
    node = parse("|M.......|........|        |        |")
    findings = no_findings()
    is_listed = np.zeros(node.arrays.head.size, np.uint8)
    check.find_unlisted(node.arrays, is_listed, findings)
    assert findings.places[check.F_UNLISTED, : findings.nr[check.F_UNLISTED], 0].tolist() == [1, 2, 4, 8]
    check.mark_entries(node.arrays, is_listed)
    findings = no_findings()
    check.find_unlisted(node.arrays, is_listed, findings)
    assert findings.nr.sum() == 0


def test_strays_are_bytes_inside_runs_and_without_memory() -> None:
    """Where the run begins that holds them, or -1."""
    node = parse("|T-------|........|        |        |")
    layout.set_head(node.arrays, 3, int(PageKind.ANON), 0)
    layout.set_head(node.arrays, 17, int(PageKind.ANON), 0)
    layout.set_owner(node.arrays, 9, 4)
    findings = no_findings()
    check.find_strays(node.arrays, findings)
    assert findings.places[check.F_STRAY_HEAD, :2].tolist() == [[3, 3, 0], [17, 3, -1]]
    assert findings.places[check.F_STRAY_OWNER, :1].tolist() == [[9, 4, 8]]
