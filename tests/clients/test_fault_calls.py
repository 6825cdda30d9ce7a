"""Calls on faults: what goes out, and how answers are read."""

import pytest

from clients import _fault_calls as calls
from tests.clients.call_tables import Case, check
from tests.clients.recorded_faults import FAULT, KIND, USELESS

FAULTS = "/v1/guests/web/faults"

CASES = {
    "fault_kinds": Case(
        calls.fault_kinds(), "GET", "/v1/fault-kinds", (), None, {"kinds": [KIND]}, "guest_slow"
    ),
    "add_fault": Case(
        calls.add_fault("web", "device_busy", match={"request": "plug"}, count=3),
        "POST",
        FAULTS,
        (),
        {"kind": "device_busy", "match": {"request": "plug"}, "count": 3},
        FAULT,
        "device_busy",
    ),
    "list_faults": Case(
        calls.list_faults("web"), "GET", FAULTS, (), None, {"faults": [FAULT, USELESS]}, "vm9"
    ),
    "show_fault": Case(calls.show_fault("web", 1), "GET", f"{FAULTS}/1", (), None, FAULT, "plug"),
    "change_fault": Case(
        calls.change_fault("web", 1, count=None, skip=2),
        "PATCH",
        f"{FAULTS}/1",
        (),
        {"count": None, "skip": 2},
        FAULT,
        "device_busy",
    ),
    "remove_fault": Case(calls.remove_fault("web", 1), "DELETE", f"{FAULTS}/1", (), None, b"", None),
}


def test_every_call_of_the_table_has_a_case() -> None:
    """A call that is added without a case is found here."""
    assert set(CASES) == set(calls.ROUTES)


@pytest.mark.parametrize("name", calls.ROUTES)
def test_call_says_where_it_goes_and_reads_its_answer(name: str) -> None:
    """Method, path, query and body are those of the REST API, and the recorded answer is understood."""
    check(CASES[name])
