"""Pages one by one: windows of any size give the same rows in the same order."""

import pytest

from app.guest.allocations import AllocationSpec
from app.guest.why.explain_pages import count_rows, describe_pages
from app.units import MIB
from tests.guest.drawn import draw_guest
from tests.guest.explained import explain_vm0, guest_of, pfn_of, put


def test_pages_tell_where_what_whose_and_since_when() -> None:
    """A row has the run, its owner with number and age, and the piece that it keeps."""
    guest = guest_of()
    number = put(guest, "pinned", pfn_of(200, 7), label="dpdk")
    guest.advance(4_000_000)
    found = explain_vm0(guest)
    (row,) = (row for row in describe_pages(found, cursor=0, limit=99) if row["kind"] == "pinned")
    remedy = row.pop("remedy")
    assert row == {
        "pfn": pfn_of(200, 7),
        "kind": "pinned",
        "order": 0,
        "owner": {"type": "allocation", "label": "dpdk", "number": number},
        "age_us": 4_000_000,
        "start_pfn": pfn_of(200),
        "end_pfn": pfn_of(201),
        "level": "pageblock",
        "result": "EBUSY",
    }
    assert isinstance(remedy, dict)
    assert remedy["action"] == "unpin"


@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_pages_by_windows_are_all_pages(limit: int) -> None:
    """Whatever the window, following the cursor tells each row once."""
    nr_rows = 0
    for seed in range(12):
        found = explain_vm0(draw_guest(seed))
        everything = describe_pages(found, cursor=0, limit=10**6)
        assert len(everything) == count_rows(found)
        nr_rows += len(everything)
        rows, cursor = [], 0
        while window := describe_pages(found, cursor=cursor, limit=limit):
            assert len(window) <= limit
            rows += window
            cursor += len(window)
        assert rows == everything
    assert nr_rows > 30


def test_a_piece_without_a_page_in_the_way_is_one_row() -> None:
    """A shortage has no page; its pieces are told nevertheless."""
    guest = guest_of(online="online_movable")
    put(guest, "thp", *(pfn_of(number) for number in range(500)), order=9)
    guest.pages.allocate(AllocationSpec(kind="unmovable", nr_pages=600 * MIB // 4096))
    found = explain_vm0(guest)
    rows = describe_pages(found, cursor=0, limit=10**6)
    assert {row["pfn"] for row in rows} == {None}
    assert {str(row["result"]) for row in rows} == {"ENOMEM"}
    assert describe_pages(found, cursor=10**9, limit=5) == []
