"""Which laws a policy's own releases break: one table, by switches.

Mirrors the rules of the semantics that its causes cite, section 9's scenarios above all.

    a broken law ──▶ a sign: how it shows ──▶ a cause among the policy's switches ──▶ finding
                                          └──▶ none ──▶ failure, a bug of this simulator

Kept here: a cause excuses signs, not whole laws: the same law broken in another way stays a failure.
Left out: the laws and their signs (checks.laws), weighing (checks.violation).
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from app.mm.checks.laws import Sign
from app.mm.geometry import Geometry
from app.mm.policies.policy import KernelPolicy
from app.mm.policies.switches import (
    Accounting,
    Boundary,
    ContigAlign,
    HighatomicRule,
    MergeRule,
    RetypeOnMerge,
    StealRule,
    UndoType,
    Unit,
)


class Cause(NamedTuple):
    """Something that real releases do, with the signs that it leaves.

    rule: what of the semantics says so. switches: for which values, in words; applies: the same as a function.
    at_rest: seen between operations, and later in the middle of others; midway: only in the middle.
    """

    rule: str
    sentence: str
    switches: str
    applies: Callable[[KernelPolicy, Geometry], bool]
    at_rest: frozenset[Sign] = frozenset()
    midway: frozenset[Sign] = frozenset()


def _has_large(geometry: Geometry) -> bool:
    """Whether a free page can be larger than a pageblock: otherwise every page is in one pageblock."""
    return geometry.max_order > geometry.pageblock_order


def _merges_unlike(policy: KernelPolicy, geometry: Geometry) -> bool:
    return _has_large(geometry) and policy.merge_rule is not MergeRule.FALLBACK_TYPES


def _mixes_cma(policy: KernelPolicy, geometry: Geometry) -> bool:
    # Whole chunks of CMA merge with nothing; with merge_rule any, their halves do while one is isolated.
    has_halves = policy.cma_align is Unit.PAGEBLOCK or policy.merge_rule is MergeRule.ANY
    return _merges_unlike(policy, geometry) and has_halves


def _gives_back_neighbours(policy: KernelPolicy, geometry: Geometry) -> bool:
    loses_pageblocks = _mixes_cma(policy, geometry) or policy.edge_ignores_cma
    is_wide = policy.contig_align is ContigAlign.CHUNK or (
        policy.contig_align is ContigAlign.CHUNK_OF_ONE_TYPE and loses_pageblocks
    )
    has_neighbours = _has_large(geometry) and policy.cma_align is Unit.PAGEBLOCK
    return has_neighbours and is_wide and policy.undo_type is UndoType.CALLER


def _frees_by_head(policy: KernelPolicy, geometry: Geometry) -> bool:
    return _has_large(geometry) and not policy.split_on_free


def _has_four_to_a_chunk(geometry: Geometry) -> bool:
    return geometry.max_order >= geometry.pageblock_order + 2


def _counts_by_list(policy: KernelPolicy) -> bool:
    return policy.accounting is Accounting.LIST


_RACED = frozenset(
    {
        Sign.FREE_HIGH,
        Sign.CMA_HIGH,
        Sign.FREE_HIGHATOMIC,
        Sign.ISOLATE_HIGH,
        Sign.RESERVE_HIGH,
        Sign.TYPE_LOST,
    }
)
_TOO_LOW = frozenset({Sign.FREE_LOW, Sign.CMA_LOW})
_HALF_ISOLATED = frozenset({Sign.ISOLATED_PART, Sign.ISOLATED_PAGE, Sign.AS_LISTED, Sign.FREE_HIGHATOMIC})

CAUSES: tuple[Cause, ...] = (
    Cause(
        "B-5, B-25",
        "A HIGHATOMIC pageblock that is entirely free merges with its neighbour: its pages are handed out as the "
        "neighbour's, and the reserve counts what it no longer has (S25, S26).",
        "merge_rule any, isolate-only",
        _merges_unlike,
        at_rest=frozenset(
            {
                Sign.HIGHATOMIC,
                Sign.FREE_HIGHATOMIC,
                Sign.RESERVE_HIGH,
                Sign.RESERVE_LOW,
            }
        ),
    ),
    Cause(
        "B-5, B-7",
        "A CMA pageblock that is entirely free merges with its neighbour: pages are taken from the wrong list and "
        "counted there, kernel pages land in CMA, and stealing retypes it (S01, S23).",
        "merge_rule any; merge_rule isolate-only with cma_align pageblock",
        _mixes_cma,
        at_rest=frozenset(
            {
                Sign.CMA,
                Sign.AS_LISTED,
                Sign.CMA_HIGH,
                Sign.CMA_LOW,
                Sign.KERNEL_IN_CMA,
                Sign.AREA_LOST,
            }
        ),
    ),
    Cause(
        "B-5, B-6",
        "Merging retypes a neighbour that is CMA, or makes one CMA.",
        "as before, with retype_on_merge head, full",
        lambda it, geometry: _mixes_cma(it, geometry) and it.retype_on_merge is not RetypeOnMerge.NO,
        at_rest=frozenset({Sign.AREA_GREW}),
    ),
    Cause(
        "B-5",
        "An isolated pageblock merges with one that is not: whichever list the page is on, half of it is counted "
        "wrongly, and undoing finds no page or a page too large (S24).",
        "merge_rule any",
        lambda it, geometry: _has_large(geometry) and it.merge_rule is MergeRule.ANY,
        at_rest=_HALF_ISOLATED | _RACED | _TOO_LOW | {Sign.FALLBACK_TYPES},
    ),
    Cause(
        "B-18, I-9a",
        "A pageblock is isolated, or given back, while a larger free page lies over its edge: the page moves whole or "
        "not at all. Until it is cut, or the neighbour follows, part of it is on the wrong list; an allocation that "
        "splits it just then leaves pages that are counted twice, and one that claims it retypes what is isolated "
        "(S04, S05, S08, S09).",
        "atomic_cut no",
        lambda it, geometry: _has_large(geometry) and not it.atomic_cut,
        at_rest=_RACED | {Sign.FALLBACK_TYPES, Sign.HIGHATOMIC},
        midway=_HALF_ISOLATED,
    ),
    Cause(
        "B-14, S05",
        "A pageblock that is isolated with a larger free page over its edge is claimed together with it: it is "
        "isolated no longer, and its pages stay uncounted.",
        "contig_align pageblock with boundary none and atomic_cut no",
        lambda it, geometry: (
            _has_large(geometry)
            and it.contig_align is ContigAlign.PAGEBLOCK
            and it.boundary is Boundary.NONE
            and not it.atomic_cut
        ),
        at_rest=_TOO_LOW,
    ),
    Cause(
        "4.4",
        "Undoing takes a free page out whole that begins in the pageblock and is smaller than a chunk, and frees it as "
        "that pageblock's type, although it may reach over others that are still isolated.",
        "every value, four pageblocks to a chunk or more",
        lambda _, geometry: _has_four_to_a_chunk(geometry),
        at_rest=_RACED,
        midway=_HALF_ISOLATED,
    ),
    Cause(
        "B-4, 4.4",
        "Two operations isolate pageblocks of one chunk, one of them CMA's: what is free there merges, and who gives "
        "back first moves the other's pages too.",
        "atomic_cut no with cma_align pageblock",
        lambda it, geometry: _has_large(geometry) and not it.atomic_cut and it.cma_align is Unit.PAGEBLOCK,
        at_rest=frozenset({Sign.CMA, Sign.AS_LISTED, Sign.CMA_LOW, Sign.AREA_LOST, Sign.KERNEL_IN_CMA}),
    ),
    Cause(
        "B-4, 4.4",
        "The same, where only an allocation in between can take or claim the other's pages.",
        "cma_align pageblock, four pageblocks to a chunk or more",
        lambda it, geometry: _has_four_to_a_chunk(geometry) and it.cma_align is Unit.PAGEBLOCK,
        at_rest=frozenset({Sign.AREA_LOST, Sign.KERNEL_IN_CMA}),
    ),
    Cause(
        "B-9, I-5",
        "A page larger than a pageblock is freed while one of its pageblocks is isolated: its head's type rules all "
        "of it. So may kernel pages without a head, which pass isolation by their tails.",
        "split_on_free no with atomic_cut yes",
        lambda it, geometry: _frees_by_head(it, geometry) and it.atomic_cut,
        at_rest=_RACED | _TOO_LOW,
        midway=_HALF_ISOLATED,
    ),
    Cause(
        "B-9, I-10",
        "A failed call gave one pageblock of kernel pages without a head another type (S16): when they are freed, "
        "the head's type rules all of them.",
        "split_on_free no with undo_type caller",
        lambda it, geometry: _frees_by_head(it, geometry) and it.undo_type is UndoType.CALLER,
        at_rest=frozenset({Sign.FALLBACK_TYPES, Sign.HIGHATOMIC, Sign.FREE_HIGHATOMIC}),
    ),
    Cause(
        "B-23, B-24",
        "The reserve takes and gives up one pageblock at a time, whatever the size of the page: the rest of a larger "
        "one keeps its type, and moves with it.",
        "highatomic_rule reserved",
        lambda it, geometry: _has_large(geometry) and it.highatomic_rule is HighatomicRule.RESERVED,
        at_rest=frozenset({Sign.HIGHATOMIC, Sign.RESERVE_HIGH, Sign.RESERVE_LOW}),
    ),
    Cause(
        "I-10",
        "Undoing gives every pageblock the caller's type. The reserve goes on counting a HIGHATOMIC pageblock that "
        "came back MOVABLE (S18, S19).",
        "undo_type caller",
        lambda it, _: it.undo_type is UndoType.CALLER,
        at_rest=frozenset({Sign.TYPE_LOST, Sign.RESERVE_HIGH}),
    ),
    Cause(
        "I-10, C-7",
        "A CMA call isolates more than its area, the chunk or what of it has a lost pageblock's type, and gives all "
        "of it back as CMA (S01, S02).",
        "undo_type caller with cma_align pageblock and contig_align chunk; chunk-of-one-type where pageblocks get lost",
        _gives_back_neighbours,
        at_rest=frozenset({Sign.AREA_GREW, Sign.CMA_HIGH, Sign.KERNEL_IN_CMA}),
    ),
    Cause(
        "I-9b",
        "The edges of a range pass the CMA test, whoever asks, and come back MOVABLE (S39).",
        "edge_ignores_cma yes",
        lambda it, _: it.edge_ignores_cma and it.boundary is not Boundary.NONE,
        at_rest=frozenset({Sign.AREA_LOST, Sign.TYPE_LOST}),
    ),
    Cause(
        "I-9b, B-9",
        "A page that was in use over a lost and a kept pageblock of an area is freed under its head's type.",
        "edge_ignores_cma yes with split_on_free no",
        lambda it, geometry: it.edge_ignores_cma and _frees_by_head(it, geometry),
        at_rest=frozenset({Sign.CMA, Sign.AS_LISTED, Sign.CMA_HIGH, Sign.CMA_LOW, Sign.KERNEL_IN_CMA}),
    ),
    Cause(
        "B-14",
        "Stealing moves free pages of a pageblock that keeps its type.",
        "accounting list with steal_rule move-then-decide",
        lambda it, _: _counts_by_list(it) and it.steal_rule is StealRule.MOVE_THEN_DECIDE,
        at_rest=frozenset({Sign.FALLBACK_TYPES}),
    ),
    Cause(
        "B-7",
        "Pageblocks that merged keep their types, and share a list.",
        "accounting list with retype_on_merge no",
        lambda it, geometry: (
            _counts_by_list(it) and _has_large(geometry) and it.retype_on_merge is RetypeOnMerge.NO
        ),
        at_rest=frozenset({Sign.FALLBACK_TYPES}),
    ),
    Cause(
        "B-6",
        "Of a buddy of several pageblocks only the first is retyped (S30).",
        "accounting list with retype_on_merge head, four pageblocks to a chunk or more",
        lambda it, geometry: (
            _counts_by_list(it)
            and _has_four_to_a_chunk(geometry)
            and it.retype_on_merge is RetypeOnMerge.HEAD
        ),
        at_rest=frozenset({Sign.FALLBACK_TYPES}),
    ),
    Cause(
        "B-22, HP-5",
        "A reserved pageblock that goes offline with its memory block goes on being counted.",
        "every value",
        lambda _it, _: True,
        at_rest=frozenset({Sign.RESERVE_HIGH_HOTPLUG}),
    ),
    Cause(
        "B-22",
        "The limit is looked at when a pageblock is reserved; the zone may shrink afterwards.",
        "every value",
        lambda _it, _: True,
        at_rest=frozenset({Sign.RESERVE_ABOVE_LIMIT}),
    ),
)


@lru_cache(maxsize=256)
def excused_signs(policy: KernelPolicy, geometry: Geometry, *, is_operating: bool) -> frozenset[Sign]:
    """Returns the signs that the policy's releases leave themselves, at rest or in the middle of an operation."""
    signs: set[Sign] = set()
    for cause in CAUSES:
        if cause.applies(policy, geometry):
            signs |= cause.at_rest | (cause.midway if is_operating else frozenset())
    return frozenset(signs)
