"""`vmemctl fork`, `snapshot`, `snapshots` and `restore`, against a fake service."""

import json

from tests.clients import recorded
from tests.clients import recorded_explain as answers
from tests.clients.conftest import Vmemctl
from tests.clients.fake_service import FakeService

WEB = "/v1/guests/web"


def test_fork_shows_the_copy(vmemctl: Vmemctl, service: FakeService) -> None:
    """Under a name and rules of its own, or as the service likes."""
    service.answer(f"POST {WEB}/fork", recorded.GUEST)
    ended = vmemctl("fork", "web", "twin", "--policy", "linux-6.17", "--fallback", "pageblock")
    assert (ended.code, "plugged" in ended.out) == (0, True)
    assert service.received[-1].json == {"name": "twin", "policy": "linux-6.17", "fallback": ["pageblock"]}
    assert json.loads(vmemctl("fork", "web", "--json").out)["name"] == recorded.GUEST["name"]
    assert service.received[-1].json == {}


def test_snapshot_and_restore(vmemctl: Vmemctl, service: FakeService) -> None:
    """A snapshot is taken, listed, restored and forgotten."""
    service.answer(f"POST {WEB}/snapshot", answers.SNAPSHOT)
    service.answer(f"GET {WEB}/snapshots", answers.SNAPSHOTS)
    service.answer(f"POST {WEB}/restore", recorded.GUEST)
    service.answer(f"DELETE {WEB}/snapshots/before", b"", status=204)
    assert "before" in vmemctl("snapshot", "web", "before").out
    assert service.received[-1].json == {"name": "before"}
    assert json.loads(vmemctl("snapshots", "web", "--json").out) == answers.SNAPSHOTS["snapshots"]
    assert vmemctl("restore", "web", "before").code == 0
    assert service.received[-1].json == {"snapshot": "before"}
    assert vmemctl("snapshots", "web", "--delete", "before").code == 0
    assert [request.method for request in service.received[-2:]] == ["DELETE", "GET"]


def test_restore_what_is_not_there(vmemctl: Vmemctl, service: FakeService) -> None:
    """The service's refusal is the command's."""
    ended = vmemctl("restore", "web", "nothing")
    assert ended.code == 4
    assert service.received[-1].json == {"snapshot": "nothing"}
