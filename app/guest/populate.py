"""Doing a workload's steps: the node's own allocator places every page, the seeded stream chooses what goes.

Kept here: a step takes what it can get; that a fill found less room than it wanted is no error.
Left out: what the steps are (app.guest.workload).
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from app.errors import InvalidValue
from app.guest.allocations import Allocation, AllocationTable
from app.guest.page_use import checked_order
from app.guest.random_stream import RandomStream
from app.guest.workload import Act, Part, WorkloadStep
from app.mm.geometry import Geometry
from app.mm.node import Node
from app.mm.owned import alloc_bursts, nr_free_for

# A mix allocates 1 to this many pages of one kind before it turns to the next.
LONGEST_BURST = 32
_BURSTS_AT_ONCE = 1 << 15
# Shares of a mix are counted in parts of this.
_SHARES = 1 << 20


def validate_orders(steps: Sequence[WorkloadStep], geometry: Geometry) -> None:
    """Checks that each kind has the order that a step names.

    Raises InvalidValue.
    """
    for number, step in enumerate(steps):
        place = f"workload[{number}]"
        if step.act is Act.FILL:
            checked_order(geometry, step.kind, step.order, field=f"{place}.order")
        for position, part in enumerate(step.parts):
            checked_order(geometry, part.kind, part.order, field=f"{place}.parts[{position}].order")


def validate_nodes(steps: Sequence[WorkloadStep], nr_numa_nodes: int) -> None:
    """Checks that there is each NUMA node that a step names.

    Raises InvalidValue.
    """
    for number, step in enumerate(steps):
        if step.numa_node >= nr_numa_nodes:
            accepted = f"a NUMA node of the guest, 0 to {nr_numa_nodes - 1}"
            raise InvalidValue(f"workload[{number}].node", step.numa_node, accepted)


def _do_nothing() -> None:
    """Watches nothing."""


class Workload:
    """One run of a workload over a node."""

    def __init__(
        self,
        node: Node,
        table: AllocationTable,
        stream: RandomStream,
        *,
        before_free: Callable[[], None] = _do_nothing,
    ) -> None:
        """Takes pages from `node` into `table`; every choice comes from `stream`.

        before_free: called each time before pages are freed, while all that was allocated is still in use.
        """
        self._before_free = before_free
        self._node = node
        self._table = table
        self._stream = stream
        self._ids: dict[str, int] = {}
        self._acts: dict[Act, Callable[[WorkloadStep], None]] = {
            Act.FILL: self._fill,
            Act.MIX: self._mix,
            Act.FREE: self._free,
            Act.PIN: self._pin,
            Act.CHURN: self._churn,
        }

    def run(self, steps: Sequence[WorkloadStep]) -> None:
        """Does the steps in order."""
        for step in steps:
            self._acts[step.act](step)
        self._table.forget_empty()

    def _fill(self, step: WorkloadStep) -> None:
        order = checked_order(self._node.geometry, step.kind, step.order, field="order")
        nr_pages = self._amount(step, nr_free_for(self._node, step.kind))
        row = self._table.fill(
            step.kind, order, nr_pages >> order, label=step.label, numa_node=step.numa_node
        )
        self._ids[step.label] = row.id

    def _mix(self, step: WorkloadStep) -> None:
        rows = [self._open(part, step.numa_node) for part in step.parts]
        total_weight = sum(part.weight for part in step.parts)
        # Kernel kinds cannot use ZONE_MOVABLE: each kind has its share of the memory that it may use.
        targets = [
            self._amount(step, nr_free_for(self._node, part.kind)) * part.weight // total_weight
            for part in step.parts
        ]
        self._alloc_in_turn(rows, targets)

    def _free(self, step: WorkloadStep) -> None:
        row = self._row(step)
        self._before_free()
        self._table.shrink(row.id, self._amount(step, row.nr_pages) >> row.order, self._stream)

    def _pin(self, step: WorkloadStep) -> None:
        row = self._row(step)
        self._table.pin(row.id, self._amount(step, row.nr_pages) >> row.order, self._stream)

    def _churn(self, step: WorkloadStep) -> None:
        for _ in range(step.rounds):
            self._before_free()
            rows = [self._table.get(self._ids[label]) for label in step.labels]
            freed = [
                self._table.shrink(row.id, self._amount(step, row.nr_pages) >> row.order, self._stream)
                for row in rows
            ]
            self._alloc_in_turn(rows, [runs << row.order for runs, row in zip(freed, rows, strict=True)])

    def _alloc_in_turn(self, rows: Sequence[Allocation], targets: Sequence[int]) -> None:
        """Gives each allocation about its target of pages, in short random bursts, until memory ends."""
        left = sum(targets)
        node_of = {row.id: row.numa_node for row in rows}
        while left > 0:
            bursts = self._draw_bursts(rows, targets, left)
            numa_nodes = np.array([node_of[owner] for owner in bursts[:, 3].tolist()], np.int64)
            got = alloc_bursts(self._node, bursts, numa_nodes) << bursts[:, 1]
            if self._credit(bursts[:, 3], got) == 0:
                break
            # A burst that found no room is not made up for: its kind has had its turn.
            left -= int((bursts[:, 2] << bursts[:, 1]).sum())

    def _row(self, step: WorkloadStep) -> Allocation:
        return self._table.get(self._ids[step.label])

    def _amount(self, step: WorkloadStep, whole: int) -> int:
        """Returns how many pages a step means, of `whole`."""
        if step.size:
            return step.size // self._node.geometry.page_size
        return int(whole * step.fraction)

    def _open(self, part: Part, numa_node: int) -> Allocation:
        order = checked_order(self._node.geometry, part.kind, part.order, field="order")
        row = self._table.fill(part.kind, order, 0, label=part.label, numa_node=numa_node)
        self._ids[part.label] = row.id
        return row

    def _draw_bursts(
        self, rows: Sequence[Allocation], targets: Sequence[int], left: int
    ) -> NDArray[np.int64]:
        """Returns random bursts of up to `left` pages in all, rows of (kind, order, runs, owner).

        The allocations' shares of the pages are as their targets; a run of a high order counts as its pages.
        """
        table = np.array([(row.kind, row.order, 0, row.id) for row in rows], np.int64)
        burst_pages = np.maximum(LONGEST_BURST, 2 << table[:, 1])
        # Twice the mean length; an allocation whose bursts are longer gets its turn less often.
        lengths_twice = burst_pages + (1 << table[:, 1])
        shares = np.array([_SHARES * target // sum(targets) for target in targets], np.int64)
        edges = np.cumsum(np.maximum(shares * LONGEST_BURST // lengths_twice, 1))
        nr_bursts = min(_BURSTS_AT_ONCE, 1 + left // (LONGEST_BURST // 2))
        picks = np.searchsorted(edges, self._stream.below(int(edges[-1]), nr_bursts), side="right")
        bursts = table[picks]
        draws = (self._stream.words(nr_bursts) >> np.uint64(32)).astype(np.int64)
        bursts[:, 2] = 1 + (draws * (burst_pages[picks] >> bursts[:, 1]) >> 32)
        wanted = np.cumsum(bursts[:, 2] << bursts[:, 1])
        return bursts[: max(1, int(np.searchsorted(wanted, left, side="right")))]

    def _credit(self, owners: NDArray[np.int64], nr_pages: NDArray[np.int64]) -> int:
        """Books what the bursts got; returns the pages."""
        for owner in np.unique(owners).tolist():
            self._table.credit(owner, int(nr_pages[owners == owner].sum()))
        return int(nr_pages.sum())
