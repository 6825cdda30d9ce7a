"""Events are values: frozen, equal when alike, and written the same in every process."""

from typing import get_args

import pytest

from app.trace import events
from app.trace.events import Event, PagesFreed


def test_every_event_class_is_in_the_union() -> None:
    """Whoever matches over Event misses none."""
    classes = {
        value for value in vars(events).values() if isinstance(value, type) and hasattr(value, "_fields")
    }
    assert classes == set(get_args(Event))


def test_events_are_made_of_integers_and_strings() -> None:
    """Nothing in an event differs between two processes: no floats, no objects."""
    for event in get_args(Event):
        assert set(event.__annotations__.values()) <= {bool, int, str}, event


def test_event_cannot_be_changed_and_equals_its_like() -> None:
    """A sink may keep it for ever."""
    event = PagesFreed(1, 2)
    assert event == PagesFreed(1, 2)
    with pytest.raises(AttributeError):
        event.owner = 3  # type: ignore[misc]  # that is the point
