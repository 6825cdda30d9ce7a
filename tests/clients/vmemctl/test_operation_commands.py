"""`vmemctl operations` and `cancel`, against a fake service."""

import json

from tests.clients import recorded_time
from tests.clients.conftest import Vmemctl
from tests.clients.fake_service import FakeService


def test_operations_are_listed_or_shown_one_by_one(vmemctl: Vmemctl, service: FakeService) -> None:
    """One line each, with the reason; or one with all that is known."""
    service.answer("GET /v1/operations", {"operations": [recorded_time.WAITING, recorded_time.SUCCEEDED]})
    listed = vmemctl("operations", "--guest", "web", "--state", "partial")
    assert listed.code == 0
    assert "waiting_retry" in listed.out
    assert "held by unmovable" in listed.out
    assert service.received[0].query == (("guest", "web"), ("state", "partial"))
    service.answer("GET /v1/operations/op-7", recorded_time.PARTIAL)
    shown = vmemctl("operations", "op-7")
    assert "partial: 126 MiB of 128 MiB" in shown.out
    assert "pageblock" in shown.out


def test_cancel_names_what_it_ends(vmemctl: Vmemctl, service: FakeService) -> None:
    """One that is over cannot be cancelled: 4."""
    service.answer("POST /v1/operations/op-7/cancel", {**recorded_time.RUNNING, "state": "cancelled"})
    assert json.loads(vmemctl("cancel", "op-7", "--json").out)["state"] == "cancelled"
    service.answer("POST /v1/operations/op-8/cancel", {"title": "over", "detail": "is over"}, status=409)
    assert vmemctl("cancel", "op-8").code == 4
