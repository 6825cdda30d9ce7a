"""Limits are values: nothing changes them while the service runs."""

from dataclasses import FrozenInstanceError

import pytest

from app.operations.limits import Limits


def test_limits_cannot_be_changed() -> None:
    """A limit that was checked holds."""
    limits = Limits(max_guests=1, max_total_pages=2, max_allocations=3, event_ring_capacity=4)
    with pytest.raises(FrozenInstanceError):
        setattr(limits, "max_guests", 2)  # noqa: B010 - mypy knows that it cannot be set
