"""How much the service takes on. Left out: sizes of HTTP bodies (app.api.limits)."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Counted over all guests, or per guest where it says so."""

    max_guests: int
    max_total_pages: int
    max_allocations: int  # that a guest has at once
    event_ring_capacity: int  # newest events kept, per guest
    max_snapshots: int = 16  # of one guest
    max_operations: int = 10_000  # kept; those that are over go first
    heartbeat_s: float = 15.0  # of an event stream in which nothing happens
