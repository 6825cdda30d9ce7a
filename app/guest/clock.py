"""A guest's simulated clock: nanoseconds since it was made, moved only by what the guest does.

Kept here: the clock never goes back; sums are of integers, so that they are exact and equal everywhere.
Left out: what an act costs (app.guest.cost), and wall-clock time, which the core never reads.
"""

_NS_PER_US = 1000


class SimulatedClock:
    """Counts simulated nanoseconds."""

    def __init__(self, now_ns: int = 0) -> None:
        """Starts at `now_ns`."""
        self._now_ns = now_ns

    @property
    def now_ns(self) -> int:
        """Nanoseconds since the guest was made."""
        return self._now_ns

    @property
    def now_us(self) -> int:
        """Whole microseconds since the guest was made."""
        return self._now_ns // _NS_PER_US

    def advance(self, duration_ns: int) -> None:
        """Moves the clock on by `duration_ns`."""
        assert duration_ns >= 0, "the clock never goes back"
        self._now_ns += duration_ns

    def advance_to(self, moment_ns: int) -> None:
        """Moves the clock on to `moment_ns`; does nothing when that has passed."""
        self._now_ns = max(self._now_ns, moment_ns)
