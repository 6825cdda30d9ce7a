"""The table of allocations: whole or not at all, counted as the pages are."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import GuestOutOfMemory, RangeUnavailable, Unknown
from app.guest.allocations import Allocation, AllocationSpec, AllocationTable
from app.guest.random_stream import RandomStream
from app.mm.owned import count_pages_by_owner, room_for
from app.mm.page import PageKind
from app.trace.events import PagesAllocated, PagesFreed
from app.trace.sink import ListSink
from tests.guest.making import toy_guest


def new_table() -> tuple[AllocationTable, ListSink]:
    """Returns an empty table on a toy node with 64 MiB, and the sink of its events."""
    sink = ListSink()
    return AllocationTable(toy_guest().node, sink), sink


def test_allocate_tells_who_has_which_pages() -> None:
    """Pages carry the allocation's id; events say what was taken and freed."""
    table, sink = new_table()
    row = table.allocate(AllocationSpec(kind="anon", nr_pages=10, label="heap"))
    assert row == Allocation(1, PageKind.ANON, 0, 10, "heap")
    assert table.free(1) == 10
    assert list(table) == []
    assert sink.events == [PagesAllocated(1, "anon", 0, 10), PagesFreed(1, 10)]


def test_ids_are_never_used_again() -> None:
    """A freed allocation's id stays its own."""
    table, _ = new_table()
    table.allocate(AllocationSpec(kind="anon", nr_pages=1))
    table.free(1)
    assert table.allocate(AllocationSpec(kind="anon", nr_pages=1)).id == 2
    with pytest.raises(Unknown):
        table.get(1)


def test_allocate_all_that_there_is_room_for() -> None:
    """The exact room can be had, one page more cannot, and then nothing is."""
    table, _ = new_table()
    node = table._node  # noqa: SLF001 - the node behind the table is what the test looks at
    room = room_for(node, PageKind.ANON, 0)
    with pytest.raises(GuestOutOfMemory) as caught:
        table.allocate(AllocationSpec(kind="anon", nr_pages=room + 1))
    assert caught.value.members == {"nr_pages": room + 1, "room_pages": room}
    assert table.allocate(AllocationSpec(kind="anon", nr_pages=room)).nr_pages == room
    assert room_for(node, PageKind.ANON, 0) == 0


def test_allocate_at_pages_takes_exactly_those() -> None:
    """Exact places are taken in one allocation; if one is not free, none is."""
    table, _ = new_table()
    node = table._node  # noqa: SLF001 - the node behind the table is what the test looks at
    pfns = (160, 162, 176)
    table.allocate(AllocationSpec(kind="slab", order=1, at_pfns=pfns))
    assert node.owned_pfns(1).tolist() == list(pfns)
    with pytest.raises(RangeUnavailable) as caught:
        table.allocate(AllocationSpec(kind="anon", at_pfns=(200, 163)))
    assert caught.value.members == {"field": "at_pfns[1]", "pfn": 163, "kind": "unmovable"}
    assert node.kind_of(200) is PageKind.FREE


def test_shrink_and_grow_keep_the_row() -> None:
    """A workload's allocation may be empty for a while; forget_empty() ends that."""
    table, _ = new_table()
    row = table.fill(PageKind.ANON, 0, 20, label="a")
    assert table.shrink(row.id, 99, RandomStream(1)) == 20
    assert table.get(row.id).nr_pages == 0
    assert table.grow(row.id, 5) == 5
    assert table.get(row.id).nr_pages == 5
    table.shrink(row.id, 5, RandomStream(1))
    table.forget_empty()
    assert list(table) == []


def test_pin_changes_kind_where_pages_are() -> None:
    """Pinned pages stay at their places and in their allocation."""
    table, _ = new_table()
    node = table._node  # noqa: SLF001 - the node behind the table is what the test looks at
    table.fill(PageKind.ANON, 0, 20, label="a")
    places = node.owned_pfns(1).tolist()
    assert table.pin(1, 3, RandomStream(5)) == 3
    assert node.owned_pfns(1).tolist() == places
    assert sorted(node.kind_of(pfn) for pfn in places) == [PageKind.ANON] * 17 + [PageKind.PINNED] * 3


@settings(max_examples=30, deadline=None)
@given(
    acts=st.lists(
        st.tuples(st.sampled_from(["anon", "thp", "slab"]), st.integers(1, 12), st.floats(0, 1)), max_size=12
    )
)
def test_counts_are_those_of_the_pages(acts: list[tuple[str, int, float]]) -> None:
    """After any acts each row's count is what a walk over the pages finds."""
    table, _ = new_table()
    for kind, nr_runs, fraction in acts:
        order = 3 if kind == "thp" else 0
        row = table.allocate(AllocationSpec(kind=kind, nr_pages=nr_runs << order))
        table.free(row.id, fraction, RandomStream(nr_runs))
    counted = count_pages_by_owner(table._node, table.last_id)  # noqa: SLF001 - as above
    assert {row.id: row.nr_pages for row in table} == {
        owner: int(pages) for owner, pages in enumerate(counted) if pages
    }
