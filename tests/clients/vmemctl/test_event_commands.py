"""`vmemctl events`, against a fake service."""

import json

import pytest

from tests.clients import recorded_time
from tests.clients.conftest import Vmemctl
from tests.clients.fake_service import FakeService

ROUTE = "GET /v1/guests/web/events"


@pytest.mark.parametrize("arguments", [(), ("--follow",)])
def test_events_are_told_one_line_each(
    vmemctl: Vmemctl, service: FakeService, arguments: tuple[str, ...]
) -> None:
    """Number, time, type and the rest; what is lost is told as well."""
    service.answer(ROUTE, recorded_time.EVENTS, content_type="text/event-stream")
    ended = vmemctl("events", "web", "--types", "memory_block_changed, dropped", *arguments)
    assert ended.code == 0
    lost, changed = ended.out.splitlines()
    assert lost.split() == ["5", "dropped", "from=1", "to=5", "count=5"]
    assert changed.split()[:4] == ["6", "1.37", "ms", "memory_block_changed"]
    assert "zone=Movable" in changed
    query = dict(service.received[0].query)
    assert query["types"] == "memory_block_changed,dropped"
    assert ("follow" in query) is (not arguments)


def test_events_as_json_are_a_line_for_each(vmemctl: Vmemctl, service: FakeService) -> None:
    """A script reads line by line, whether it follows or not."""
    service.answer(ROUTE, recorded_time.EVENTS, content_type="text/event-stream")
    lines = [json.loads(line) for line in vmemctl("events", "web", "--json", "--after", "3").out.splitlines()]
    assert [line["id"] for line in lines] == [5, 6]
    assert dict(service.received[0].query)["after"] == "3"


def test_events_end_cleanly_at_ctrl_c(
    vmemctl: Vmemctl, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C is how a stream without end ends."""

    def interrupt(_event: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("clients.vmemctl.event_commands.event_line", interrupt)
    service.answer(ROUTE, recorded_time.EVENTS, content_type="text/event-stream")
    ended = vmemctl("events", "web", "-f")
    assert (ended.code, "Ctrl-C" in ended.err) == (0, True)
