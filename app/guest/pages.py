"""What a guest's owner does to its pages by hand: allocations, contiguous ranges, CMA areas.

Kept here: memory that is taken into use counts as backed by the host, and is looked at before it is freed; nobody acts
in a guest that hangs or is dead.
Left out: what the guest's driver does (app.guest.devices), and its programs over time.
"""

from collections.abc import Sequence

from app.guest import views
from app.guest.allocations import AllocationSpec, AllocationTable, validate_fraction
from app.guest.clock import SimulatedClock
from app.guest.cma_clients import CmaClients
from app.guest.condition import Condition
from app.guest.contig_ranges import TakenRange, TakenRanges, require_range
from app.guest.cost import ContigCharge
from app.guest.devices import Backings
from app.guest.populate import Workload
from app.guest.random_stream import RandomStream
from app.guest.workload import WorkloadStep
from app.mm import contig
from app.mm.checks.ownership import placed_owner
from app.mm.node import Node
from app.mm.outcome import ContigOutcome, Errno
from app.mm.page import PageKind
from app.trace.sink import Sink

Description = dict[str, object]


class Pages:
    """The pages of one guest, as its owner sees them."""

    def __init__(
        self, node: Node, backings: Backings, *, sink: Sink, clock: SimulatedClock, charge: ContigCharge
    ) -> None:
        """Starts with nothing allocated; charge: takes each call of alloc_contig_range() and its pages."""
        self.allocations = AllocationTable(node, sink, on_contig=charge, clock=clock)
        self._node = node
        self._backings = backings
        self._charge = charge
        self._clock = clock
        # The guest's; one that always runs until somebody says so.
        self.condition = Condition(clock)
        self.taken = TakenRanges()
        self.cma = CmaClients(node, clock)

    def fork(
        self, node: Node, backings: Backings, *, sink: Sink, clock: SimulatedClock, charge: ContigCharge
    ) -> "Pages":
        """Returns an independent copy for a copy of the node."""
        copy = Pages(node, backings, sink=sink, clock=clock, charge=charge)
        copy.allocations = self.allocations.fork(node, sink, on_contig=charge, clock=clock)
        copy.taken = self.taken.fork()
        copy.cma = self.cma.fork(node, clock)
        return copy

    def clear(self) -> None:
        """Forgets everything that was allocated: the guest was booted anew."""
        self.allocations.clear()
        self.taken.clear()
        self.cma.clear()

    def state(self) -> tuple[object, ...]:
        """Returns everything that decides what becomes of the pages, for a digest."""
        return (
            tuple(self.allocations),
            self.allocations.last_id,
            tuple(self.taken),
            self.cma.state(),
        )

    def allocate(self, spec: AllocationSpec) -> Description:
        """Allocates what `spec` wants, all of it or nothing; returns the allocation.

        Raises InvalidValue, RangeUnavailable, GuestOutOfMemory.
        """
        self.condition.require_running()
        if (spec.order or 0) > self._node.geometry.max_order:
            self.allocations.validate(spec)
            # Pages move to make room for a gigantic page, be there enough in the end or not.
            self._backings.look()
            self._backings.mark_stale()
        row = self.allocations.allocate(spec)
        self._backings.mark_stale()
        return row.describe()

    def free(self, allocation_id: int, fraction: float = 1.0, seed: int = 0) -> Description:
        """Frees an allocation, or a part that `seed` chooses; returns what was freed and what is left.

        Raises Unknown, InvalidValue.
        """
        self.condition.require_running()
        before = self.allocations.get(allocation_id).nr_pages
        validate_fraction(fraction)
        self._backings.look()
        stream = RandomStream(seed) if fraction < 1 else None
        freed = self.allocations.free(allocation_id, fraction, stream)
        return {"id": allocation_id, "freed_pages": freed, "remaining_pages": before - freed}

    def populate(self, steps: Sequence[WorkloadStep], seed: int) -> None:
        """Does the steps of a workload, every choice drawn from `seed`."""
        self.condition.require_running()
        workload = Workload(self._node, self.allocations, RandomStream(seed), before_free=self._renew_backing)
        workload.run(steps)
        self._backings.mark_stale()

    def alloc_contig_range(self, start_pfn: int, end_pfn: int) -> Description:
        """Takes the pages of [start_pfn, end_pfn) as the kernel would; they stay taken until freed.

        A failure leaves what the kernel leaves: pages that moved stay moved. Raises InvalidValue.
        """
        self.condition.require_running()
        require_range(self._node, start_pfn, end_pfn)
        self._backings.look()
        owner = placed_owner(self.allocations.last_id + 1)
        outcome = contig.alloc_contig_range(
            self._node, start_pfn, end_pfn, kind=PageKind.UNMOVABLE, owner=owner
        )
        if outcome.result is Errno.OK:
            self.allocations.new_id()
            self.taken.add(TakenRange(start_pfn, end_pfn, owner, self._clock.now_ns))
        self._book_contig([outcome], end_pfn - start_pfn)
        return views.describe_contig(outcome)

    def free_contig_range(self, start_pfn: int, end_pfn: int) -> int:
        """Gives back a range, or a part of one, that alloc_contig_range() took; returns its pages.

        Raises InvalidValue, RangeUnavailable.
        """
        self.condition.require_running()
        require_range(self._node, start_pfn, end_pfn)
        taken = self.taken.find(start_pfn, end_pfn)
        self._backings.look()
        self.taken.remove(taken, start_pfn, end_pfn)
        return contig.free_contig_range(self._node, start_pfn, end_pfn)

    def cma_areas(self) -> list[Description]:
        """Returns the CMA areas and what their clients have of them."""
        return self.cma.describe()

    def cma_alloc(self, area: str, nr_pages: int, align_order: int = 0) -> Description:
        """Takes pages of a CMA area for its client, as the kernel would; they stay taken until released.

        A failure is an outcome, and leaves what the kernel leaves. Raises Unknown, InvalidValue.
        """
        self.condition.require_running()
        self.cma.validate(area, nr_pages, align_order)
        self._backings.look()
        outcome = self.cma.alloc(area, nr_pages, align_order)
        self._book_contig(outcome.calls, nr_pages)
        return views.describe_cma(outcome, nr_pages)

    def cma_release(self, area: str, pfn: int) -> int:
        """Releases what cma_alloc() took at `pfn`; returns its pages.

        Raises Unknown.
        """
        self.condition.require_running()
        self.cma.held(area, pfn)
        self._backings.look()
        return self.cma.release(area, pfn)

    def _book_contig(self, outcomes: Sequence[ContigOutcome], nr_pages: int) -> None:
        """Books what calls of alloc_contig_range() over `nr_pages` each cost."""
        for outcome in outcomes:
            self._charge(outcome, nr_pages)
        self._backings.mark_stale()

    def _renew_backing(self) -> None:
        self._backings.mark_stale()
        self._backings.look()
