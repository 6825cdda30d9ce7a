"""How a Linux release behaves where releases differ: one frozen value of switches, and presets by name.

Mirrors semantics section 12.1.
Kept here: which switch values go together; what no kernel could be is refused by name.
Left out: tunables that a machine's owner sets (watermarks, module parameters).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from app.errors import InvalidValue, Unknown
from app.mm.policies.switches import (
    Accounting,
    Boundary,
    CmaLock,
    ConfigAbort,
    ContigAlign,
    DriverStates,
    HighatomicRule,
    IsolateStore,
    L1Order,
    Level,
    MergeRule,
    OfflineManaged,
    RetypeOnMerge,
    StealRule,
    UndoType,
    Unit,
    UnmovableWindow,
)

# More would only make a busy range take longer; the kernel's is 5.
LARGEST_NR_ATTEMPTS = 10


@dataclass(frozen=True)
class KernelPolicy:
    """All switches, with the values of linux-5.15 as defaults; what each decides: switches.MEANINGS."""

    name: str
    merge_rule: MergeRule = MergeRule.ISOLATE_ONLY
    retype_on_merge: RetypeOnMerge = RetypeOnMerge.NO
    contig_align: ContigAlign = ContigAlign.CHUNK
    cma_align: Unit = Unit.CHUNK
    boundary: Boundary = Boundary.NONE
    atomic_cut: bool = False
    edge_ignores_cma: bool = False
    accounting: Accounting = Accounting.CALLER
    split_on_free: bool = False
    isolate_store: IsolateStore = IsolateStore.TYPE
    undo_type: UndoType = UndoType.CALLER
    unmovable_window: UnmovableWindow = UnmovableWindow.BLOCK
    lookup_compound_head: bool = True
    steal_rule: StealRule = StealRule.MOVE_THEN_DECIDE
    highatomic_rule: HighatomicRule = HighatomicRule.RESERVED
    cma_lock: CmaLock = CmaLock.GLOBAL
    sb_size: Unit = Unit.CHUNK
    driver_states: DriverStates = DriverStates.NEW
    config_abort: ConfigAbort = ConfigAbort.REQUEST
    l1_order: L1Order = L1Order.DEPTH
    # Recorded: 1 on 5.10, 5 later.
    movable_contig_attempts: int = 5
    # Recorded on 5.10 and 6.1, against B-19.
    movable_shares_min_free: bool = True
    # Between 6.10 and 6.12 the driver stopped to adjust `managed`.
    offline_managed: OfflineManaged = OfflineManaged.DRIVER
    retry_removal: bool = False
    has_big_block_mode: bool = True
    has_unsafe_unplug: bool = True
    allow_lru_above_pageblock: bool = False
    allow_unsafe: bool = False
    fallback: tuple[Level, ...] = (Level.MEMORY_BLOCK, Level.CHUNK)

    def switches(self) -> dict[str, object]:
        """Returns every switch by name, JSON-ready."""
        values = {key: value for key, value in vars(self).items() if key != "name"}
        values["fallback"] = [str(level) for level in self.fallback]
        return {key: str(value) if isinstance(value, StrEnum) else value for key, value in values.items()}

    def validate(self) -> None:
        """Checks which switch values go together.

        Raises InvalidValue, naming the switch, the other one that it does not go with, and what would be accepted.
        """
        for clash in CLASHES:
            if (clash.is_forbidden or not self.allow_unsafe) and clash.applies_to(self):
                value = word(getattr(self, clash.switch))
                accepted = clash.accepted.format(**{key: word(it) for key, it in vars(self).items()})
                or_unsafe = "" if clash.is_forbidden else ", or anything with allow_unsafe yes"
                raise InvalidValue(f"policy.{clash.switch}", value, accepted + or_unsafe, why=clash.why)


def word(value: object) -> str:
    """Returns a switch value as policies are written: yes or no, levels with colons between them."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ":".join(value) if isinstance(value, tuple) else str(value)


class Clash(NamedTuple):
    """Switch values that do not go together, and why; `accepted` is filled with the policy's own words."""

    switch: str
    combination: str
    why: str
    accepted: str
    applies_to: Callable[[KernelPolicy], bool]
    # No kernel could be built so; everything else runs with allow_unsafe, and breaks what `why` says.
    is_forbidden: bool = False


