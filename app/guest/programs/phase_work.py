"""The work of phases on a guest's pages: what each does in a step of its time.

Kept here: over a phase's whole time exactly its amount is asked for, however long its steps are.
Left out: when steps are due, and what follows from a killed process (app.guest.programs.workload_player).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from app.guest.allocations import Allocation
from app.guest.page_use import default_order
from app.guest.programs.page_supply import PageSupply, Supply
from app.guest.programs.phases import MILLION, NS_PER_S, Do, Phase
from app.guest.programs.random_frees import RandomFrees
from app.guest.programs.surroundings import Surroundings
from app.mm.page import PageKind

_NOTHING = Supply(0)


@dataclass
class Target:
    """One allocation that a phase works on: how many runs it is to have, or to lose, and how many of them are done.

    carry: what is left of a step's share, in parts of a run.
    """

    label: str
    kind: PageKind
    order: int
    nr_runs: int
    done: int = 0
    carry: int = 0


@dataclass
class Job:
    """A phase that runs; times in simulated ns. duration_ns: None for no end; step_ns: what the next step takes."""

    number: int
    phase: Phase
    is_foreground: bool
    due_ns: int
    targets: list[Target] = field(default_factory=list)
    duration_ns: int | None = None
    elapsed_ns: int = 0
    step_ns: int = 0

    @property
    def is_over(self) -> bool:
        """Whether its time has passed."""
        return self.duration_ns is not None and self.elapsed_ns >= self.duration_ns

    def fork(self) -> "Job":
        """Returns an independent copy."""
        return replace(self, targets=[replace(target) for target in self.targets])

    def share(self, whole: int) -> int:
        """Returns how much of a whole is due by now."""
        return whole * self.elapsed_ns // self.duration_ns if self.duration_ns else whole


def together(first: Supply, second: Supply) -> Supply:
    """Returns what two requests, one after the other, came to."""
    return Supply(
        first.nr_runs + second.nr_runs,
        first.stall_ns + second.stall_ns,
        first.kswapd_ns + second.kswapd_ns,
        first.killed + second.killed,
        first.panic or second.panic,
    )


class PhaseWork:
    """Does the steps of phases on one guest."""

    def __init__(self, guest: Surroundings, *, supply: PageSupply, frees: RandomFrees) -> None:
        """Works on the allocations of the guest's table."""
        self._guest = guest
        self._supply = supply
        self._frees = frees

    def begin(self, job: Job) -> None:
        """Sets a job's targets and its time, by what the guest has now; its step is still to be set."""
        phase = job.phase
        job.elapsed_ns, job.duration_ns = 0, phase.duration_ns
        job.targets = self._targets(phase)
        if phase.do is Do.GROW and phase.rate is not None:
            size = (
                sum(target.nr_runs << target.order for target in job.targets) * self._guest.geometry.page_size
            )
            job.duration_ns = -(-size * NS_PER_S // phase.rate)
        if phase.labels_used and not job.targets:
            # Nobody is there to work on.
            job.duration_ns = 0

    def step(self, job: Job) -> Supply:
        """Does what is due in a job by the end of its present step."""
        result = _STEPS[job.phase.do](self, job)
        if result.nr_runs:
            self._guest.backings.mark_stale()
        # A process that was killed has another id when it is started again.
        self._guest.table.forget_empty()
        return result

    def _targets(self, phase: Phase) -> list[Target]:
        if phase.do in {Do.GROW, Do.LEAK}:
            order = default_order(self._guest.geometry, phase.kind) if phase.order is None else phase.order
            nr_pages = self._pages_to_grow(phase)
            return [Target(phase.labels[0], phase.kind, order, nr_pages >> order)]
        rows = [row for label in phase.labels for row in self._rows(label)]
        targets = [Target(row.label, row.kind, row.order, row.nr_pages >> row.order) for row in rows]
        return self._shared_out(phase, targets) if phase.do is Do.RELEASE else targets

    def _pages_to_grow(self, phase: Phase) -> int:
        if phase.to is None:
            return (phase.by or 0) // self._guest.geometry.page_size
        present = sum(row.nr_pages for row in self._rows(phase.labels[0]))
        return max(0, phase.to // self._guest.geometry.page_size - present)

    def _shared_out(self, phase: Phase, targets: list[Target]) -> list[Target]:
        """Sets how many runs each target is to lose: its share of what the phase releases."""
        nr_pages = sum(target.nr_runs << target.order for target in targets)
        released = nr_pages * phase.millionths // MILLION
        if phase.by is not None:
            released = min(phase.by // self._guest.geometry.page_size, nr_pages)
        for target in targets:
            target.nr_runs = target.nr_runs * released // nr_pages
        return targets

    def grow(self, job: Job) -> Supply:
        """Takes what is due of a growth."""
        target = job.targets[0]
        return self._fill(target, job.share(target.nr_runs), job.step_ns)

    def leak(self, job: Job) -> Supply:
        """Takes what has leaked by now."""
        size = (job.phase.rate or 0) * job.elapsed_ns // NS_PER_S
        target = job.targets[0]
        return self._fill(target, size // self._guest.geometry.page_size >> target.order, job.step_ns)

    def _fill(self, target: Target, due: int, step_ns: int) -> Supply:
        """Takes what is due of a target and was not had yet; huge pages that are not there come as small ones."""
        wanted = due - target.done
        if wanted <= 0:
            return _NOTHING
        result = self._take(target.label, (target.kind, target.order), wanted, step_ns)
        if target.kind is PageKind.THP and result.nr_runs < wanted and not (result.killed or result.panic):
            missing = (wanted - result.nr_runs) << target.order
            small = self._take(target.label, (PageKind.ANON, 0), missing, step_ns - result.kswapd_ns)
            result = together(result, small._replace(nr_runs=small.nr_runs >> target.order))
        target.done += result.nr_runs
        return result

    def churn(self, job: Job) -> Supply:
        """Frees a share of each target, then takes as much for each, or what it lost to reclaim meanwhile, if less."""
        shares: list[int] = []
        parts = MILLION * NS_PER_S
        for target in job.targets:
            share, target.carry = divmod(
                target.nr_runs * job.phase.millionths * job.step_ns + target.carry, parts
            )
            shares.append(share)
            row = self._find(target.label, (target.kind, target.order))
            if row is not None:
                present = row.nr_pages >> row.order
                self._frees.free(row, share * present // target.nr_runs)
        result, left_ns = _NOTHING, job.step_ns
        for target, share in zip(job.targets, shares, strict=True):
            row = self._find(target.label, (target.kind, target.order))
            present = row.nr_pages >> row.order if row else 0
            wanted = min(share, target.nr_runs - present)
            if wanted > 0 and not (result.killed or result.panic):
                taken = self._take(target.label, (target.kind, target.order), wanted, left_ns)
                left_ns -= taken.kswapd_ns
                result = together(result, taken)
        return result

    def release(self, job: Job) -> Supply:
        """Frees what is due of a release."""
        for target in job.targets:
            row = self._find(target.label, (target.kind, target.order))
            wanted = job.share(target.nr_runs) - target.done
            if row is not None and wanted > 0:
                self._frees.free(row, wanted)
            target.done += max(wanted, 0)
        return _NOTHING

    def _take(self, label: str, kind_order: tuple[PageKind, int], nr_runs: int, kswapd_ns: int) -> Supply:
        row = self._find(label, kind_order) or self._guest.table.fill(*kind_order, 0, label=label)
        return self._supply.take(row.id, nr_runs, kswapd_ns=max(kswapd_ns, 0))

    def _find(self, label: str, kind_order: tuple[PageKind, int]) -> Allocation | None:
        """Returns the oldest allocation of a label with this kind and order."""
        return next(
            (row for row in self._guest.table if row.label == label and (row.kind, row.order) == kind_order),
            None,
        )

    def _rows(self, label: str) -> list[Allocation]:
        """Returns the allocations of a label that have pages; gigantic pages are left alone."""
        largest = self._guest.geometry.max_order
        return [
            row for row in self._guest.table if row.label == label and row.nr_pages and row.order <= largest
        ]


# Not in the object: bound methods would make a circle, and a guest's memory would wait for the garbage collector.
_STEPS: Mapping[Do, Callable[[PhaseWork, Job], Supply]] = {
    Do.GROW: PhaseWork.grow,
    Do.CHURN: PhaseWork.churn,
    Do.LEAK: PhaseWork.leak,
    Do.RELEASE: PhaseWork.release,
    Do.HOLD: lambda *_: _NOTHING,
}
