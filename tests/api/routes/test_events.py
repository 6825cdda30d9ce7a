"""/v1/guests/{guest}/events over HTTP: what there is, what follows, and what cannot be."""

import json

import pytest

from app.settings import Settings
from tests.api.caller import Caller

EVENTS = "/v1/guests/web/events"
DEVICE = "/v1/guests/web/virtio-mem/vm0"


def _events(text: str) -> list[tuple[str, dict[str, object]]]:
    """Returns (name, data) of each event."""
    blocks = [block.split("\n") for block in text.split("\n\n") if block.startswith("id: ")]
    return [
        (lines[1].removeprefix("event: "), json.loads(lines[2].removeprefix("data: "))) for lines in blocks
    ]


def test_events_that_are_kept_are_told_from_a_number_on(caller: Caller) -> None:
    """`after` and Last-Event-ID mean the same, and the header goes before; `types` chooses."""
    caller.make_guest(name="web")
    caller.call("PATCH", f"{DEVICE}?wait=10", json={"requested_size": "256MiB"})
    answer = caller.get(f"{EVENTS}?follow=false&after=0")
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = _events(answer.text)
    assert [data["id"] for _, data in told] == list(range(1, len(told) + 1))
    rest = caller.get(f"{EVENTS}?follow=false&after=0", headers={"Last-Event-ID": "3"})
    assert _events(rest.text) == told[3:]
    only = _events(caller.get(f"{EVENTS}?follow=false&after=0&types=requested_size_changed").text)
    assert {name for name, _ in only} == {"requested_size_changed"}
    assert _events(caller.get(f"{EVENTS}?follow=false").text) == []


def test_stream_ends_when_the_guest_is_deleted(caller: Caller) -> None:
    """Until then it goes on with what happens."""
    caller.make_guest(name="web")
    following = caller.start("GET", EVENTS)
    caller.call("PATCH", f"{DEVICE}?wait=10", json={"requested_size": "128MiB"})
    assert not following.done()
    caller.call("DELETE", "/v1/guests/web")
    names = [name for name, _ in _events(following.result(10).text)]
    assert "driver_pass_ended" in names


def test_reader_that_comes_late_is_told_what_is_lost() -> None:
    """The ring keeps the newest; numbers say what is missing."""
    with Caller.serving(Settings(event_ring_capacity=10)) as caller:
        caller.make_guest(name="web")
        caller.call("PATCH", f"{DEVICE}?wait=10", json={"requested_size": "1GiB"})
        (name, lost), *kept = _events(caller.get(f"{EVENTS}?follow=false&after=2").text)
        assert name == "dropped"
        assert lost["from"] == 3
        assert lost["count"] == int(str(lost["to"])) - 2
        assert [data["id"] for _, data in kept] == list(
            range(int(str(lost["to"])) + 1, int(str(lost["to"])) + 11)
        )


@pytest.mark.parametrize(
    ("query", "field"),
    [("after=-1", "after"), ("after=x", "after"), ("after=99999", "Last-Event-ID"), ("types=boom", "types")],
)
def test_wrong_places_and_types_are_refused(caller: Caller, query: str, field: str) -> None:
    """Before the stream begins, with what would do."""
    caller.make_guest(name="web")
    answer = caller.get(f"{EVENTS}?follow=false&{query}")
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert caller.get("/v1/guests/db/events").status_code == 404
