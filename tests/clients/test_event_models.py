"""An event as a typed value."""

import pytest
from pydantic import ValidationError

from clients.event_models import Event


def test_event_tells_its_time_if_it_has_one() -> None:
    """What happened in the guest has a time of its clock; that something is lost has none."""
    happened = Event(id=6, type="pages_freed", fields={"simulated_us": 1370, "owner": 3})
    assert happened.simulated_us == 1370
    assert Event(id=5, type="dropped", fields={"from": 1, "to": 5, "count": 5}).simulated_us is None


def test_event_cannot_be_changed() -> None:
    """It says what happened."""
    event = Event(id=6, type="x", fields={})
    with pytest.raises(ValidationError, match="frozen"):
        event.id = 7  # type: ignore[misc]  # the point of this test