CLASHES = (
    Clash(
        "movable_contig_attempts",
        f"below 1 or above {LARGEST_NR_ATTEMPTS}",
        "a driver tries at least once",
        f"1 to {LARGEST_NR_ATTEMPTS}",
        lambda it: not 1 <= it.movable_contig_attempts <= LARGEST_NR_ATTEMPTS,
        is_forbidden=True,
    ),
    Clash(
        "undo_type",
        "saved with isolate_store type",
        "a pageblock whose type is ISOLATE has no other type to give back (G-10)",
        "caller while isolate_store is {isolate_store}, or isolate_store bit",
        lambda it: it.undo_type is UndoType.SAVED and it.isolate_store is IsolateStore.TYPE,
        is_forbidden=True,
    ),
    Clash(
        "edge_ignores_cma",
        "yes with boundary none",
        "the bug sits in the code that handles boundaries (I-9b)",
        "no while boundary is {boundary}, or boundary migrate, hugetlb or defer",
        lambda it: it.edge_ignores_cma and it.boundary is Boundary.NONE,
        is_forbidden=True,
    ),
    Clash(
        "merge_rule",
        "any",
        "merging with isolated pageblocks makes free counters wrong (B-5, S24)",
        "isolate-only or fallback-types",
        lambda it: it.merge_rule is MergeRule.ANY,
    ),
    Clash(
        "cma_align",
        "pageblock with merge_rule any or isolate-only",
        "half a chunk of CMA merges with its neighbour, and is handed out as such (B-7, S01, S23)",
        "chunk while merge_rule is {merge_rule}, or merge_rule fallback-types",
        lambda it: it.cma_align is Unit.PAGEBLOCK and it.merge_rule is not MergeRule.FALLBACK_TYPES,
    ),
    Clash(
        "cma_align",
        "pageblock with contig_align chunk and undo_type caller",
        "undoing gives the caller's type to the other half of the chunk: CMA grows or shrinks (I-10, S02)",
        "chunk while contig_align is {contig_align} and undo_type is {undo_type}, or contig_align pageblock "
        "or chunk-of-one-type, or undo_type saved",
        lambda it: (
            it.cma_align is Unit.PAGEBLOCK
            and it.contig_align is ContigAlign.CHUNK
            and it.undo_type is UndoType.CALLER
        ),
    ),
    Clash(
        "contig_align",
        "pageblock or chunk-of-one-type with boundary none, unless atomic_cut and split_on_free are yes",
        "a free page across the edge of the range is neither isolated nor cut (S04, S08)",
        "chunk while boundary is {boundary}, or boundary migrate, hugetlb or defer, or both atomic_cut yes "
        "and split_on_free yes (they are {atomic_cut} and {split_on_free})",
        lambda it: (
            it.contig_align is not ContigAlign.CHUNK
            and it.boundary is Boundary.NONE
            and not (it.atomic_cut and it.split_on_free)
        ),
    ),
    Clash(
        "boundary",
        "defer with split_on_free no",
        "what the migration step empties is freed across the edge, on one list (I-7, B-9)",
        "none, migrate or hugetlb while split_on_free is {split_on_free}, or split_on_free yes",
        lambda it: it.boundary is Boundary.DEFER and not it.split_on_free,
    ),
    Clash(
        "retype_on_merge",
        "head or full with merge_rule any or isolate-only",
        "pageblocks of CMA and HIGHATOMIC would take their neighbours' types (B-6)",
        "no while merge_rule is {merge_rule}, or merge_rule fallback-types",
        lambda it: (
            it.retype_on_merge is not RetypeOnMerge.NO and it.merge_rule is not MergeRule.FALLBACK_TYPES
        ),
    ),
    # Counting by list is right only while every entry's list agrees with its pageblocks; four rules see to it.
    Clash(
        "accounting",
        "list with merge_rule any or isolate-only",
        "a list would hold pages of pageblocks of other types, and count them as its own (B-8)",
        "caller while merge_rule is {merge_rule}, or merge_rule fallback-types",
        lambda it: it.accounting is Accounting.LIST and it.merge_rule is not MergeRule.FALLBACK_TYPES,
    ),
    Clash(
        "accounting",
        "list with retype_on_merge no or head",
        "the pageblocks of an absorbed buddy would keep a type that is not their list's (B-6, B-8, S30)",
        "caller while retype_on_merge is {retype_on_merge}, or retype_on_merge full",
        lambda it: it.accounting is Accounting.LIST and it.retype_on_merge is not RetypeOnMerge.FULL,
    ),
    Clash(
        "accounting",
        "list with atomic_cut no",
        "isolating would move a free page that reaches into a pageblock of another type (I-9a, B-18)",
        "caller while atomic_cut is {atomic_cut}, or atomic_cut yes",
        lambda it: it.accounting is Accounting.LIST and not it.atomic_cut,
    ),
    Clash(
        "accounting",
        "list with steal_rule move-then-decide",
        "free pages would move to another list while their pageblock keeps its type (B-14, B-15)",
        "caller while steal_rule is {steal_rule}, or steal_rule all-or-nothing or stepped",
        lambda it: it.accounting is Accounting.LIST and it.steal_rule is StealRule.MOVE_THEN_DECIDE,
    ),
)


