"""The values that each switch of a kernel policy may take.

Mirrors semantics section 12.1, row by row; where a row says yes or no, the policy has a boolean.
Kept here: what each switch decides, in one sentence for people (MEANINGS).
Left out: what a switch does (the code that reads it), and which values go together (app.mm.policies.policy).
"""

from enum import StrEnum


class MergeRule(StrEnum):
    """Which free pages of pageblock order and above merge although their types differ (B-5)."""

    ANY = "any"
    ISOLATE_ONLY = "isolate-only"
    FALLBACK_TYPES = "fallback-types"


class RetypeOnMerge(StrEnum):
    """Whether an absorbed buddy's pageblocks take the type of the page being freed (B-6)."""

    NO = "no"
    HEAD = "head"
    FULL = "full"


class Unit(StrEnum):
    """A granule: the largest free page, or the pageblock."""

    CHUNK = "chunk"
    PAGEBLOCK = "pageblock"


class ContigAlign(StrEnum):
    """How far isolation reaches around the range that a contiguous allocation wants (G-7)."""

    CHUNK = "chunk"
    PAGEBLOCK = "pageblock"
    # The chunk, but not past a pageblock of another type (remedy c, S21).
    CHUNK_OF_ONE_TYPE = "chunk-of-one-type"


class Boundary(StrEnum):
    """What isolation does about a compound in use across the edge of the range (I-7)."""

    NONE = "none"
    MIGRATE = "migrate"
    HUGETLB = "hugetlb"
    DEFER = "defer"


class Accounting(StrEnum):
    """Who moves the free counters: each caller, or the one place that moves a list entry (B-8)."""

    CALLER = "caller"
    LIST = "list"


class IsolateStore(StrEnum):
    """Where isolation is kept: as the pageblock's type, or as a bit beside it (G-10)."""

    TYPE = "type"
    BIT = "bit"


class UndoType(StrEnum):
    """Which type a pageblock gets back after isolation (I-10)."""

    CALLER = "caller"
    SAVED = "saved"


class UnmovableWindow(StrEnum):
    """What has_unmovable looks at: the whole pageblock, or only the wanted range (I-6)."""

    BLOCK = "block"
    INTEREST = "interest"


class StealRule(StrEnum):
    """How an allocation takes from another migratetype (B-14 to B-16)."""

    MOVE_THEN_DECIDE = "move-then-decide"
    ALL_OR_NOTHING = "all-or-nothing"
    STEPPED = "stepped"


class HighatomicRule(StrEnum):
    """How much may be reserved for atomic allocations, and what the watermark check holds back for them."""

    # 1 % of the zone and a pageblock more; a reservation counts one pageblock, and all of them are held back.
    RESERVED = "reserved"
    # As before, but a reservation above a pageblock counts all of its pages (B-24).
    ORDER = "order"
    # 1 % of the zone in whole pageblocks (B-22); only what is free of the reserve is held back (B-20).
    FREE = "free"


class CmaLock(StrEnum):
    """Which CMA allocations exclude each other (C-10)."""

    NONE = "none"
    GLOBAL = "global"
    PER_AREA = "per-area"


class DriverStates(StrEnum):
    """Sub-block states of the virtio-mem driver: ONLINE only, or KERNEL and MOVABLE apart (8.1)."""

    OLD = "old"
    NEW = "new"


class ConfigAbort(StrEnum):
    """When a changed config interrupts an unplug: at the next request, or before each attempt (8.7)."""

    REQUEST = "request"
    ATTEMPT = "attempt"


class OfflineManaged(StrEnum):
    """Who sees to it that offlining takes only managed pages off the counter (HP-7)."""

    # virtio-mem's driver gives its pages back to `managed` first, and the core takes all of the block's off.
    DRIVER = "driver"
    # The core leaves offline pages out.
    CORE = "core"


class L1Order(StrEnum):
    """Whether a busy chunk is dissolved at once, or after all chunks were tried (D-11)."""

    DEPTH = "depth"
    BREADTH = "breadth"


