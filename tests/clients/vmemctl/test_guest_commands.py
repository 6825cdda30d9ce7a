"""`vmemctl list`, `show` and `delete`, against a fake service."""

import json

from tests.clients import recorded
from tests.clients.conftest import Vmemctl
from tests.clients.fake_service import FakeService


def test_list_shows_guests_as_a_table_or_as_json(vmemctl: Vmemctl, service: FakeService) -> None:
    """One line for each guest, or an array."""
    service.answer("GET /v1/guests", {"guests": [recorded.GUEST]})
    assert "web" in vmemctl("list").out
    assert json.loads(vmemctl("list", "--json").out) == [recorded.GUEST]


def test_list_of_no_guests_is_an_empty_array(vmemctl: Vmemctl, service: FakeService) -> None:
    """A script need not handle a special case."""
    service.answer("GET /v1/guests", {"guests": []})
    assert json.loads(vmemctl("list", "--json").out) == []
    assert "no guests" in vmemctl("list").out


def test_show_shows_one_guest(vmemctl: Vmemctl, service: FakeService) -> None:
    """All that is known of it."""
    service.answer("GET /v1/guests/web", recorded.GUEST)
    assert "linux-5.19" in vmemctl("show", "web").out
    assert json.loads(vmemctl("show", "web", "--json").out) == recorded.GUEST


def test_show_of_an_unknown_guest_is_refused(vmemctl: Vmemctl) -> None:
    """The service's sentence is printed."""
    ended = vmemctl("show", "nobody")
    assert ended.code == 4
    assert "no /v1/guests/nobody" in ended.err


def test_delete_deletes_several_guests(vmemctl: Vmemctl, service: FakeService) -> None:
    """One call for each, in their order."""
    for name in ("a", "b"):
        service.answer(f"DELETE /v1/guests/{name}", b"", status=204)
    assert vmemctl("delete", "a", "b").out == "deleted a\ndeleted b\n"
    assert json.loads(vmemctl("delete", "a", "--json").out) == {"deleted": ["a"]}
    assert [request.path for request in service.received] == ["/v1/guests/a", "/v1/guests/b", "/v1/guests/a"]


def test_delete_stops_at_the_first_refusal(vmemctl: Vmemctl, service: FakeService) -> None:
    """What was deleted before is told."""
    service.answer("DELETE /v1/guests/a", b"", status=204)
    ended = vmemctl("delete", "a", "nobody", "b")
    assert ended.code == 4
    assert ended.out == "deleted a\n"
    assert len(service.received) == 2
