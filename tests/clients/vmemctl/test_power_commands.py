"""`vmemctl reboot`, `suspend` and `resume`, against a fake service."""

import json

from tests.clients import recorded
from tests.clients.conftest import Vmemctl
from tests.clients.fake_service import FakeService


def test_reboot_resets_or_goes_by_kexec(vmemctl: Vmemctl, service: FakeService) -> None:
    """A system reset unless it is said otherwise; the guest is shown as it is then."""
    service.answer("POST /v1/guests/web/reboot", recorded.GUEST)
    assert "linux-5.19" in vmemctl("reboot", "web").out
    assert json.loads(vmemctl("reboot", "web", "--kexec", "--json").out)["name"] == "web"
    assert [json.loads(request.body) for request in service.received] == [
        {"kind": "system_reset"},
        {"kind": "kexec"},
    ]


def test_suspended_guest_is_shown_asleep_until_it_is_resumed(vmemctl: Vmemctl, service: FakeService) -> None:
    """How it sleeps stands beside its sizes; awake, nothing is said of it."""
    asleep = {**recorded.GUEST, "condition": {"state": "asleep", "reason": "s3", "since_us": 7}}
    service.answer("POST /v1/guests/web/suspend", asleep)
    service.answer("POST /v1/guests/web/resume", recorded.GUEST)
    assert "asleep (s3)" in vmemctl("suspend", "web", "s3").out
    assert "asleep" not in vmemctl("resume", "web").out
    assert json.loads(service.received[0].body) == {"kind": "s3"}
