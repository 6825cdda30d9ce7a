"""What a work item did and what stopped it: attempts by level, pieces that stayed, counts for the clock.

Own design; semantics D-13 names the attempts, section 11.2 what costs time.
Kept here: obstacles are those of the final state, however often a piece was tried; attempts count every call.
Left out: microseconds (the guest's clock makes them from PassCounts).
"""

from collections import Counter
from typing import NamedTuple

from app.mm.outcome import ContigOutcome, Errno
from app.mm.page import Migratetype, PageKind
from app.mm.policies.switches import Level
from app.virtio_mem.driver.block_map import BlockMap
from app.virtio_mem.driver.causes import Cause
from app.virtio_mem.driver.fallback import FallbackPlan

# How many pieces are told one by one; the rest is counted.
MAX_OBSTACLES = 64

_Reason = tuple[PageKind | None, Level | None, Errno, Cause]


class LevelTally(NamedTuple):
    """One level of a work item: bytes unplugged, alloc_contig_range() calls, and those that failed."""

    nr_bytes: int
    attempts: int
    failed: int


class StuckPiece(NamedTuple):
    """A piece that stayed, and why.

    pfn, kind: the page in the way, or the piece's first page and None when it was no page; both None when the
    shortage has no place. level: the last one tried, None outside an unplug of online memory.
    """

    pfn: int | None
    kind: PageKind | None
    level: Level | None
    result: Errno
    nr_bytes: int
    cause: Cause = Cause.PAGE


class ObstacleGroup(NamedTuple):
    """Pieces that stayed for alike reasons, counted however many they are; members as in StuckPiece."""

    kind: PageKind | None
    level: Level | None
    result: Errno
    nr_pieces: int
    nr_bytes: int
    cause: Cause = Cause.PAGE


class FailureGroup(NamedTuple):
    """Attempts that failed for alike reasons, whatever became of the piece later; kind: the page in the way, if any."""

    level: Level
    result: Errno
    kind: PageKind | None
    nr_attempts: int


class TypesLost(NamedTuple):
    """Pageblocks that came back from attempts as another type than they had (INV-14)."""

    old: Migratetype
    new: Migratetype
    nr_pageblocks: int


class PassCounts(NamedTuple):
    """What one pass of the driver did, in counts: the clock knows what each costs (section 11.2).

    nr_migrated: pages, those of huge runs (nr_migrated_huge pages in nr_huge runs) included.
    """

    contig_calls: int = 0
    # Of these, those that came past isolation, so that they drained per-cpu lists and LRU caches.
    contig_drains: int = 0
    isolated_pageblocks: int = 0
    nr_migrated: int = 0
    nr_migrated_huge: int = 0
    nr_huge: int = 0
    nr_dropped: int = 0
    # Pages that contig allocation took and that became OFFLINE.
    nr_marked: int = 0
    device_requests: int = 0
    plugged_bytes: int = 0
    unplugged_bytes: int = 0
    memory_blocks_added: int = 0
    memory_blocks_onlined: int = 0
    memory_blocks_offlined: int = 0
    memory_blocks_removed: int = 0

    def plus(self, other: "PassCounts") -> "PassCounts":
        """Returns the sums, count by count."""
        return PassCounts(*(mine + its for mine, its in zip(self, other, strict=True)))


