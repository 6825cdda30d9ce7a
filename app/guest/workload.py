"""What a guest's programs and kernel do with its memory, as steps: fill, mix, free at random, pin, churn.

Kept here: what a step is, and the ready-made workloads. Fragmentation comes from allocating and freeing
in these steps, never from painting pages.
Left out: reading steps from JSON (app.guest.workload_json) and doing them (app.guest.populate).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.errors import Unknown
from app.mm.page import PageKind


class Act(StrEnum):
    """What a step does."""

    # Allocates runs of one kind, until the amount is reached or memory ends.
    FILL = "fill"
    # Allocates several kinds in turn, in short random bursts, as a running machine does.
    MIX = "mix"
    # Frees a random part of an earlier allocation.
    FREE = "free"
    # Pins random pages of an earlier allocation where they are.
    PIN = "pin"
    # Frees a random part of several earlier allocations and allocates as much again, in bursts in turn.
    CHURN = "churn"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One kind of a mix; `weight` is its share of the pages."""

    kind: PageKind
    weight: int
    label: str
    # None: the kind's own.
    order: int | None = None


@dataclass(frozen=True, kw_only=True)
class WorkloadStep:
    """One step; `label` (churn: `labels`) names the allocation that it makes or works on.

    The amount is `size` in bytes, or else `fraction`: of the memory that is free when the step begins
    (fill, mix), or of the allocation (free, pin, churn).
    """

    act: Act
    label: str = ""
    fraction: float = 0.0
    size: int = 0
    kind: PageKind = PageKind.ANON
    order: int | None = None
    rounds: int = 1
    labels: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    # fill, mix: the NUMA node where pages are preferred, now and when the allocation grows.
    numa_node: int = 0

    @property
    def labels_made(self) -> tuple[str, ...]:
        """The allocations that this step makes."""
        if self.act is Act.MIX:
            return tuple(part.label for part in self.parts)
        return (self.label,) if self.act is Act.FILL else ()

    @property
    def labels_used(self) -> tuple[str, ...]:
        """The allocations that earlier steps must have made."""
        if self.act is Act.CHURN:
            return self.labels
        return (self.label,) if self.act in {Act.FREE, Act.PIN} else ()


def _mix(fraction: float, **weights: int) -> WorkloadStep:
    parts = tuple(
        Part(kind=PageKind[name.upper()], weight=weight, label=name) for name, weight in weights.items()
    )
    return WorkloadStep(act=Act.MIX, fraction=fraction, parts=parts)


def _part_of(act: Act, label: str, fraction: float) -> WorkloadStep:
    return WorkloadStep(act=act, label=label, fraction=fraction)


def _churn(fraction: float, rounds: int, *labels: str) -> WorkloadStep:
    return WorkloadStep(act=Act.CHURN, fraction=fraction, rounds=rounds, labels=labels)


WORKLOADS: Mapping[str, tuple[WorkloadStep, ...]] = {
    # A machine that has booted and does nothing.
    "idle": (_mix(0.06, anon=3, file_clean=6, file_dirty=1, unmovable=3, reclaimable=1),),
    # Programs and page cache hold most of the memory; little of it is the kernel's.
    "busy": (
        _mix(0.3, anon=5, file_clean=6, file_dirty=1, unmovable=2, reclaimable=1),
        WorkloadStep(act=Act.FILL, label="heap", kind=PageKind.ANON, fraction=0.5),
        WorkloadStep(act=Act.FILL, label="huge", kind=PageKind.THP, fraction=0.5),
        _part_of(Act.PIN, "heap", 0.0005),
    ),
    # Full once, then half freed at random: free memory in single pages, kernel pages between movable ones.
    "fragmented": (
        _mix(0.95, anon=30, file_clean=10, file_dirty=2, unmovable=2, reclaimable=1),
        _churn(0.3, 3, "anon", "file_clean", "unmovable", "reclaimable"),
        _part_of(Act.FREE, "anon", 0.5),
        _part_of(Act.FREE, "file_clean", 0.5),
        WorkloadStep(act=Act.FILL, label="late_kernel", kind=PageKind.UNMOVABLE, fraction=0.05),
    ),
    # The kernel's caches grew over everything and were mostly emptied: single slab pages everywhere.
    "slab-heavy": (
        _mix(0.7, anon=4, file_clean=4, unmovable=8, reclaimable=8),
        _part_of(Act.FREE, "unmovable", 0.9),
        _part_of(Act.FREE, "reclaimable", 0.9),
        _part_of(Act.FREE, "file_clean", 0.5),
    ),
    # Huge pages over everything: no run is below a pageblock.
    "huge": (
        WorkloadStep(act=Act.FILL, label="huge", kind=PageKind.THP, fraction=0.9),
        _part_of(Act.FREE, "huge", 0.5),
    ),
}


def workload(name: str) -> tuple[WorkloadStep, ...]:
    """Returns the steps of the ready-made workload `name`.

    Raises Unknown.
    """
    if name not in WORKLOADS:
        raise Unknown("workload", name, WORKLOADS)
    return WORKLOADS[name]
