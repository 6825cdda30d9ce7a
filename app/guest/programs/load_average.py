"""Load averages: how many tasks had work, sampled every 5 s, over one, five and fifteen minutes.

Mirrors /proc/loadavg of Linux. A task here is a phase of a workload that runs, or a driver at work.
Left out: which tasks there are (app.guest.programs.programs).
"""

from app.guest.programs.decay import FIXED_ONE, decayed, two_places

PERIOD_NS = 5_000_000_000
# e^(-5/60), e^(-5/300) and e^(-5/900), in fixed point.
_WEIGHTS = (1884, 2014, 2037)
# Half of the last place that is printed.
_HALF_PLACE = FIXED_ONE // 200


class LoadAverage:
    """Three averages, from samples at multiples of 5 s."""

    def __init__(self) -> None:
        """Starts at rest."""
        self._averages: tuple[int, ...] = (0, 0, 0)
        self._sampled_ns = 0

    def fork(self) -> "LoadAverage":
        """Returns an independent copy."""
        copy = LoadAverage()
        copy._averages, copy._sampled_ns = self._averages, self._sampled_ns
        return copy

    def due_ns(self, now_ns: int, *, is_busy: bool) -> int | None:
        """Returns when to sample next; None while nobody has work, and nothing is left to forget."""
        next_ns = self._sampled_ns + PERIOD_NS
        if any(self._averages):
            return next_ns
        # Samples of a guest at rest are all 0, taken or not.
        return max(next_ns, -(-now_ns // PERIOD_NS) * PERIOD_NS) if is_busy else None

    def sample(self, now_ns: int, nr_tasks: int) -> None:
        """Takes the sample of now, and the same for those that were missed."""
        present_ns = now_ns - now_ns % PERIOD_NS
        nr_samples = (present_ns - self._sampled_ns) // PERIOD_NS if any(self._averages) else 1
        for _ in range(nr_samples):
            pairs = zip(self._averages, _WEIGHTS, strict=True)
            before = self._averages
            self._averages = tuple(
                decayed(load, nr_tasks * FIXED_ONE, weight=weight) for load, weight in pairs
            )
            if self._averages == before:
                break
        self._sampled_ns = present_ns

    @property
    def averages(self) -> tuple[float, ...]:
        """The averages over one, five and fifteen minutes."""
        return tuple(load / FIXED_ONE for load in self._averages)

    def text(self, *, nr_tasks: int, nr_processes: int, last_pid: int) -> str:
        """Returns /proc/loadavg."""
        loads = " ".join(two_places(load + _HALF_PLACE) for load in self._averages)
        return f"{loads} {nr_tasks}/{nr_processes} {last_pid}\n"

    def state(self) -> tuple[object, ...]:
        """Returns everything that it knows, for a digest."""
        return (self._averages, self._sampled_ns)
