"""How a Linux release behaves where releases differ: one frozen value of switches, and presets by name.

Mirrors semantics section 12.1.
Kept here: which switch values the simulator runs so far; everything else is refused by name.
Left out: tunables that a machine's owner sets (watermarks, module parameters).
"""

from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum

from app.errors import InvalidValue, Unknown
from app.mm.geometry import Geometry
from app.mm.switches import (
    Accounting,
    Boundary,
    CmaLock,
    ConfigAbort,
    DriverStates,
    IsolateStore,
    L1Order,
    MergeRule,
    RetypeOnMerge,
    StealRule,
    UndoType,
    Unit,
    UnmovableWindow,
)


@dataclass(frozen=True)
class KernelPolicy:
    """All switches; the values of linux-5.15 are the defaults."""

    name: str
    merge_rule: MergeRule = MergeRule.ISOLATE_ONLY
    retype_on_merge: RetypeOnMerge = RetypeOnMerge.NO
    contig_align: Unit = Unit.CHUNK
    cma_align: Unit = Unit.CHUNK
    boundary: Boundary = Boundary.NONE
    # Isolating an edge pageblock and cutting the free page across it are one lock section (I-9a).
    atomic_cut: bool = False
    # The bug of 5.19.0: edge pageblocks pass the CMA test of an ordinary caller (I-9b).
    edge_ignores_cma: bool = False
    accounting: Accounting = Accounting.CALLER
    # A free larger than a pageblock is freed pageblock by pageblock (B-9).
    split_on_free: bool = False
    isolate_store: IsolateStore = IsolateStore.TYPE
    undo_type: UndoType = UndoType.CALLER
    unmovable_window: UnmovableWindow = UnmovableWindow.BLOCK
    # Off: the check skips a compound's tails, as a kernel without huge pages does (I-4).
    lookup_compound_head: bool = True
    steal_rule: StealRule = StealRule.MOVE_THEN_DECIDE
    cma_lock: CmaLock = CmaLock.GLOBAL
    # Unit of the driver's sub-block, before the device block size is taken into account (G-7).
    sb_size: Unit = Unit.CHUNK
    driver_states: DriverStates = DriverStates.NEW
    config_abort: ConfigAbort = ConfigAbort.REQUEST
    l1_order: L1Order = L1Order.DEPTH
    # alloc_contig_range attempts for one unit in ZONE_MOVABLE; recorded: 1 on 5.10, 5 later. Kernel zones: 1.
    movable_contig_attempts: int = 5
    # ZONE_MOVABLE takes its share of min_free_kbytes like a kernel zone; recorded on 5.10 and 6.1 (against B-19).
    movable_shares_min_free: bool = True
    # A memory block that could not be removed is reported as EBUSY, so that the timer retries it (8.5, 6.6+).
    retry_removal: bool = False
    # Big block mode exists; before it, a device block above the memory block was refused (G-7).
    has_big_block_mode: bool = True
    # Movable compounds above the pageblock order, other than hugetlb (K-3).
    allow_lru_above_pageblock: bool = False
    # Takes combinations that corrupt CMA, to study them (12.1).
    allow_unsafe: bool = False
    # The driver's own levels below the memory block, by the names of 8.6.
    fallback: tuple[str, ...] = ("memory_block", "chunk")

    @property
    def runs(self) -> bool:
        """Whether every switch has a value that the simulator runs so far."""
        return first_refusal(self) is None

    def switches(self) -> dict[str, object]:
        """Returns every switch by name, JSON-ready."""
        values = asdict(self)
        del values["name"]
        values["fallback"] = list(self.fallback)
        return {key: str(value) if isinstance(value, StrEnum) else value for key, value in values.items()}

    def validate(self) -> None:
        """Checks the combinations that 12.1 refuses.

        Raises InvalidValue.
        """
        if self.isolate_store is IsolateStore.TYPE and self.undo_type is UndoType.SAVED:
            raise InvalidValue("policy.undo_type", self.undo_type, 'caller, unless isolate_store is "bit"')
        is_cma_unsafe = self.cma_align is Unit.PAGEBLOCK and self.merge_rule is MergeRule.ISOLATE_ONLY
        if is_cma_unsafe and not self.allow_unsafe:
            accepted = 'chunk while merge_rule is "isolate-only", or allow_unsafe'
            raise InvalidValue("policy.cma_align", self.cma_align, accepted)
        if self.movable_contig_attempts < 1:
            raise InvalidValue("policy.movable_contig_attempts", self.movable_contig_attempts, "1 or more")


