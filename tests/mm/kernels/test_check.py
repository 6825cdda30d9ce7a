"""Recounting: what the walks add up in a sound node, and where they stop in a broken one."""

import numpy as np
import pytest

from app.mm.checks.violation import no_findings
from app.mm.kernels import check, findings, layout
from app.mm.kernels.check import Recount
from app.mm.node import Node
from app.mm.page import Migratetype, PageKind
from app.mm.zone import ZoneId
from tests.model.pictures import Style, parse

pytestmark = pytest.mark.interpreted

NORMAL = ZoneId.NORMAL


def recount(node: Node, *, is_strict: int = 0) -> tuple[Recount, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Walks pages and lists; returns the counts, and how often each kind of finding was made."""
    by_type = (layout.ZONES_PER_NODE, layout.NR_TYPES)
    by_order = (layout.ZONES_PER_NODE, node.geometry.max_order + 1)
    shapes = ((layout.ZONES_PER_NODE, layout.NR_KINDS), by_type, by_type, by_order, by_order, by_type, (2,))
    counts = Recount._make([*(np.zeros(shape, np.int64) for shape in shapes), node.stat.copy()])
    noted = no_findings()
    check.recount_node(node.arrays, is_strict, counts, noted)
    return counts, noted.nr


def test_walks_of_sound_node_count_everything_and_find_nothing() -> None:
    """Kinds, free pages by their own pageblock's type, heads and entries by order, runs and owners."""
    node = parse(
        "|MM..T---|........|C-------|--------|........|........|        |        |", Style(types="MRUUCCMM")
    )
    counts, found = recount(node)
    assert not found.any()
    assert (counts.kinds[NORMAL, PageKind.FREE], counts.kinds[NORMAL, PageKind.UNMOVABLE]) == (26, 16)
    assert counts.free[NORMAL].tolist() == [0, 2, 8, 0, 16, 0]
    assert counts.heads[NORMAL].tolist() == counts.entries[NORMAL].tolist() == [0, 1, 0, 1, 1]
    assert counts.listed[NORMAL].tolist() == [0, 2, 8, 0, 16, 0]
    assert counts.blocks[NORMAL].tolist() == [2, 1, 1, 0, 2, 0]
    assert counts.runs.tolist() == [7, 4]
    assert (counts.stat == node.stat).all()


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
    assert (found[findings.F_GAP], found[findings.F_USED_MISPLACED], found.sum()) == (1, 1, 2)
    assert counts.kinds[NORMAL, PageKind.ANON] == 4
    assert counts.runs[0] == 6


@pytest.mark.parametrize("row", [-1, -(2**31), 2**31 - 1, 10**6])
def test_walk_of_list_with_impossible_row_stops(row: int) -> None:
    """A row outside the arrays is not looked at."""
    node = parse("|........|........|")
    node.arrays.link[0] = row
    assert recount(node)[1][findings.F_LINK] == 1


def test_walk_of_list_that_runs_into_another_stops() -> None:
    """Two sentinels in one circle belong to no list."""
    node = parse("|........|........|")
    opener, other = node.arrays.geo.sentinels, node.arrays.geo.sentinels + 1
    node.arrays.link[2 * opener] = node.arrays.link[2 * opener + 1] = other
    node.arrays.link[2 * other] = node.arrays.link[2 * other + 1] = opener
    assert recount(node)[1][findings.F_LINK] == 2


def test_walk_of_circle_that_misses_its_sentinel_stops() -> None:
    """A row that follows itself does not name its predecessor."""
    node = parse("|........|........|")
    node.arrays.link[:2] = 0
    assert recount(node)[1][findings.F_LINK] == 1


def test_walk_of_list_through_hidden_row_reports_the_entry() -> None:
    """A chunk's first pageblock has a row that no page uses."""
    node = parse("|........|........|")
    hidden = node.arrays.geo.nr_chunks
    opener = int(node.arrays.link[0])
    node.arrays.link[2 * opener] = node.arrays.link[2 * opener + 1] = hidden
    node.arrays.link[2 * hidden] = node.arrays.link[2 * hidden + 1] = opener
    assert recount(node)[1][findings.F_ENTRY] == 1


def test_strict_walk_reports_types_that_the_weak_one_allows() -> None:
    """INV-4 in both forms."""
    node = parse("|....|....|", Style(types="RM"))
    assert recount(node)[1][findings.F_LIST_TYPE] == 0
    assert recount(node, is_strict=1)[1][findings.F_LIST_TYPE] == 1


def test_list_types_are_told_apart_by_what_they_break() -> None:
    """INV-10 and INV-12 are findings beside INV-4."""
    node = parse("|........|M.......|")
    node.arrays.block_type[0] = Migratetype.ISOLATE
    found = recount(node)[1]
    assert (
        found[findings.F_LIST_TYPE],
        found[findings.F_LIST_ISOLATE],
        found[findings.F_LIST_HIGHATOMIC],
    ) == (
        1,
        1,
        0,
    )
    node = parse("|........|M.......|", Style(types="HM"))
    node.arrays.block_type[0] = Migratetype.CMA
    found = recount(node)[1]
    assert (
        found[findings.F_LIST_TYPE],
        found[findings.F_LIST_ISOLATE],
        found[findings.F_LIST_HIGHATOMIC],
    ) == (
        1,
        0,
        1,
    )


def test_list_types_behind_the_first_that_differs_are_seen_for_isolation() -> None:
    """S01: a chunk over MOVABLE and an isolated pageblock, on list CMA, is wrong in both ways."""
    node = parse("|....|....|", Style("rfc-v1", types="CC"))
    node.arrays.block_type[:] = (Migratetype.MOVABLE, Migratetype.ISOLATE)
    counts, noted = recount(node)
    assert counts.entries[NORMAL].tolist() == [0, 0, 0, 1]
    assert (noted[findings.F_LIST_TYPE], noted[findings.F_LIST_ISOLATE]) == (1, 1)


@pytest.mark.parametrize(
    ("policy", "byte", "kept"),
    [("linux-5.19", 5, Migratetype.ISOLATE), ("linux-6.17", 8 | 3, Migratetype.HIGHATOMIC)],
)
def test_recount_of_isolated_pageblock_knows_both_ways_to_keep_it(
    policy: str, byte: int, kept: Migratetype
) -> None:
    """G-10: isolated is isolated, in the type's place or beside it; only then is there a type to count under."""
    node = parse("|........|M.......|", Style(policy))
    node.arrays.block_type[0] = byte
    counts, found = recount(node)
    assert counts.stat[NORMAL, layout.S_NR_ISOLATE] == 1
    assert counts.blocks[NORMAL, kept] == 1
    assert (counts.free[NORMAL, Migratetype.ISOLATE], found[findings.F_LIST_ISOLATE]) == (8, 1)


@pytest.mark.parametrize(
    ("policy", "byte"), [("linux-5.19", 8), ("linux-5.19", 6), ("linux-6.17", 5), ("linux-6.17", 13)]
)
def test_recount_of_byte_that_the_policy_never_writes_notes_it(policy: str, byte: int) -> None:
    """The isolate bit exists from 6.17 on, and the type ISOLATE before."""
    node = parse("|........|M.......|", Style(policy))
    node.arrays.block_type[1] = byte
    assert recount(node)[1][findings.F_TYPE_BYTE] == 1


@pytest.mark.parametrize(("owner", "count"), [(7, 1), (-1, 1), (0, 0), (-16, 0), (int(check.PLACED) | 7, 0)])
def test_recount_of_kernel_page_in_cma_looks_at_who_chose_its_place(owner: int, count: int) -> None:
    """The allocator's pages and memmap are noted; clients of CMA, contiguous ranges and tiles are there on purpose."""
    node = parse("|U.......|M.......|", Style(types="CM"))
    layout.set_owner(node.arrays, 0, owner)
    assert recount(node)[1][findings.F_KERNEL_IN_CMA] == count


def test_recount_of_counters_says_what_they_should_be() -> None:
    """Whatever stat holds, the copy is corrected; where nothing can be counted, it stays."""
    node = parse("|........|M.......|", Style(types="HC"))
    before = node.stat.copy()
    node.stat[NORMAL] += 1
    counts = recount(node)[0]
    columns = np.flatnonzero((counts.stat != node.stat)[NORMAL]).tolist()
    assert columns == [
        layout.S_NR_FREE,
        layout.S_NR_FREE_CMA,
        layout.S_MANAGED,
        layout.S_PRESENT,
        layout.S_START_PFN,
        layout.S_NR_ISOLATE,
        layout.S_NR_RESERVED_HIGHATOMIC,
    ]
    assert (counts.stat[NORMAL, columns] == before[NORMAL, columns]).all()
