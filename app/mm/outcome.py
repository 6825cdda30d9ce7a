"""What the kernel's acts answer: result codes by the kernel's names, and the page that stood in the way.

Left out: sentences for people; whoever shows an outcome words it.
"""

from enum import IntEnum, StrEnum
from typing import NamedTuple

from app.mm.page import Migratetype, PageKind


class Errno(StrEnum):
    """Result codes in the kernel's sense; OK is 0."""

    OK = "0"
    EBUSY = "EBUSY"
    ENOMEM = "ENOMEM"
    EAGAIN = "EAGAIN"
    EINVAL = "EINVAL"
    EINTR = "EINTR"
    EPERM = "EPERM"
    ENOSPC = "ENOSPC"
    ETXTBSY = "ETXTBSY"


class Caller(IntEnum):
    """Who isolates a range: it decides what stops it (4.2), and which type comes back (I-10)."""

    ORDINARY = 0  # alloc_contig_range() for anybody: MOVABLE comes back
    MEMORY_OFFLINE = 1  # tolerates offline and poisoned pages (I-3): MOVABLE comes back
    CMA = 2  # may take CMA pageblocks: CMA comes back


class Obstacle(NamedTuple):
    """The page that stopped an act, and what it is."""

    pfn: int
    kind: PageKind


class TypeLost(NamedTuple):
    """A pageblock that came back from isolation as another type than it had (INV-14)."""

    pfn: int
    old: Migratetype
    new: Migratetype


class ContigOutcome(NamedTuple):
    """How an alloc_contig_range() call ended.

    step: where it failed ("isolate", "migrate", "test"), "" when it did not. Counts are in pages, except
    nr_pageblocks (isolated ones) and nr_huge (runs above order 0 that were migrated; nr_migrated_huge: their pages).
    """

    result: Errno
    step: str = ""
    obstacle: Obstacle | None = None
    nr_migrated: int = 0
    nr_migrated_huge: int = 0
    nr_huge: int = 0
    nr_dropped: int = 0
    nr_pageblocks: int = 0
    types_lost: tuple[TypeLost, ...] = ()


class OfflineOutcome(NamedTuple):
    """How offlining memory ended; counts as in ContigOutcome.

    EINTR means one thing only: nr_rounds rounds did not empty it, which is the simulator's limit (HP-6).
    """

    result: Errno
    obstacle: Obstacle | None = None
    nr_rounds: int = 0
    nr_migrated: int = 0
    nr_migrated_huge: int = 0
    nr_huge: int = 0

    @property
    def is_simulator_limit(self) -> bool:
        """Whether Linux would still be trying."""
        return self.result is Errno.EINTR

    def after(self, other: "OfflineOutcome") -> "OfflineOutcome":
        """Returns this outcome with the counts of an earlier one added."""
        counts = (mine + its for mine, its in zip(self[2:], other[2:], strict=True))
        return OfflineOutcome(self.result, self.obstacle, *counts)


class CmaOutcome(NamedTuple):
    """How a cma_alloc() call ended: the first pfn, -1 without one, and every alloc_contig_range() call that it made."""

    result: Errno
    pfn: int = -1
    calls: tuple[ContigOutcome, ...] = ()