class PassTally:
    """Counts of the pass that runs now; attributes named as in PassCounts."""

    __slots__ = (
        "contig_calls",
        "contig_drains",
        "isolated_pageblocks",
        "memory_blocks_added",
        "memory_blocks_offlined",
        "memory_blocks_onlined",
        "memory_blocks_removed",
        "nr_dropped",
        "nr_huge",
        "nr_marked",
        "nr_migrated",
        "nr_migrated_huge",
        "offline_bytes",
        "plugged_bytes",
        "requests_before",
        "unplugged_bytes",
    )

    def __init__(self, requests_before: int) -> None:
        """Starts at zero; requests_before: what the queue had sent before this pass."""
        self.requests_before = requests_before
        self.contig_calls = 0
        self.contig_drains = 0
        self.isolated_pageblocks = 0
        self.nr_migrated = 0
        self.nr_migrated_huge = 0
        self.nr_huge = 0
        self.nr_dropped = 0
        self.nr_marked = 0
        self.plugged_bytes = 0
        self.unplugged_bytes = 0
        # Unplugged from memory blocks that were offline, so without an attempt; a part of unplugged_bytes.
        self.offline_bytes = 0
        self.memory_blocks_added = 0
        self.memory_blocks_onlined = 0
        self.memory_blocks_offlined = 0
        self.memory_blocks_removed = 0

    def add_contig(self, outcome: ContigOutcome) -> None:
        """Adds one alloc_contig_range() call."""
        self.contig_calls += 1
        self.contig_drains += outcome.step != "isolate"
        self.isolated_pageblocks += outcome.nr_pageblocks
        if outcome.nr_migrated or outcome.nr_dropped:
            self.nr_migrated += outcome.nr_migrated
            self.nr_migrated_huge += outcome.nr_migrated_huge
            self.nr_huge += outcome.nr_huge
            self.nr_dropped += outcome.nr_dropped

    def counts(self, nr_requests: int) -> PassCounts:
        """Returns the frozen counts; nr_requests: what the queue has sent by now."""
        # In the order of the fields, by place: asked after every act.
        return PassCounts(
            self.contig_calls,
            self.contig_drains,
            self.isolated_pageblocks,
            self.nr_migrated,
            self.nr_migrated_huge,
            self.nr_huge,
            self.nr_dropped,
            self.nr_marked,
            nr_requests - self.requests_before,
            self.plugged_bytes,
            self.unplugged_bytes,
            self.memory_blocks_added,
            self.memory_blocks_onlined,
            self.memory_blocks_offlined,
            self.memory_blocks_removed,
        )


