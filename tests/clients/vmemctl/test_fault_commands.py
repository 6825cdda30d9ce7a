"""`vmemctl fault ...`: rules are added, listed, changed and removed; what is typed is read as JSON where it can be."""

import json

import pytest
import typer

from clients.vmemctl.fault_commands import read_members
from tests.clients.conftest import Vmemctl
from tests.clients.fake_service import FakeService
from tests.clients.recorded_faults import FAULT, KIND, USELESS

FAULTS = "/v1/guests/web/faults"


def test_members_are_read_as_json_or_text() -> None:
    """Numbers, nothing and truths; a size is a text; what is matched goes into the match."""
    members = read_members(
        ["count=3", "seed=null", "match.request=plug", "match.start_addr=4GiB", "reason=a b=c"]
    )
    assert members == {
        "count": 3,
        "seed": None,
        "reason": "a b=c",
        "match": {"request": "plug", "start_addr": "4GiB"},
    }


@pytest.mark.parametrize("texts", [["count"], ["=3"], ["match.=x"], ["a=1", "a=2"]])
def test_member_that_is_none_is_a_usage_error(texts: list[str]) -> None:
    """No value, no name, or said twice."""
    with pytest.raises(typer.BadParameter):
        read_members(texts)


def test_fault_is_added_and_shown(vmemctl: Vmemctl, service: FakeService) -> None:
    """What was typed is sent; the rule that came of it is a line, or JSON."""
    service.answer(f"POST {FAULTS}", FAULT, status=201)
    ended = vmemctl("fault", "add", "web", "device_busy", "match.request=plug", "count=3")
    assert ended.code == 0
    assert "device_busy" in ended.out
    assert service.received[0].json == {"kind": "device_busy", "match": {"request": "plug"}, "count": 3}
    assert json.loads(vmemctl("fault", "add", "web", "device_busy", "--json").out)["hits"] == 3


def test_faults_are_listed_with_their_warnings(vmemctl: Vmemctl, service: FakeService) -> None:
    """Each in a line: what it says, how often it struck, and why it may never."""
    service.answer(f"GET {FAULTS}", {"faults": [FAULT, USELESS]})
    out = vmemctl("fault", "list", "web").out
    for told in (
        "device=vm0 request=plug",
        "count=3",
        "any",
        "factor=2.0",
        "warning: no device is named 'vm9'",
    ):
        assert told in out
    assert len(json.loads(vmemctl("fault", "list", "web", "--json").out)) == 2


def test_fault_is_changed_and_removed(vmemctl: Vmemctl, service: FakeService) -> None:
    """Only what is said is sent; removing prints nothing on standard output."""
    service.answer(f"PATCH {FAULTS}/1", FAULT)
    service.answer(f"DELETE {FAULTS}/1", b"", status=204)
    assert vmemctl("fault", "change", "web", "1", "count=null").code == 0
    assert service.received[0].json == {"count": None}
    ended = vmemctl("fault", "remove", "web", "1")
    assert (ended.code, ended.out) == (0, "")


def test_kinds_are_listed_with_what_their_rules_say(vmemctl: Vmemctl, service: FakeService) -> None:
    """What must be said is marked."""
    service.answer("GET /v1/fault-kinds", {"kinds": [KIND]})
    out = vmemctl("fault", "kinds").out
    assert "guest_slow" in out
    assert "factor!" in out
