"""/v1/guests/{guest}/clock over HTTP: shown, changed, advanced; absurd values are refused and change nothing."""

import pytest

from app.api.schemas.clocks import Advanced, Clock, ClockOverview
from tests.api.caller import Caller

CLOCK = "/v1/guests/web/clock"
DEVICE = "/v1/guests/web/virtio-mem/vm0"


def test_clock_is_shown_and_changed(caller: Caller) -> None:
    """The guest shows its mode and scale as well; the time stays what it is."""
    caller.make_guest(name="web", clock={"mode": "manual", "scale": 60})
    shown = Clock.model_validate(caller.get(CLOCK).json(), strict=True)
    assert (shown.mode, shown.scale, shown.is_behind) == ("manual", 60.0, False)
    changed = caller.call("PATCH", CLOCK, json={"scale": 10})
    assert changed.json() == caller.get(CLOCK).json()
    assert changed.json()["now_us"] == shown.now_us
    shown_clock = caller.get("/v1/guests/web").json()["clock"]
    assert shown_clock == {"mode": "manual", "scale": 10.0, "is_behind": False}
    overview = ClockOverview.model_validate(caller.get("/v1/clock").json(), strict=True)
    assert overview.realtime_guests == 0


def test_advance_lets_the_driver_work(caller: Caller) -> None:
    """A PATCH waits for time in mode manual: 202, then the operation is over without anybody asking."""
    caller.make_guest(name="web", clock={"mode": "manual"})
    begun = caller.call("PATCH", f"{DEVICE}?wait=0.05", json={"requested_size": "256MiB"})
    assert begun.status_code == 202
    for body in ({"steps": 1}, {"seconds": 1.5}):
        answer = caller.post(f"{CLOCK}/advance", body)
        assert answer.status_code == 200, answer.text
        advanced = Advanced.model_validate(answer.json(), strict=True)
    assert [outcome.state for outcome in advanced.outcomes] == ["done"]
    assert caller.get(begun.headers["location"]).json()["state"] == "succeeded"


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("PATCH", CLOCK, {"mode": "fast"}, "mode"),
        ("PATCH", CLOCK, {"scale": 0}, "scale"),
        ("PATCH", CLOCK, {"scale": 10_001}, "scale"),
        ("PATCH", CLOCK, {"speed": 1}, "speed"),
        ("POST", f"{CLOCK}/advance", {"seconds": -1}, "seconds"),
        ("POST", f"{CLOCK}/advance", {"seconds": 86_401}, "seconds"),
        ("POST", f"{CLOCK}/advance", {"duration_us": -5}, "duration_us"),
        ("POST", f"{CLOCK}/advance", {"steps": 0}, "steps"),
        ("POST", f"{CLOCK}/advance", {"steps": 10**6}, "steps"),
        ("POST", f"{CLOCK}/advance", {"seconds": 1, "steps": 1}, "body"),
        ("POST", f"{CLOCK}/advance", {}, "body"),
    ],
)
def test_absurd_times_are_refused_by_name(
    caller: Caller, method: str, path: str, body: dict[str, object], field: str
) -> None:
    """422 with what would do; the guest is as before."""
    caller.make_guest(name="web", clock={"mode": "manual"})
    before = caller.digests(), caller.get(CLOCK).json()
    answer = caller.call(method, path, json=body)
    problem = answer.json()
    assert (answer.status_code, problem["field"]) == (422, field), answer.text
    assert problem["accepted"]
    assert (caller.digests(), caller.get(CLOCK).json()) == before


@pytest.mark.parametrize("scale", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_scale_that_is_no_number_is_refused(caller: Caller, scale: bytes) -> None:
    """JSON has no such numbers, but Python's readers take them."""
    caller.make_guest(name="web")
    headers = {"Content-Type": "application/json"}
    answer = caller.call("PATCH", CLOCK, content=b'{"scale": %b}' % scale, headers=headers)
    assert answer.status_code in {400, 422}, answer.text


def test_realtime_clock_cannot_be_advanced(caller: Caller) -> None:
    """409: the wall's clock drives it."""
    caller.make_guest(name="web", clock={"mode": "realtime"})
    answer = caller.post(f"{CLOCK}/advance", {"steps": 1})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/wrong-state")