_LINUX_5_15 = KernelPolicy("linux-5.15")
# 5.10 has the memory side of 5.15; its driver knows only ONLINE states and tries each range once.
_LINUX_5_10 = replace(
    _LINUX_5_15,
    name="linux-5.10",
    driver_states=DriverStates.OLD,
    movable_contig_attempts=1,
    has_big_block_mode=False,
    has_unsafe_unplug=False,
)
_NO_GUARD = replace(_LINUX_5_10, name="no-guard", merge_rule=MergeRule.ANY, allow_unsafe=True)
_RFC_V1 = replace(
    _LINUX_5_15,
    name="rfc-v1",
    contig_align=ContigAlign.PAGEBLOCK,
    cma_align=Unit.PAGEBLOCK,
    cma_lock=CmaLock.NONE,
    sb_size=Unit.PAGEBLOCK,
    allow_unsafe=True,
    fallback=(Level.MEMORY_BLOCK, Level.PAGEBLOCK),
)
_LINUX_5_19 = replace(
    _LINUX_5_15,
    name="linux-5.19",
    merge_rule=MergeRule.FALLBACK_TYPES,
    contig_align=ContigAlign.PAGEBLOCK,
    cma_align=Unit.PAGEBLOCK,
    boundary=Boundary.MIGRATE,
    sb_size=Unit.PAGEBLOCK,
    fallback=(Level.MEMORY_BLOCK, Level.PAGEBLOCK),
)
_LINUX_6_6 = replace(
    _LINUX_5_19,
    name="linux-6.6",
    config_abort=ConfigAbort.ATTEMPT,
    retry_removal=True,
    has_unsafe_unplug=False,
)
_LINUX_6_10 = replace(
    _LINUX_6_6,
    name="linux-6.10",
    retype_on_merge=RetypeOnMerge.FULL,
    boundary=Boundary.HUGETLB,
    atomic_cut=True,
    accounting=Accounting.LIST,
    movable_shares_min_free=False,
    steal_rule=StealRule.ALL_OR_NOTHING,
    highatomic_rule=HighatomicRule.ORDER,
)
_LINUX_6_12 = replace(
    _LINUX_6_10,
    name="linux-6.12",
    boundary=Boundary.DEFER,
    split_on_free=True,
    highatomic_rule=HighatomicRule.FREE,
    offline_managed=OfflineManaged.CORE,
)
_LINUX_6_16 = replace(_LINUX_6_12, name="linux-6.16", steal_rule=StealRule.STEPPED, cma_lock=CmaLock.PER_AREA)
_LINUX_6_17 = replace(
    _LINUX_6_16, name="linux-6.17", isolate_store=IsolateStore.BIT, undo_type=UndoType.SAVED
)
# Remedies a, b and c of the thread taken literally: types kept, only the wanted range looked at, and the range
# extended to the chunk but not across types.
_REMEDY_FULL = replace(
    _LINUX_6_17,
    name="remedy-full",
    contig_align=ContigAlign.CHUNK_OF_ONE_TYPE,
    boundary=Boundary.MIGRATE,
    unmovable_window=UnmovableWindow.INTEREST,
    cma_lock=CmaLock.GLOBAL,
    fallback=(Level.MEMORY_BLOCK, Level.CHUNK, Level.PAGEBLOCK),
)

POLICIES: dict[str, KernelPolicy] = {
    policy.name: policy
    for policy in (
        _NO_GUARD,
        _LINUX_5_10,
        _LINUX_5_15,
        _RFC_V1,
        _LINUX_5_19,
        _LINUX_6_6,
        _LINUX_6_10,
        _LINUX_6_12,
        _LINUX_6_16,
        _LINUX_6_17,
        _REMEDY_FULL,
    )
}


def policy(name: str) -> KernelPolicy:
    """Returns the policy preset `name`.

    Raises Unknown.
    """
    if name not in POLICIES:
        raise Unknown("policy", name, POLICIES)
    return POLICIES[name]
