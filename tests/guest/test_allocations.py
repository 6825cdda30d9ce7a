"""The table of allocations: whole or not at all, counted as the pages are."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import GuestOutOfMemory, InvalidValue, RangeUnavailable, Unknown
from app.guest.allocations import Allocation, AllocationSpec, AllocationTable
from app.guest.cma_plan import CmaAreaSpec
from app.guest.random_stream import RandomStream
from app.mm.checks.invariants import verify
from app.mm.owned import count_pages_by_owner, room_for
from app.mm.page import Migratetype, PageKind
from app.mm.zone import ZoneId
from app.trace.events import PagesAllocated, PagesFreed
from app.trace.sink import ListSink
from app.units import MIB
from tests.guest.making import toy_guest, x86_guest


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


@pytest.mark.parametrize("policy", ["linux-5.15", "linux-5.19", "linux-6.12", "linux-6.17"])
def test_gigantic_pages_are_had_counted_and_freed_one_by_one(policy: str) -> None:
    """K-3, K-4: two pages of 64 toy pages each; a part of the allocation is whole gigantic pages."""
    calls: list[int] = []
    node = toy_guest(policy=policy).node
    table = AllocationTable(node, ListSink(), on_contig=lambda _, nr_pages: calls.append(nr_pages))
    row = table.allocate(AllocationSpec(kind="hugetlb", order=6, nr_pages=128))
    assert (row.nr_pages, row.order, calls) == (128, 6, [64, 64])
    assert [node.kind_of(pfn) for pfn in (63, 64, 191)] == [
        PageKind.FREE,
        PageKind.HUGETLB,
        PageKind.HUGETLB,
    ]
    table.recount()
    assert table.get(row.id) == row
    assert table.free(row.id, 0.5, RandomStream(3)) == 64
    assert table.get(row.id).nr_pages == 64
    assert verify(node) == []
    assert table.free(row.id) == 64
    assert list(table) == []
    assert verify(node) == []


def test_gigantic_pages_that_are_not_there_are_none() -> None:
    """What could be had is given back, and page cache that was dropped on the way is counted."""
    table, _ = new_table()
    cache = table.allocate(AllocationSpec(kind="file", at_pfns=(70, 71)))
    with pytest.raises(GuestOutOfMemory) as caught:
        table.allocate(AllocationSpec(kind="hugetlb", order=6, nr_pages=64 * 99))
    assert caught.value.members["room_pages"] == 64 * 7
    assert [row.id for row in table] == []
    assert cache.nr_pages == 2


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (AllocationSpec(kind="hugetlb", order=6, at_pfns=(64,)), "at_pfns"),
        (AllocationSpec(kind="hugetlb", order=18, nr_pages=1 << 18), "order"),
        (AllocationSpec(kind="slab", order=1, at_pfns=(160,), is_highatomic=True), "at_pfns"),
        (AllocationSpec(kind="slab", order=0, nr_pages=1, is_highatomic=True), "highatomic"),
        (AllocationSpec(kind="anon", order=1, nr_pages=2, is_highatomic=True), "highatomic"),
        (AllocationSpec(kind="reclaimable", order=1, nr_pages=2, is_highatomic=True), "highatomic"),
    ],
)
def test_allocation_that_cannot_be_is_refused_by_name(spec: AllocationSpec, field: str) -> None:
    """Gigantic pages and atomic requests name no place; only kernel memory above order 0 is had atomically."""
    table, _ = new_table()
    with pytest.raises(InvalidValue) as caught:
        table.allocate(spec)
    assert caught.value.members["field"] == field
    assert table.last_id == 0


@pytest.mark.parametrize("policy", ["linux-5.15", "linux-6.10", "linux-6.12"])
def test_atomic_request_reserves_its_pageblock(policy: str) -> None:
    """B-12, B-22: the pageblock becomes HIGHATOMIC and is counted, and the next atomic request comes from it."""
    node = x86_guest(policy=policy).node
    table = AllocationTable(node, ListSink())
    for _ in range(2):
        table.allocate(AllocationSpec(kind="unmovable", order=3, nr_pages=8, is_highatomic=True))
    (pfn,), (second,) = node.owned_pfns(1).tolist(), node.owned_pfns(2).tolist()
    assert node.zones[ZoneId.DMA32].nr_reserved_highatomic == 512
    assert node.has_type(pfn, pfn + 8, Migratetype.HIGHATOMIC)
    assert pfn >> 9 == second >> 9
    assert verify(node) == []


def test_kernel_pages_are_placed_outside_of_cma() -> None:
    """INV-15: programs' pages may be placed in an area, the kernel's may not."""
    area = CmaAreaSpec(name="dma", size=4 * MIB, base=512 * MIB)
    table = AllocationTable(x86_guest(cma_areas=(area,)).node, ListSink())
    pfn = 512 * MIB // 4096
    with pytest.raises(InvalidValue, match="outside CMA areas"):
        table.allocate(AllocationSpec(kind="slab", at_pfns=(pfn,)))
    assert table.allocate(AllocationSpec(kind="pinned", at_pfns=(pfn,))).nr_pages == 1


def test_huge_pages_above_the_pageblock_are_a_switch() -> None:
    """K-3: where the policy has them, a transparent huge page may be as large as a free page."""
    spec = AllocationSpec(kind="thp", order=10, nr_pages=1024)
    for policy, is_had in (("linux-5.19", False), ("linux-5.19+allow_lru_above_pageblock=yes", True)):
        table = AllocationTable(x86_guest(policy=policy).node, ListSink())
        if is_had:
            assert table.allocate(spec).nr_pages == 1024
        else:
            with pytest.raises(InvalidValue, match="order"):
                table.allocate(spec)
