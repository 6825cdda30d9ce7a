"""`vmemctl clock` and `advance`, against a fake service."""

import json

import pytest

from tests.clients import recorded, recorded_time
from tests.clients.conftest import Vmemctl
from tests.clients.fake_service import FakeService

CLOCK = "/v1/guests/web/clock"


def test_clock_is_shown(vmemctl: Vmemctl, service: FakeService) -> None:
    """Who drives it, how it stands, and how late the guest is."""
    service.answer(f"GET {CLOCK}", recorded_time.CLOCK)
    ended = vmemctl("clock", "web")
    assert ended.code == 0
    for told in ("realtime", "60 simulated seconds", "61 s", "0.25 ms"):
        assert told in ended.out
    assert json.loads(vmemctl("clock", "web", "--json").out) == recorded_time.CLOCK


def test_clock_is_changed_by_what_is_named(vmemctl: Vmemctl, service: FakeService) -> None:
    """Only that is sent."""
    service.answer(f"PATCH {CLOCK}", {**recorded_time.CLOCK, "is_behind": True})
    ended = vmemctl("clock", "web", "--scale", "60")
    assert ended.code == 0
    assert "behind by" in ended.out
    assert service.received[0].json == {"scale": 60.0}


@pytest.mark.parametrize(
    ("outcomes", "code"), [([], 0), ([recorded.DONE], 0), ([recorded.DONE, recorded.OUTCOME], 3)]
)
def test_advance_tells_what_the_driver_got(
    vmemctl: Vmemctl, service: FakeService, outcomes: list[object], code: int
) -> None:
    """Seconds become microseconds; the last retry decides the exit code."""
    answer = {**recorded_time.CLOCK, "mode": "manual", "now_us": 60_500_000, "outcomes": outcomes}
    service.answer(f"POST {CLOCK}/advance", answer)
    ended = vmemctl("advance", "web", "60.5")
    assert ended.code == code
    assert "clock is at 60.5 s" in ended.out
    assert service.received[0].json == {"duration_us": 60_500_000}
    assert json.loads(vmemctl("advance", "web", "60.5", "--json").out) == answer


def test_advance_goes_by_steps_or_by_seconds(vmemctl: Vmemctl, service: FakeService) -> None:
    """One of the two must be said."""
    service.answer(f"POST {CLOCK}/advance", {**recorded_time.CLOCK, "outcomes": []})
    assert vmemctl("advance", "web", "--steps", "3").code == 0
    assert service.received[0].json == {"steps": 3}
    assert vmemctl("advance", "web").code == vmemctl("advance", "web", "1", "--steps", "3").code == 2