class Level(StrEnum):
    """A unit that the driver tries to take whole from a memory block that is online (8.6)."""

    MEMORY_BLOCK = "memory_block"
    # The largest surely contiguous free page: the thread's "MAX_ORDER - 1 page".
    CHUNK = "chunk"
    SECTION = "section"
    # The smallest unit of kernels from 5.19 on.
    PAGEBLOCK = "pageblock"
    # The one unit of big block mode (8.9), which no list of levels names.
    BIG_BLOCK = "big_block"


# The lists of levels that make sense, largest unit first.
FALLBACKS: tuple[tuple[Level, ...], ...] = (
    (Level.MEMORY_BLOCK, Level.CHUNK, Level.PAGEBLOCK),
    (Level.MEMORY_BLOCK, Level.CHUNK),
    (Level.MEMORY_BLOCK, Level.PAGEBLOCK),
    (Level.MEMORY_BLOCK, Level.SECTION, Level.PAGEBLOCK),
    (Level.PAGEBLOCK,),
)

MEANINGS: dict[str, str] = {
    "merge_rule": "Which free pages of pageblock order and above merge although their types differ (B-5).",
    "retype_on_merge": "Whether the pageblocks of an absorbed buddy take the type of the page being freed (B-6).",
    "contig_align": "How far isolation reaches around the range that a contiguous allocation wants (G-7, S21).",
    "cma_align": "What base and size of a CMA area, and of the fadump area, are multiples of (G-7, C-7).",
    "boundary": "What isolation does about a compound in use across the edge of the range (I-7).",
    "atomic_cut": "Whether isolating an edge pageblock and cutting the free page across it are one lock section "
    "(I-9a).",
    "edge_ignores_cma": "The bug of 5.19.0: edge pageblocks pass the CMA test of an ordinary caller (I-9b).",
    "accounting": "Who moves the free counters: each caller, or the one place that moves a list entry (B-8).",
    "split_on_free": "Whether a free larger than a pageblock is freed pageblock by pageblock (B-9).",
    "isolate_store": "Where isolation is kept: as the pageblock's type, or as a bit beside it (G-10).",
    "undo_type": "Which type a pageblock gets back after isolation: the caller's, or its own (I-10).",
    "unmovable_window": "Where unmovable pages are looked for: in whole pageblocks, or in the wanted range (I-6).",
    "lookup_compound_head": "Whether that search finds the head of a compound that starts before it; otherwise it "
    "skips tails (I-4).",
    "steal_rule": "How an allocation takes pages from another migratetype (B-14 to B-16).",
    "highatomic_rule": "How the HIGHATOMIC reserve is limited and counted, and what a watermark check holds back "
    "for it (B-20 to B-24).",
    "cma_lock": "Which CMA allocations exclude each other (C-10).",
    "sb_size": "Unit of the driver's sub-block, which is no smaller than contig_align's and the device block (G-7).",
    "driver_states": "States of the driver's memory blocks: ONLINE only, or KERNEL and MOVABLE apart (8.1).",
    "config_abort": "When a changed config interrupts an unplug: at the next request, or before each attempt (8.7).",
    "l1_order": "Whether a busy chunk is dissolved at once, or after all chunks were tried (D-11).",
    "movable_contig_attempts": "How often the driver tries one range of ZONE_MOVABLE; in kernel zones, once (8.7).",
    "movable_shares_min_free": "Whether ZONE_MOVABLE takes its share of min_free_kbytes like a kernel zone (B-19).",
    "offline_managed": "Who keeps unplugged pages out of what offlining takes off `managed`: driver or core (HP-7).",
    "retry_removal": "Whether a memory block that could not be removed is reported as EBUSY, and retried (8.5).",
    "has_big_block_mode": "Whether the driver can plug units of a memory block and more (G-7).",
    "has_unsafe_unplug": "Whether the driver can be told to offline a big block without taking its pages first (8.10).",
    "allow_lru_above_pageblock": "Whether movable compounds above the pageblock order exist, besides hugetlb (K-3).",
    "allow_unsafe": "Takes combinations that corrupt lists or counters, to study them (12.1).",
    "fallback": "The driver's levels: units in which it takes a memory block that is online, largest first (8.6).",
}