class WorkReport:
    """Collects over all passes of one work item; idle paths touch only integers."""

    def __init__(self, plan: FallbackPlan, blocks: BlockMap) -> None:
        """Starts empty."""
        self._plan = plan
        self._blocks = blocks
        nr_levels = len(plan.levels)
        self.level_bytes = [0] * nr_levels
        self.level_attempts = [0] * nr_levels
        self.level_failed = [0] * nr_levels
        self._failures: Counter[tuple[Level, Errno, PageKind | None]] = Counter()
        self._types_lost: Counter[tuple[Migratetype, Migratetype]] = Counter()
        # index of a memory block -> bits of the sub-blocks that failed at the last level
        self._stuck: dict[int, int] = {}
        # The same bits, by (kind, level, result, cause) of the reason.
        self._reasons: dict[_Reason, dict[int, int]] = {}
        self._details: dict[tuple[int, int], StuckPiece] = {}
        self._shortage: StuckPiece | None = None

    def add_attempt(self, depth: int, outcome: ContigOutcome) -> None:
        """Books one alloc_contig_range() call on a level."""
        self.level_attempts[depth] += 1
        if outcome.types_lost:
            self._types_lost.update((lost.old, lost.new) for lost in outcome.types_lost)
        if outcome.result is not Errno.OK:
            self.level_failed[depth] += 1
            kind = None if outcome.obstacle is None else outcome.obstacle.kind
            self._failures[self._plan.levels[depth].level, outcome.result, kind] += 1

    def begin_pass(self) -> None:
        """Forgets what a new pass will try again: pieces that are gone by now, and the last shortage."""
        self._shortage = None
        if self._stuck:
            self._forget_unplugged()

    def forget_stuck(self) -> None:
        """Forgets every stuck piece: the target moved, and they are wanted again."""
        self._stuck = {}
        self._reasons = {}
        self._details = {}

    def add_stuck(self, index: int, subblock: int, piece: StuckPiece) -> None:
        """Remembers that a plugged sub-block failed at the last level; what it failed for last is what counts."""
        bit = 1 << subblock
        bits = self._stuck.get(index, 0)
        if bits & bit:
            for earlier in self._reasons.values():
                earlier[index] = earlier.get(index, 0) & ~bit
        self._stuck[index] = bits | bit
        reason = self._reasons.setdefault((piece.kind, piece.level, piece.result, piece.cause), {})
        reason[index] = reason.get(index, 0) | bit
        if len(self._details) < MAX_OBSTACLES or (index, subblock) in self._details:
            self._details[index, subblock] = piece

    def set_shortage(self, piece: StuckPiece) -> None:
        """Remembers what ended the pass before everything was tried; piece.nr_bytes: what was still to do.

        Pieces that had failed on their own account are told apart from it. It had no piece of its own, so its bytes
        are a bound, and one sub-block where every piece that is still to do has failed already.
        """
        stuck = self.obstacle_count() * self._plan.unit_size
        nr_bytes = max(piece.nr_bytes - stuck, self._plan.unit_size)
        self._shortage = piece._replace(nr_bytes=nr_bytes)

    def by_level(self) -> dict[Level, LevelTally]:
        """Returns the tally of every level of the plan, largest first."""
        rows = zip(self._plan.levels, self.level_bytes, self.level_attempts, self.level_failed, strict=True)
        return {unplug_level.level: LevelTally(*row) for unplug_level, *row in rows}

    def failures(self) -> tuple[FailureGroup, ...]:
        """Returns the attempts that failed, by level and reason, the most frequent first."""
        return tuple(FailureGroup(*reason, count) for reason, count in self._failures.most_common())

    def types_lost(self) -> tuple[TypesLost, ...]:
        """Returns how many pageblocks lost their type, by old and new one."""
        return tuple(TypesLost(*types, count) for types, count in sorted(self._types_lost.items()))

    def obstacle_count(self) -> int:
        """Returns how many pieces stay, shortage included. Linear in memory blocks with a stuck piece."""
        plugged = self._blocks.plugged
        nr_stuck = sum((bits & plugged[index]).bit_count() for index, bits in self._stuck.items())
        return nr_stuck + (self._shortage is not None)

    def obstacles(self) -> tuple[StuckPiece, ...]:
        """Returns the pieces that stay, at most MAX_OBSTACLES: a shortage first, then from the top down."""
        self._forget_unplugged()
        pieces = [self._details[place] for place in sorted(self._details, reverse=True)]
        if self._shortage is not None:
            pieces.insert(0, self._shortage)
        return tuple(pieces[:MAX_OBSTACLES])

    def obstacle_groups(self) -> tuple[ObstacleGroup, ...]:
        """Returns all pieces that stay, by reason, the most bytes first. Linear in memory blocks with a stuck piece."""
        plugged, size = self._blocks.plugged, self._plan.unit_size
        groups = []
        for (kind, level, result, cause), blocks in self._reasons.items():
            count = sum((bits & plugged[index]).bit_count() for index, bits in blocks.items())
            if count:
                groups.append(ObstacleGroup(kind, level, result, count, count * size, cause))
        if self._shortage is not None:
            _, kind, level, result, nr_bytes, cause = self._shortage
            groups.append(ObstacleGroup(kind, level, result, 1, nr_bytes, cause))
        return tuple(sorted(groups, key=lambda group: -group.nr_bytes))

    def _forget_unplugged(self) -> None:
        plugged = self._blocks.plugged
        self._stuck = {index: left for index, bits in self._stuck.items() if (left := bits & plugged[index])}
        self._details = {
            (index, subblock): piece
            for (index, subblock), piece in self._details.items()
            if self._stuck.get(index, 0) >> subblock & 1
        }


class PassOutcome(NamedTuple):
    """How one work item ended, over all its passes. Sizes in bytes."""

    result: Errno
    nr_passes: int
    requested_size: int
    size_before: int
    # What is plugged now.
    size: int
    by_level: dict[Level, LevelTally]
    # Unplugged from memory blocks that were offline: no attempt was needed.
    offline_bytes: int
    # Empty when the target was met.
    obstacles: tuple[StuckPiece, ...]
    obstacle_count: int
    # All of them, by reason.
    obstacle_groups: tuple[ObstacleGroup, ...]
    counts: PassCounts
    # Milliseconds until the retry timer fires; 0 when it is not armed.
    retry_ms: int
    # The driver asked for one more pass for ever (S37) and was stopped.
    is_livelocked: bool = False
    # Attempts that failed, and pageblocks that lost their type in attempts.
    failures: tuple[FailureGroup, ...] = ()
    types_lost: tuple[TypesLost, ...] = ()
