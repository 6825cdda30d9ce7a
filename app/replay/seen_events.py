"""What is expected of events: how many were seen that have these members.

    events: [{event: request_answered, response: BUSY, count: 3}, {event: condition_changed, state: crashed}]

Left out: what else is expected (app.replay.matching).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import get_args

from app.replay.matching import Check, check
from app.scenario.reading.document import Value
from app.trace.events import Event

MOST_EXPECTED = 64
_WORDS = re.compile(r"(?<!^)(?=[A-Z])")
_OWN = ("event", "count")


def event_name(kind: type) -> str:
    """Returns the name of a kind of events, as GET .../events tells it: RequestAnswered -> request_answered."""
    return _WORDS.sub("_", kind.__name__).lower()


EVENTS: dict[str, type] = {event_name(kind): kind for kind in get_args(Event)}


def check_events(value: Value, events: Sequence[Event]) -> Iterator[Check]:
    """Yields one check for each kind that is expected; without a count one event at least has to be there.

    Raises ScenarioInvalid for an event or a member that there is not.
    """
    for item in value.items(longest=MOST_EXPECTED):
        kind = EVENTS[item.require("event").word(EVENTS)]
        members = item.mapping((*_OWN, *kind._fields))  # type: ignore[attr-defined]  # every event is a NamedTuple
        wanted = replace(item, content={name: part for name, part in members.items() if name not in _OWN})
        found = sum(isinstance(event, kind) and _matches(wanted, event) for event in events)
        count = members.get("count", replace(item, content=">= 1", field=f"{item.field}.count"))
        shown = " ".join(f"{name}={part.content}" for name, part in members.items() if name != "count")
        for one in check(count, found):
            yield one._replace(expected=f"{one.expected} of {shown}")


def _matches(wanted: Value, event: Event) -> bool:
    return all(one.agrees for one in check(wanted, event._asdict()))
