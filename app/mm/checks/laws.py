"""The laws of memory in a sentence each, and the signs by which broken ones show.

Mirrors semantics section 10 (INV-1 to INV-16, INV-23 to INV-25, INV-29).
Left out: how broken laws are found (checks.invariants, checks.ownership), which policies break them (checks.causes),
laws of device and driver (app.virtio_mem.invariants).
"""

from enum import StrEnum
from typing import NamedTuple


class Weight(StrEnum):
    """Whose bug a broken law is."""

    FAILURE = "failure"  # the simulator's
    FINDING = "finding"  # the simulated kernel's: its real releases break the law in the same way


class Sign(StrEnum):
    """How a broken law shows."""

    # Nothing that any release does.
    IMPOSSIBLE = "impossible"
    # --- types together on a list or in a free page
    FALLBACK_TYPES = "UNMOVABLE, MOVABLE and RECLAIMABLE together"
    HIGHATOMIC = "HIGHATOMIC together with another type"
    CMA = "CMA together with another type"
    ISOLATED_PART = "a page larger than a pageblock, isolated in part"
    ISOLATED_PAGE = "a page within one pageblock, on a list that its isolation forbids"
    # --- counters
    AS_LISTED = "a free counter that says what the lists hold, not what the pageblocks are"
    FREE_HIGH = "NR_FREE too high"
    FREE_LOW = "NR_FREE too low"
    CMA_HIGH = "NR_FREE_CMA too high"
    CMA_LOW = "NR_FREE_CMA too low"
    FREE_HIGHATOMIC = "nr_free_highatomic wrong"
    ISOLATE_HIGH = "nr_isolate too high"
    RESERVE_HIGH = "nr_reserved_highatomic too high"
    RESERVE_HIGH_HOTPLUG = "nr_reserved_highatomic too high, where memory may have gone offline"
    RESERVE_LOW = "nr_reserved_highatomic too low"
    RESERVE_ABOVE_LIMIT = "a reserve that was within the limit of a larger zone"
    # --- pageblocks
    KERNEL_IN_CMA = "a kernel page in a CMA pageblock"
    AREA_LOST = "a pageblock of a CMA area that is not CMA"
    AREA_GREW = "a CMA pageblock beside a CMA area, in the same chunk"
    TYPE_LOST = "a pageblock that isolation gave back as another type"


class Law(NamedTuple):
    """One invariant in a sentence, and the signs by which releases break it.

    is_midway: it also holds between two lock sections of an operation ("M").
    """

    sentence: str
    signs: frozenset[Sign] = frozenset()
    is_midway: bool = False


_OF_ISOLATION = frozenset({Sign.ISOLATED_PART, Sign.ISOLATED_PAGE})
_OF_TYPES = frozenset({Sign.HIGHATOMIC, Sign.CMA}) | _OF_ISOLATION
_OF_BOUNDS = frozenset({Sign.FREE_HIGH, Sign.FREE_LOW, Sign.CMA_HIGH, Sign.CMA_LOW})
_OF_RESERVE = frozenset(
    {Sign.RESERVE_HIGH, Sign.RESERVE_HIGH_HOTPLUG, Sign.RESERVE_LOW, Sign.RESERVE_ABOVE_LIMIT}
)

LAWS: dict[str, Law] = {
    "INV-1": Law(
        "Every free page is aligned to its size, within one zone, all of it online.", is_midway=True
    ),
    "INV-2": Law("The pages of a zone are tiled: each has exactly one state.", is_midway=True),
    "INV-3": Law(
        "Every free page is on exactly one list, of its order; counters count entries.", is_midway=True
    ),
    "INV-4": Law(
        "A free page is on the list of the type of every pageblock that it covers (accounting list); before, the "
        "types covered and the list's are all equal, or all UNMOVABLE, MOVABLE or RECLAIMABLE.",
        _OF_TYPES | {Sign.FALLBACK_TYPES},
        is_midway=True,
    ),
    "INV-5": Law("No two free buddies below the pageblock order exist side by side."),
    "INV-6": Law("No free page covers pageblocks whose types do not fall back to each other.", _OF_TYPES),
    "INV-7": Law("A compound is aligned, within one zone, and has one owner.", is_midway=True),
    "INV-8": Law(
        "NR_FREE, NR_FREE_CMA and, where a kernel has it, nr_free_highatomic count free pages by the type of their "
        "own pageblock, isolated ones not at all.",
        _OF_BOUNDS | {Sign.AS_LISTED, Sign.FREE_HIGHATOMIC},
        is_midway=True,
    ),
    "INV-9": Law(
        "0 <= NR_FREE <= managed; 0 <= NR_FREE_CMA, and all zones' together at most the CMA areas.",
        _OF_BOUNDS,
        is_midway=True,
    ),
    "INV-10": Law(
        "Pages of isolated pageblocks, and only they, are on ISOLATE lists.", _OF_ISOLATION, is_midway=True
    ),
    "INV-11": Law(
        "nr_isolate counts the isolated pageblocks; at rest there are none.", frozenset({Sign.ISOLATE_HIGH})
    ),
    "INV-12": Law(
        "nr_reserved_highatomic counts the pages of HIGHATOMIC pageblocks and stays near its limit; pages on "
        "HIGHATOMIC lists lie in such pageblocks.",
        _OF_TYPES | _OF_RESERVE,
    ),
    "INV-13": Law("present, managed, span and memory block states agree with the pages."),
    "INV-14": Law(
        "What was only isolated and given back has the type that it had.", frozenset({Sign.TYPE_LOST})
    ),
    "INV-15": Law(
        "No unmovable or reclaimable allocation is in ZONE_MOVABLE or in a CMA pageblock.",
        frozenset({Sign.KERNEL_IN_CMA}),
    ),
    "INV-16": Law(
        "CMA pageblocks are those of the areas; a bit is set where its client has pages, and only there.",
        frozenset({Sign.AREA_LOST, Sign.AREA_GREW}),
    ),
    "INV-23": Law(
        "A range that contiguous allocation returned is its owner's, page by page, and free nowhere."
    ),
    "INV-24": Law(
        "A failed contiguous allocation changes neither how many pages are used nor whose they are."
    ),
    "INV-25": Law("No page of data disappears: only clean page cache may be dropped.", is_midway=True),
    "INV-29": Law("min <= low <= high; the zones' minima do not exceed min_free together."),
}
