"""How late the ticker comes to realtime guests: samples of the last seconds, and what they say.

Kept here: one thread may add samples while another sums them up.
Left out: the present lateness of one guest (app.operations.guest_time).
"""

import threading
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

WINDOW_S = 10.0
# More ticks than a service does in the window; so many samples are bounded memory.
MOST_SAMPLES = 65536


class LagSummary(NamedTuple):
    """Seconds of the wall; 0 where nothing was late, or nothing was to be done."""

    nr_samples: int
    p50_s: float
    p99_s: float
    max_s: float


class LagRecord:
    """The lateness of each tick, in seconds, over a window."""

    def __init__(self) -> None:
        """Starts without samples."""
        self._samples: deque[tuple[float, float]] = deque(maxlen=MOST_SAMPLES)
        self._guard = threading.Lock()

    def add(self, wall_s: float, lag_s: float) -> None:
        """Keeps the lateness of one tick."""
        with self._guard:
            self._samples.append((wall_s, lag_s))

    def summarize(self, wall_s: float, waiting: Iterable[float]) -> LagSummary:
        """Returns what the last seconds were like; waiting: lateness of guests that are due now and not served."""
        with self._guard:
            while self._samples and self._samples[0][0] < wall_s - WINDOW_S:
                self._samples.popleft()
            kept = list(self._samples)
        lags = sorted([*(lag_s for _, lag_s in kept), *waiting])
        if not lags:
            return LagSummary(0, 0.0, 0.0, 0.0)
        return LagSummary(len(lags), _quantile(lags, 0.5), _quantile(lags, 0.99), lags[-1])


def _quantile(ordered: list[float], part: float) -> float:
    """Returns the least of `ordered` that at least `part` of them do not exceed."""
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
