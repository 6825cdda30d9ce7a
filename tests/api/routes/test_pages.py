"""alloc-contig-range and allocations: results, exact places, parts; wrong ranges change nothing."""

import pytest

from app.api.schemas.pages import Allocation, ContigOutcome, FreedAllocation, FreedRange
from tests.api.caller import Caller

RANGE = "/v1/guests/web/alloc-contig-range"
ALLOCATIONS = "/v1/guests/web/allocations"
# Inside the 512 MiB of boot memory, and aligned to every order.
START, END = 65536, 65536 + 1024
LARGEST = 2**53 - 1


@pytest.fixture(autouse=True)
def _guest(caller: Caller) -> None:
    caller.make_guest(name="web")


def _free_pages(caller: Caller) -> int:
    free: int = caller.get("/v1/guests/web").json()["memory"]["free"]
    return free // 4096


def test_contig_range_is_taken_and_given_back(caller: Caller) -> None:
    """A free range is taken: result "0"; then it is given back, and all is as before."""
    free = _free_pages(caller)
    taken = caller.post(RANGE, {"start_pfn": START, "end_pfn": END})
    outcome = ContigOutcome.model_validate(taken.json(), strict=True)
    assert (taken.status_code, outcome.result, outcome.step, outcome.obstacle) == (200, "0", None, None)
    assert _free_pages(caller) == free - 1024
    given = caller.call("DELETE", RANGE, params={"start_pfn": START, "end_pfn": END})
    assert FreedRange.model_validate(given.json(), strict=True).freed_pages == 1024
    assert _free_pages(caller) == free


def test_contig_range_with_an_unmovable_page_is_busy(caller: Caller) -> None:
    """EBUSY is a normal answer that names the step and the page."""
    caller.post(ALLOCATIONS, {"kind": "unmovable", "at_pfns": [START + 5]})
    outcome = caller.post(RANGE, {"start_pfn": START, "end_pfn": END})
    assert outcome.status_code == 200
    assert outcome.json()["result"] == "EBUSY"
    assert outcome.json()["step"] is not None
    assert outcome.json()["obstacle"] == {"pfn": START + 5, "kind": "unmovable"}


@pytest.mark.parametrize(
    ("start_pfn", "end_pfn"),
    [
        (END, START),
        (START, START),
        (-1, END),
        (START, 2**40),
        (LARGEST - 1, LARGEST),
        (START, LARGEST + 1),
        ("0", 512),
        (0.0, 512),
        (None, 512),
    ],
)
def test_contig_range_that_cannot_be_is_refused(caller: Caller, start_pfn: object, end_pfn: object) -> None:
    """Reversed, empty, negative, outside, beyond 64 bits, no number: 422, and nothing changes."""
    before = caller.digests()
    answer = caller.post(RANGE, {"start_pfn": start_pfn, "end_pfn": end_pfn})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-value"), answer.text
    assert answer.json()["field"] in {"start_pfn", "end_pfn"}
    assert {"value", "accepted"} <= answer.json().keys()
    assert caller.digests() == before


def test_contig_range_that_nobody_took_is_not_given_back(caller: Caller) -> None:
    """Giving back what was not taken is 409, and nothing changes."""
    before = caller.digests()
    answer = caller.call("DELETE", RANGE, params={"start_pfn": START, "end_pfn": END})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/range-unavailable")
    assert caller.digests() == before


def test_allocation_by_size_is_shown_and_freed(caller: Caller) -> None:
    """Pages by size: the guest lists the allocation until it is freed."""
    answer = caller.post(ALLOCATIONS, {"kind": "anon", "size": "64MiB", "label": "browser"})
    allocation = Allocation.model_validate(answer.json(), strict=True)
    assert (answer.status_code, allocation.kind, allocation.nr_pages) == (201, "anon", 16384)
    assert caller.get("/v1/guests/web").json()["allocations"] == [answer.json()]
    freed = caller.call("DELETE", f"{ALLOCATIONS}/{allocation.id}")
    assert freed.json() == {"id": allocation.id, "freed_pages": 16384, "remaining_pages": 0}
    assert caller.get("/v1/guests/web").json()["allocations"] == []
    assert caller.call("DELETE", f"{ALLOCATIONS}/{allocation.id}").status_code == 404