_LINUX_5_15 = KernelPolicy("linux-5.15")
# 5.10 has the memory side of 5.15; its driver knows only ONLINE states and tries each range once.
_LINUX_5_10 = replace(
    _LINUX_5_15,
    name="linux-5.10",
    driver_states=DriverStates.OLD,
    movable_contig_attempts=1,
    has_big_block_mode=False,
)
_NO_GUARD = replace(_LINUX_5_10, name="no-guard", merge_rule=MergeRule.ANY)
_RFC_V1 = replace(
    _LINUX_5_15,
    name="rfc-v1",
    contig_align=Unit.PAGEBLOCK,
    cma_align=Unit.PAGEBLOCK,
    cma_lock=CmaLock.NONE,
    sb_size=Unit.PAGEBLOCK,
    allow_unsafe=True,
    fallback=("memory_block", "pageblock"),
)
_LINUX_5_19 = replace(
    _LINUX_5_15,
    name="linux-5.19",
    merge_rule=MergeRule.FALLBACK_TYPES,
    contig_align=Unit.PAGEBLOCK,
    cma_align=Unit.PAGEBLOCK,
    boundary=Boundary.MIGRATE,
    sb_size=Unit.PAGEBLOCK,
    fallback=("memory_block", "pageblock"),
)
_LINUX_6_6 = replace(_LINUX_5_19, name="linux-6.6", config_abort=ConfigAbort.ATTEMPT, retry_removal=True)
_LINUX_6_10 = replace(
    _LINUX_6_6,
    name="linux-6.10",
    retype_on_merge=RetypeOnMerge.FULL,
    boundary=Boundary.HUGETLB,
    atomic_cut=True,
    accounting=Accounting.LIST,
    movable_shares_min_free=False,
    steal_rule=StealRule.ALL_OR_NOTHING,
)
_LINUX_6_12 = replace(_LINUX_6_10, name="linux-6.12", boundary=Boundary.DEFER, split_on_free=True)
_LINUX_6_16 = replace(_LINUX_6_12, name="linux-6.16", steal_rule=StealRule.STEPPED, cma_lock=CmaLock.PER_AREA)
_LINUX_6_17 = replace(
    _LINUX_6_16, name="linux-6.17", isolate_store=IsolateStore.BIT, undo_type=UndoType.SAVED
)
_REMEDY_FULL = replace(
    _LINUX_6_17,
    name="remedy-full",
    boundary=Boundary.MIGRATE,
    unmovable_window=UnmovableWindow.INTEREST,
    cma_lock=CmaLock.GLOBAL,
    fallback=("memory_block", "chunk", "pageblock"),
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

# Values that run so far, for each switch that has others. A switch not named here runs with any value.
AVAILABLE: dict[str, frozenset[object]] = {
    "merge_rule": frozenset({MergeRule.ISOLATE_ONLY, MergeRule.FALLBACK_TYPES}),
    "retype_on_merge": frozenset({RetypeOnMerge.NO}),
    "boundary": frozenset({Boundary.NONE, Boundary.MIGRATE}),
    "atomic_cut": frozenset({False}),
    "edge_ignores_cma": frozenset({False}),
    "accounting": frozenset({Accounting.CALLER}),
    "split_on_free": frozenset({False}),
    "isolate_store": frozenset({IsolateStore.TYPE}),
    "undo_type": frozenset({UndoType.CALLER}),
    "unmovable_window": frozenset({UnmovableWindow.BLOCK}),
    "lookup_compound_head": frozenset({True}),
    "steal_rule": frozenset({StealRule.MOVE_THEN_DECIDE}),
    "cma_lock": frozenset({CmaLock.GLOBAL}),
    "allow_lru_above_pageblock": frozenset({False}),
}


def policy(name: str) -> KernelPolicy:
    """Returns the policy preset `name`, whether it runs or not.

    Raises Unknown.
    """
    if name not in POLICIES:
        # Named to somebody who may take one: those that are data so far would be refused next.
        raise Unknown("policy", name, [known for known, it in POLICIES.items() if it.runs])
    return POLICIES[name]


def first_refusal(policy: KernelPolicy) -> InvalidValue | None:
    """Returns why `policy` does not run, naming the first switch in the way; None when it runs."""
    for field in fields(policy):
        value = getattr(policy, field.name)
        accepted = AVAILABLE.get(field.name)
        if accepted is not None and value not in accepted:
            return _refusal(policy, field.name, value, accepted)
    # Pageblock-sized ranges without boundary handling are the RFC's defect (S04, S08), no release's.
    if policy.contig_align is Unit.PAGEBLOCK and policy.boundary is Boundary.NONE:
        return _refusal(policy, "boundary", policy.boundary, frozenset({Boundary.MIGRATE}))
    return None


def _refusal(policy: KernelPolicy, switch: str, value: object, accepted: frozenset[object]) -> InvalidValue:
    names = ", ".join(sorted(str(item).lower() for item in accepted))
    return InvalidValue(
        f"policy.{switch}", value, f"{names} (policy {policy.name!r} is known, but not available yet)"
    )


def require_supported(policy: KernelPolicy) -> None:
    """Raises InvalidValue, naming the switch and its value, unless every switch of `policy` runs."""
    policy.validate()
    refusal = first_refusal(policy)
    if refusal is not None:
        raise refusal


def cma_align(geometry: Geometry, policy: KernelPolicy) -> int:
    """Returns the alignment of CMA areas in bytes (G-7)."""
    return geometry.chunk_size if policy.cma_align is Unit.CHUNK else geometry.pageblock_size


def fadump_align(geometry: Geometry, policy: KernelPolicy) -> int:
    """Returns the alignment in bytes of the firmware-assisted dump area, which follows CMA's (G-7)."""
    return cma_align(geometry, policy)


def subblock_size(geometry: Geometry, policy: KernelPolicy, device_block_size: int) -> int:
    """Returns the driver's sub-block in bytes: its unit, and no less than the device block (G-7)."""
    order = geometry.pageblock_order
    if policy.sb_size is Unit.CHUNK:
        order = max(order, geometry.phys_contig_order)
    return max(geometry.page_size << order, device_block_size)


def is_subblock_mode(geometry: Geometry, policy: KernelPolicy, device_block_size: int) -> bool:
    """Returns whether the driver plugs sub-blocks of a memory block; otherwise it plugs big blocks (G-7)."""
    size = subblock_size(geometry, policy, device_block_size)
    return size < geometry.memory_block_size or (
        # Recorded on 5.10: a sub-block as large as the memory block is sub-block mode.
        size == geometry.memory_block_size and not policy.has_big_block_mode
    )
