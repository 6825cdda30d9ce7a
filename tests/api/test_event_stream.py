"""Server-sent events on the wire."""

import json

from app.api.event_stream import written
from app.operations.events import Batch, Dropped

EVENT = {"owner": 3, "nr_pages": 1, "id": 17, "simulated_us": 5, "type": "pages_freed"}


def test_event_has_number_name_and_data() -> None:
    """Three lines and an empty one, each event for itself."""
    text = written(Batch([EVENT, {**EVENT, "id": 18}])).decode()
    first, second, rest = text.split("\n\n")
    assert first.startswith("id: 17\nevent: pages_freed\ndata: {")
    assert json.loads(first.partition("data: ")[2]) == EVENT
    assert second.startswith("id: 18\n")
    assert rest == ""


def test_dropped_events_are_told_before_those_that_follow() -> None:
    """From, to and count; its number is that of the last one lost, so that it is told once."""
    first, second, _ = written(Batch([EVENT], dropped=Dropped(5, 16, 4))).decode().split("\n\n")
    assert first.startswith("id: 16\nevent: dropped\ndata: {")
    lost = {"from": 5, "to": 16, "count": 12, "id": 16, "simulated_us": 4, "type": "dropped"}
    assert json.loads(first.partition("data: ")[2]) == lost
    assert second.startswith("id: 17")


def test_nothing_is_a_comment() -> None:
    """A heartbeat has no event in it."""
    assert written(Batch([])).startswith(b": ")
