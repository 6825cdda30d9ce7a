"""The values that each switch of a kernel policy may take.

Mirrors semantics section 12.1, row by row; where a row says yes or no, the policy has a boolean.
Left out: what a switch does (the code that reads it), and which values go together (app.mm.policy).
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


class L1Order(StrEnum):
    """Whether a busy chunk is dissolved at once, or after all chunks were tried (D-11)."""

    DEPTH = "depth"
    BREADTH = "breadth"
