"""The census: pages by kind in each pageblock, neighbours that are alike in one run."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.mm import census, hotplug
from app.mm.census import (
    PageblockRun,
    Run,
    collect_free_blocks,
    collect_runs,
    count_kinds,
    dominant_kinds,
    online_batches,
    pageblock_runs,
)
from app.mm.page import Migratetype, PageKind
from app.mm.zone import ZoneId
from tests.mm.small_nodes import toy_node, two_nodes


def test_count_spreads_large_runs_over_pageblocks() -> None:
    """A free chunk counts in both of its pageblocks, a single page in its own."""
    node = toy_node()
    node.alloc_at(3, 0, PageKind.PINNED, owner=1)
    counts = count_kinds(node, 0, 4)
    assert counts[0, PageKind.FREE] == 7
    assert counts[0, PageKind.PINNED] == 1
    assert counts[1:, PageKind.FREE].tolist() == [8, 8, 8]
    assert counts.sum() == 32


def test_runs_join_equal_neighbours_across_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """However memory is cut into batches, the runs are the same."""
    node = toy_node()
    node.alloc_at(70, 0, PageKind.ANON, owner=1)
    whole = list(pageblock_runs(node))
    assert whole == [
        PageblockRun(0, 8, Migratetype.MOVABLE, "Normal", 0, {PageKind.FREE: 8}),
        PageblockRun(8, 9, Migratetype.MOVABLE, "Normal", 0, {PageKind.FREE: 7, PageKind.ANON: 1}),
        PageblockRun(9, 16, Migratetype.MOVABLE, "Normal", 0, {PageKind.FREE: 8}),
    ]
    for batch in (1, 4):
        monkeypatch.setattr(census, "_BATCH", batch)
        assert list(pageblock_runs(node)) == whole


def test_absent_memory_is_no_run() -> None:
    """Pageblocks without memory are left out, and zones part the runs."""
    node = toy_node(4)
    hotplug.offline_pages(node, 64, 128)
    hotplug.remove_memory(node, 64, 128)
    hotplug.add_memory(node, 64, 128)
    assert all(run.end <= 8 or run.start >= 16 for run in pageblock_runs(node))
    hotplug.online_pages(node, 64, 128, ZoneId.MOVABLE)
    assert list(online_batches(node)) == [(0, 8), (8, 16), (16, 32)]
    assert {run.zone_name for run in pageblock_runs(node)} == {"Normal", "Movable"}


def test_collect_runs_and_free_blocks_name_what_is_there() -> None:
    """Runs are ascending; free blocks come list by list, with the type of the list."""
    node = toy_node(1)
    node.alloc_at(3, 0, PageKind.ANON, owner=7)
    assert collect_runs(node)[:4] == [
        Run(0, PageKind.FREE, 1, 0),
        Run(2, PageKind.FREE, 0, 0),
        Run(3, PageKind.ANON, 0, 7),
        Run(4, PageKind.FREE, 2, 0),
    ]
    blocks = collect_free_blocks(node, ZoneId.NORMAL)
    assert [block[:2] for block in blocks] == [(2, 0), (0, 1), (4, 2), (8, 3), (16, 4), (32, 4), (48, 4)]
    assert {block.migratetype for block in blocks} == {Migratetype.MOVABLE}
    assert collect_free_blocks(node, ZoneId.MOVABLE) == []


@settings(max_examples=50, deadline=None)
@given(
    pages=st.lists(
        st.tuples(st.integers(0, 127), st.sampled_from([PageKind.ANON, PageKind.UNMOVABLE])), max_size=60
    )
)
def test_census_agrees_with_page_by_page_look(pages: list[tuple[int, PageKind]]) -> None:
    """Counts, dominant kinds and runs are those of a naive walk over single pages."""
    node = toy_node()
    for pfn, kind in pages:
        node.alloc_at(pfn, 0, kind, owner=1)
    naive = np.zeros((16, 16), np.int64)
    for pfn in range(128):
        naive[pfn // 8, node.kind_of(pfn)] += 1
    assert (count_kinds(node, 0, 16) == naive).all()
    assert (dominant_kinds(node) == naive.argmax(axis=1)).all()
    for run in pageblock_runs(node):
        for pageblock in range(run.start, run.end):
            assert {
                PageKind(kind): count for kind, count in enumerate(naive[pageblock]) if count
            } == run.pages


def test_runs_of_two_nodes_are_not_joined() -> None:
    """Pageblocks that are alike but for their node stay apart."""
    runs = list(pageblock_runs(two_nodes(4)))
    assert [(run.start, run.end, run.zone_name, run.numa_node) for run in runs] == [
        (0, 16, "Normal", 0),
        (16, 32, "Normal", 1),
    ]
