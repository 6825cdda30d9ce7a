"""/v1/operations over HTTP: listed, shown, waited for, cancelled."""

import time

import pytest

from app.api.schemas.operations import Operation, Operations
from tests.api.caller import Caller

DEVICE = "/v1/guests/web/virtio-mem/vm0"


def _begin(caller: Caller, size: str = "256MiB") -> str:
    """Begins a resize in mode manual, which waits for time; returns where the operation is."""
    answer = caller.call("PATCH", DEVICE, json={"requested_size": size})
    assert answer.status_code == 202, answer.text
    return str(answer.headers["location"])


def test_operations_are_listed_and_shown(caller: Caller) -> None:
    """By guest and by state; each at its own path."""
    caller.make_guest(name="web", clock={"mode": "manual"})
    first, second = _begin(caller), _begin(caller, "512MiB")
    listed = Operations.model_validate(caller.get("/v1/operations").json(), strict=True)
    assert [row.state for row in listed.operations] == ["superseded", "running"]
    assert listed.operations[0].superseded_by == second.rpartition("/")[2]
    assert [row["id"] for row in caller.get("/v1/operations?limit=1").json()["operations"]] == [
        listed.operations[1].id
    ]
    assert caller.get("/v1/operations?limit=0").status_code == 422
    assert caller.get("/v1/operations?guest=db").json() == {"operations": []}
    (running,) = caller.get("/v1/operations?guest=web&state=running").json()["operations"]
    assert caller.get(second).json() == running
    assert caller.get(first).json()["is_over"]


def test_wait_returns_when_the_operation_is_over(caller: Caller) -> None:
    """A long poll is answered by the end, not by its time."""
    caller.make_guest(name="web", clock={"mode": "manual"})
    location = _begin(caller)
    waiting = caller.start("GET", f"{location}?wait=30")
    began = time.monotonic()
    caller.post("/v1/guests/web/clock/advance", {"seconds": 1})
    operation = Operation.model_validate(waiting.result(10).json(), strict=True)
    assert operation.state == "succeeded"
    assert time.monotonic() - began < 10
    assert caller.get(f"{location}?wait=0").json()["state"] == "succeeded"


def test_cancel_ends_it_once(caller: Caller) -> None:
    """The second time it is over: 409, with the state."""
    caller.make_guest(name="web", clock={"mode": "manual"})
    location = _begin(caller)
    cancelled = caller.post(f"{location}/cancel")
    assert cancelled.status_code == 200, cancelled.text
    assert Operation.model_validate(cancelled.json(), strict=True).state == "cancelled"
    assert caller.get(DEVICE).json()["requested_size"] == 0
    again = caller.post(f"{location}/cancel")
    assert (again.status_code, again.json()["state"]) == (409, "cancelled")


@pytest.mark.parametrize("wait", ["-1", "61", "nan", "inf", "soon"])
def test_wait_beyond_its_bounds_is_refused_and_changes_nothing(caller: Caller, wait: str) -> None:
    """Of a look as of a resize."""
    caller.make_guest(name="web", clock={"mode": "manual"})
    location = _begin(caller)
    before = caller.digests()
    for method, path, body in (("GET", location, None), ("PATCH", DEVICE, {"requested_size": 0})):
        answer = caller.call(method, f"{path}?wait={wait}", json=body)
        assert (answer.status_code, answer.json()["field"]) == (422, "wait"), answer.text
    assert caller.digests() == before


def test_operation_that_never_was_is_unknown(caller: Caller) -> None:
    """Shown or cancelled; a state that does not exist is refused."""
    assert caller.get("/v1/operations/op-9").status_code == 404
    assert caller.post("/v1/operations/op-9/cancel").status_code == 404
    assert caller.get("/v1/operations?state=dead").status_code == 422
