"""Expectations of events: counted by their members; events and members that there are not are refused."""

import pytest

from app.errors import ScenarioInvalid
from app.replay.seen_events import EVENTS, check_events, event_name
from app.trace.events import ConditionChanged, Event, RequestAnswered
from tests.replay.making import value_of

SEEN: list[Event] = [
    RequestAnswered("vm0", "PLUG", 0, 64, "BUSY"),
    RequestAnswered("vm0", "PLUG", 0, 64, "ACK"),
    ConditionChanged("crashed", "panic", 7),
]


@pytest.mark.parametrize(
    ("text", "agrees"),
    [
        ("[{event: request_answered}]", True),
        ("[{event: request_answered, response: BUSY, count: 1}]", True),
        ("[{event: request_answered, nb_blocks: '>= 64', count: 2}]", True),
        ("[{event: request_answered, response: NACK}]", False),
        ("[{event: request_answered, response: NACK, count: 0}]", True),
        ("[{event: condition_changed, reason: '~ pan'}]", True),
    ],
)
def test_events_are_counted_by_their_members(text: str, agrees: bool) -> None:  # noqa: FBT001 - a column
    """Without a count, one at least has to be there."""
    (one,) = check_events(value_of(text), SEEN)
    assert one.agrees is agrees


def test_events_are_named_as_the_api_names_them() -> None:
    """Words in lower case, joined."""
    assert event_name(RequestAnswered) == "request_answered"
    assert "memory_block_changed" in EVENTS


@pytest.mark.parametrize(
    "text", ["{}", "[{}]", "[{event: rain}]", "[{event: condition_changed, colour: red}]"]
)
def test_unknown_events_and_members_are_refused(text: str) -> None:
    """With those that there are."""
    with pytest.raises(ScenarioInvalid):
        list(check_events(value_of(text), SEEN))