def test_allocation_is_freed_in_part(caller: Caller) -> None:
    """A fraction of the pages goes, and the count of the rest is right."""
    made = caller.post(ALLOCATIONS, {"kind": "anon", "nr_pages": 1000}).json()
    answer = caller.call("DELETE", f"{ALLOCATIONS}/{made['id']}", params={"fraction": 0.25, "seed": 3})
    freed = FreedAllocation.model_validate(answer.json(), strict=True)
    assert (freed.freed_pages, freed.remaining_pages) == (250, 750)


def test_allocation_at_exact_pfns_takes_those(caller: Caller) -> None:
    """Pages can be placed exactly; a second time they are not free, and nothing changes."""
    body = {"kind": "pinned", "at_pfns": [START, START + 7]}
    assert caller.post(ALLOCATIONS, body).json()["nr_pages"] == 2
    before = caller.digests()
    again = caller.post(ALLOCATIONS, {"kind": "anon", "at_pfns": [START + 8, START + 7]})
    assert (again.status_code, again.json()["type"]) == (409, "/problems/range-unavailable")
    assert caller.digests() == before


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"kind": "anon"}, 422, "nr_pages"),
        ({"kind": "anon", "nr_pages": 1, "size": 4096}, 422, "nr_pages"),
        ({"kind": "anon", "nr_pages": 0}, 422, "nr_pages"),
        ({"kind": "anon", "size": 0}, 422, "size"),
        ({"kind": "anon", "size": 4097}, 422, "size"),
        ({"kind": "gold", "nr_pages": 1}, 422, "kind"),
        ({"kind": "free", "nr_pages": 1}, 422, "kind"),
        ({"kind": "anon", "nr_pages": 1, "order": 20}, 422, "order"),
        ({"kind": "anon", "nr_pages": 3, "order": 1}, 422, "nr_pages"),
        ({"kind": "anon", "at_pfns": []}, 422, "at_pfns"),
        ({"kind": "anon", "at_pfns": [START, START]}, 422, "at_pfns[1]"),
        ({"kind": "anon", "at_pfns": [2**62]}, 422, "at_pfns[0]"),
        ({"kind": "anon", "at_pfns": [-1]}, 422, "at_pfns[0]"),
        ({"kind": "anon", "nr_pages": 1, "label": "x" * 101}, 422, "label"),
        ({"kind": "anon", "nr_pages": 2**40}, 409, None),
    ],
)
def test_allocation_that_cannot_be_changes_nothing(
    caller: Caller, body: dict[str, object], status: int, field: str | None
) -> None:
    """Wrong amounts, kinds, orders and places are 422 by name; more than there is, 409."""
    before = caller.digests()
    answer = caller.post(ALLOCATIONS, body)
    assert (answer.status_code, answer.json().get("field")) == (status, field), answer.text
    assert caller.digests() == before


@pytest.mark.parametrize("query", ["fraction=2", "fraction=-0.1", "fraction=nan", "fraction=x", "seed=-1"])
def test_freeing_a_part_that_cannot_be_changes_nothing(caller: Caller, query: str) -> None:
    """Fractions outside 0 to 1, and seeds that are none, are refused."""
    made = caller.post(ALLOCATIONS, {"kind": "anon", "nr_pages": 10}).json()
    before = caller.digests()
    answer = caller.call("DELETE", f"{ALLOCATIONS}/{made['id']}?{query}")
    assert (answer.status_code, answer.json()["field"]) == (422, query.partition("=")[0])
    assert caller.digests() == before
