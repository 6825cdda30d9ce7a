"""An explanation as it is told: sums that agree, a cursor, a retry, and a map with marks."""

from app.guest.why.explain_view import PageWindow, describe_explanation, mark_map
from app.units import GIB, MIB
from tests.guest.explained import explain_vm0, guest_of, pfn_of, put


def test_view_tells_what_could_be_had() -> None:
    """What is above the target is obtainable or stays."""
    guest = guest_of(online="online_movable")
    put(guest, "pinned", pfn_of(100))
    told = describe_explanation(explain_vm0(guest, 512 * MIB))
    assert (told["above_target"], told["obtainable"], told["stays"], told["result"]) == (
        GIB // 2,
        GIB // 2,
        0,
        "0",
    )
    told = describe_explanation(explain_vm0(guest))
    assert (told["above_target"], told["obtainable"], told["stays"], told["rest"]) == (
        GIB,
        GIB - 2 * MIB,
        2 * MIB,
        0,
    )
    assert (told["pieces"], told["nr_pages"], told["pages"], told["next_cursor"]) == (1, 1, [], None)
    told = describe_explanation(explain_vm0(guest, GIB))
    assert (told["above_target"], told["obtainable"], told["stays"], told["groups"]) == (0, 0, 0, [])


def test_view_leaves_a_rest_that_no_driver_gives_back() -> None:
    """A target between two sub-blocks is met as far as a sub-block goes."""
    guest = guest_of(online="online_movable", policy="linux-5.15")
    told = describe_explanation(explain_vm0(guest, GIB // 2 + 2 * MIB))
    assert (told["stays"], told["rest"], told["unit_size"], told["groups"]) == (2 * MIB, 2 * MIB, 4 * MIB, [])


def test_view_pages_through_rows() -> None:
    """next_cursor leads to the next rows, and is null behind the last."""
    guest = guest_of(online="online_movable")
    put(guest, "pinned", pfn_of(100), pfn_of(110), pfn_of(120))
    found = explain_vm0(guest)
    told = describe_explanation(found, PageWindow(0, 2))
    assert told["next_cursor"] == 2
    told = describe_explanation(found, PageWindow(2, 2))
    pages = told["pages"]
    assert isinstance(pages, list)
    assert ([row["pfn"] for row in pages], told["next_cursor"]) == ([pfn_of(100)], None)


def test_view_tells_the_retry() -> None:
    """When it is due, after which interval, and after which the next one would be."""
    guest = guest_of(online="online_movable")
    put(guest, "pinned", pfn_of(100))
    guest.resize("vm0", 0)
    guest.advance(10_000_000)
    retry = describe_explanation(explain_vm0(guest))["retry"]
    assert isinstance(retry, dict)
    assert (retry["in_us"], retry["interval_ms"], retry["next_interval_ms"]) == (40_000_000, 50_000, 100_000)
    assert retry["due_us"] - retry["in_us"] in range(guest.clock.now_us - 1, guest.clock.now_us + 2)


def test_view_marks_what_stays_on_the_map() -> None:
    """The pageblocks of a piece have its reason, and the one with the page in the way a dot."""
    guest = guest_of(online="online_movable")
    put(guest, "pinned", pfn_of(100))
    marked = mark_map(explain_vm0(guest))
    at = pfn_of(100) // 512
    assert marked.names[marked.marks[at]] == "pageblock: EBUSY"
    assert marked.marks.sum() == marked.marks[at]
    assert (marked.has_obstacle.sum(), marked.has_obstacle[at]) == (1, True)
    assert marked.rows.kinds.size == guest.nr_pages // 512
