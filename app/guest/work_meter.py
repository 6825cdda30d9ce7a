"""What a driver's work costs: the simulated time at which its acts end, and what the host has to discard.

Kept here: the acts of a work item follow each other without a gap, and sum up to what its passes cost as a whole.
Left out: the units (app.guest.cost), and who else acts meanwhile (app.guest.agenda).
"""

from app.guest.backing import BackedMemory
from app.guest.cost import CostProfile, Pace, cost_ns, work_of_pass
from app.mm.geometry import Geometry
from app.virtio_mem.driver.report import PassCounts
from app.virtio_mem.driver.requests import RequestQueue

_NS_PER_US = 1000


class WorkMeter:
    """Tells when the acts of one device's driver end."""

    def __init__(
        self, geometry: Geometry, backing: BackedMemory, *, profile: CostProfile, pace: Pace
    ) -> None:
        """Starts at the beginning of time."""
        self._geometry = geometry
        self._backing = backing
        self._profile = profile
        self._pace = pace
        # When the last act ended.
        self.end_ns = 0
        self._spent_ns = 0
        self._discarded = 0

    def begin(self, moment_ns: int) -> None:
        """Says when the next act begins: at `moment_ns`, or later when the last one has not ended."""
        self.end_ns = max(self.end_ns, moment_ns)

    def charge(self, counts: PassCounts, queue: RequestQueue) -> None:
        """Adds what a pass has cost beyond what it had at the last call; counts: of the pass, from its beginning."""
        if queue.unplugged:
            self._discarded += sum(self._backing.discard(addr, size) for addr, size in queue.unplugged)
            queue.unplugged.clear()
        work = work_of_pass(counts, self._geometry, bytes_discarded=self._discarded)
        spent_ns = max(cost_ns(self._profile, self._geometry, work), self._spent_ns)
        self.end_ns += self._pace.stretch(spent_ns - self._spent_ns) + self._pace.take_delay_ns()
        self._spent_ns = spent_ns

    def end_pass(self, counts: PassCounts, queue: RequestQueue) -> int:
        """Adds what is left of a pass; returns when it ended, in us."""
        self.charge(counts, queue)
        self._spent_ns = self._discarded = 0
        return self.end_ns // _NS_PER_US
