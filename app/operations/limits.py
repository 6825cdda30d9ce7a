"""How much the service takes on. Left out: sizes of HTTP bodies (app.api.limits)."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Counted over all guests, or per guest where it says so."""

    max_guests: int
    max_total_pages: int
    max_allocations: int  # that a guest has at once
    event_ring_capacity: int  # newest events kept, per guest
