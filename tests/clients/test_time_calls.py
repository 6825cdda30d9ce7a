"""Calls on resizes and clocks: what goes out, and how answers are read."""

import pytest

from clients import _time_calls as calls
from clients.sizes import GIB
from tests.clients import recorded, recorded_time
from tests.clients.call_tables import Case, check

DEVICE = "/v1/guests/web/virtio-mem/vm0"
LONG_POLL = (("wait", "2.0"),)

CASES = {
    "resize": Case(
        calls.resize("web", "vm0", GIB),
        "PATCH",
        DEVICE,
        LONG_POLL,
        {"requested_size": GIB},
        recorded_time.PARTIAL,
        "held by unmovable",
    ),
    "plug": Case(
        calls.plug("web", "vm0", GIB, wait=0.5),
        "POST",
        f"{DEVICE}/plug",
        (("wait", "0.5"),),
        {"size": GIB},
        recorded_time.SUCCEEDED,
        "succeeded",
    ),
    "unplug": Case(
        calls.unplug("web", "vm0", GIB, wait=0),
        "POST",
        f"{DEVICE}/unplug",
        (),
        {"size": GIB},
        recorded_time.RUNNING,
        "running",
    ),
    "list_operations": Case(
        calls.list_operations(guest="web", state="partial", limit=5),
        "GET",
        "/v1/operations",
        (("guest", "web"), ("state", "partial"), ("limit", "5")),
        None,
        {"operations": [recorded_time.PARTIAL]},
        "op-7",
    ),
    "show_operation": Case(
        calls.show_operation("op-7", wait=600),
        "GET",
        "/v1/operations/op-7",
        LONG_POLL,
        None,
        recorded_time.WAITING,
        "50004000",
    ),
    "cancel_operation": Case(
        calls.cancel_operation("op-7"),
        "POST",
        "/v1/operations/op-7/cancel",
        (),
        None,
        {**recorded_time.PARTIAL, "state": "cancelled"},
        "cancelled",
    ),
    "cost_profiles": Case(
        calls.cost_profiles(),
        "GET",
        "/v1/cost-profiles",
        (),
        None,
        {"cost_profiles": [{"name": "slow", "units": {"drain_ns": 5, "migrate_ns": [1, 2]}}]},
        "drain_ns",
    ),
    "show_clocks": Case(calls.show_clocks(), "GET", "/v1/clock", (), None, recorded_time.CLOCKS, "1000"),
    "show_clock": Case(
        calls.show_clock("web"), "GET", "/v1/guests/web/clock", (), None, recorded_time.CLOCK, "realtime"
    ),
    "change_clock": Case(
        calls.change_clock("web", scale=60),
        "PATCH",
        "/v1/guests/web/clock",
        (),
        {"scale": 60},
        recorded_time.CLOCK,
        "60.0",
    ),
    "advance": Case(
        calls.advance("web", steps=3),
        "POST",
        "/v1/guests/web/clock/advance",
        (),
        {"steps": 3},
        {**recorded_time.CLOCK, "outcomes": [recorded.DONE]},
        "done",
    ),
}


def test_every_call_of_the_table_has_a_case() -> None:
    """A call that is added without a case is found here."""
    assert set(CASES) == set(calls.ROUTES)


@pytest.mark.parametrize("name", calls.ROUTES)
def test_call_says_where_it_goes_and_reads_its_answer(name: str) -> None:
    """Method, path, query and body are those of the REST API, and the recorded answer is understood."""
    check(CASES[name])
