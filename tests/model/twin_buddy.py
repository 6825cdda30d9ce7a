"""A naive twin of the buddy's pages and lists: dictionaries and lists, one rule of the text after the other.

Written from semantics B-1 to B-9, B-18 and section 3, not from the kernels; slow, and meant to be read.
Left out: who asks for pages (twin_request), per-cpu lists.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from app.mm.geometry import Geometry
from app.mm.page import Migratetype, PageKind
from app.mm.policies.policy import KernelPolicy
from app.mm.policies.switches import Accounting, IsolateStore, MergeRule, RetypeOnMerge
from tests.model.observed import ListName, Run

UNMOVABLE, MOVABLE, RECLAIMABLE, HIGHATOMIC, CMA, ISOLATE = Migratetype
NORMAL_ZONE, MOVABLE_ZONE = 2, 3
# A zone is named by its NUMA node times this, plus which of the node's zones it is.
ZONES_PER_NODE = 4
# B-13
FALLBACKS = {
    UNMOVABLE: (RECLAIMABLE, MOVABLE),
    MOVABLE: (RECLAIMABLE, UNMOVABLE),
    RECLAIMABLE: (UNMOVABLE, MOVABLE),
}
LRU_KINDS = frozenset(
    {PageKind.ANON, PageKind.FILE_CLEAN, PageKind.FILE_DIRTY, PageKind.THP, PageKind.PINNED}
)
MOVABLE_KINDS = LRU_KINDS | {PageKind.HUGETLB, PageKind.MOVABLE_OPS}
# How an isolated pageblock that keeps its type is observed.
ISOLATED_BIT = 8


@dataclass
class TwinZone:
    """A zone's counters and marks."""

    nr_free: int = 0
    nr_free_cma: int = 0
    nr_free_highatomic: int = 0
    nr_reserved_highatomic: int = 0
    managed: int = 0
    present: int = 0
    start_pfn: int = 0
    end_pfn: int = 0
    nr_isolate: int = 0
    marks: tuple[int, int] = (0, 0)  # min, low
    reserve: tuple[int, ...] = (0, 0, 0, 0)


@dataclass
class Memory:
    """All pages: runs by first pfn, free ones too; lists of first pfns, head first."""

    geometry: Geometry
    policy: KernelPolicy
    runs: dict[int, Run] = field(default_factory=dict)
    lists: dict[ListName, list[int]] = field(default_factory=lambda: defaultdict(list))
    name_of: dict[int, ListName] = field(default_factory=dict)
    # By pageblock: its type, which an isolated one keeps only if isolation is a bit beside it (G-10).
    types: dict[int, int] = field(default_factory=dict)
    isolated: set[int] = field(default_factory=set)
    zones: dict[int, int] = field(default_factory=dict)
    nr_numa_nodes: int = 1
    zone: dict[int, TwinZone] = field(default_factory=dict)
    # What a contiguous allocation moved and dropped, in pages.
    nr_moved: int = 0
    nr_dropped: int = 0

    def __post_init__(self) -> None:
        """Every node has all zones, most of them without memory."""
        self.zone = {index: TwinZone() for index in range(self.nr_numa_nodes * ZONES_PER_NODE)}

    # -------------------------------------------------------------------------------- looking

    @property
    def max_order(self) -> int:
        """H."""
        return self.geometry.max_order

    @property
    def pageblock_order(self) -> int:
        """P."""
        return self.geometry.pageblock_order

    @property
    def nr_block_pages(self) -> int:
        """Pages of a pageblock."""
        return 1 << self.pageblock_order

    def block_of(self, pfn: int) -> int:
        """The pageblock of a page."""
        return pfn >> self.pageblock_order

    def blocks_of(self, pfn: int, order: int) -> range:
        """The pageblocks that 2**order pages lie in."""
        return range(self.block_of(pfn), self.block_of(pfn + (1 << order) - 1) + 1)

    def pages_of(self, block: int) -> range:
        """The pages of a pageblock."""
        return range(block << self.pageblock_order, (block + 1) << self.pageblock_order)

    def zone_of(self, pfn: int) -> int | None:
        """The zone in which a page is online."""
        return self.zones.get(self.block_of(pfn))

    def run_over(self, pfn: int) -> tuple[int, Run] | None:
        """The run that holds a page, with its first pfn."""
        for order in range(self.max_order + 1):
            first = pfn >> order << order
            run = self.runs.get(first)
            if run is not None and pfn < first + (1 << run.order):
                return first, run
        return None

    def is_free(self, pfn: int, order: int, zone: int | None) -> bool:
        """Whether a free page of exactly this order starts there, in this zone."""
        run = self.runs.get(pfn)
        return run is not None and run[:2] == (PageKind.FREE, order) and self.zone_of(pfn) == zone

    # -------------------------------------------------------------------------------- types: G-10

    def block_type(self, block: int) -> int | None:
        """The effective type of a pageblock; None where no memory is online."""
        return ISOLATE if block in self.isolated else self.types.get(block)

    def type_of(self, pfn: int) -> int:
        """The effective type of a page's pageblock."""
        migratetype = self.block_type(self.block_of(pfn))
        assert migratetype is not None
        return migratetype

    def mark_isolated(self, block: int) -> None:
        """Isolates a pageblock's type, and nothing else."""
        if self.policy.isolate_store is IsolateStore.BIT:
            self.isolated.add(block)
        else:
            self.types[block] = ISOLATE

    def retype(self, pfn: int, order: int, migratetype: int) -> None:
        """Gives the pageblocks of these pages a type."""
        self.types |= dict.fromkeys(self.blocks_of(pfn, order), migratetype)

    # -------------------------------------------------------------------------------- counters: B-8

    def account(self, zone: int, nr_pages: int, migratetype: int) -> None:
        """Moves the counters."""
        counted = self.zone[zone]
        if migratetype != ISOLATE:
            counted.nr_free += nr_pages
        if migratetype == CMA:
            counted.nr_free_cma += nr_pages

    def account_by_caller(self, zone: int, nr_pages: int, migratetype: int) -> None:
        """Moves the counters where each caller has to, up to 6.9."""
        if self.policy.accounting is Accounting.CALLER:
            self.account(zone, nr_pages, migratetype)

    def _account_entry(self, name: ListName, nr_pages: int) -> None:
        """Moves the counters where a list entry comes or goes: from 6.10 all, before that only the newest."""
        zone, _, migratetype = name
        self.zone[zone].nr_free_highatomic += nr_pages * (migratetype == HIGHATOMIC)
        if self.policy.accounting is Accounting.LIST:
            self.account(zone, nr_pages, migratetype)

    # -------------------------------------------------------------------------------- lists: B-1 and B-3

    def enlist(self, pfn: int, order: int, migratetype: int, *, at_tail: bool) -> None:
        """Makes a free page of these pages, and puts it on a list."""
        zone = self.zone_of(pfn)
        assert zone is not None
        name = (zone, order, migratetype)
        self.runs[pfn] = Run(PageKind.FREE, order, 0)
        self.lists[name].insert(len(self.lists[name]) if at_tail else 0, pfn)
        self.name_of[pfn] = name
        self._account_entry(name, 1 << order)

    def unlist(self, pfn: int) -> ListName:
        """Takes a free page off its list, whose name it returns: its pages are nobody's then."""
        name = self.name_of.pop(pfn)
        self.lists[name].remove(pfn)
        del self.runs[pfn]
        self._account_entry(name, -(1 << name[1]))
        return name

    def move(self, pfn: int, migratetype: int) -> None:
        """Moves a free page to the tail of another type's list."""
        _, order, _ = self.unlist(pfn)
        self.enlist(pfn, order, migratetype, at_tail=True)

    def move_free_pages(self, block: int, migratetype: int) -> int:
        """B-18: the free pages whose heads lie in a pageblock, ascending; returns how many pages."""
        heads = self.free_heads(block)
        nr_pages = sum(1 << self.runs[pfn].order for pfn in heads)
        for pfn in heads:
            self.move(pfn, migratetype)
        return nr_pages

    def free_heads(self, block: int) -> list[int]:
        """The first pages of the free pages that begin in a pageblock."""
        return [pfn for pfn in self.pages_of(block) if pfn in self.name_of]

    # -------------------------------------------------------------------------------- free: B-4 to B-6, B-9

    def may_merge(self, zone: int, mine: int, theirs: int) -> bool:
        """B-5."""
        rule = self.policy.merge_rule
        if rule is MergeRule.ANY:
            return True
        if rule is MergeRule.ISOLATE_ONLY:
            return not self.zone[zone].nr_isolate or mine == theirs or ISOLATE not in (mine, theirs)
        return mine == theirs or {mine, theirs} <= FALLBACKS.keys()

    def free_as(self, pfn: int, order: int, migratetype: int, *, at_tail: bool = False) -> None:
        """Frees pages that are nobody's under a type: the loop of B-4."""
        zone = self.zone_of(pfn)
        assert zone is not None
        self.account_by_caller(zone, 1 << order, migratetype)
        while order < self.max_order:
            buddy = pfn ^ (1 << order)
            if not self.is_free(buddy, order, zone):
                break
            if order >= self.pageblock_order:
                theirs = self.type_of(buddy)
                if not self.may_merge(zone, migratetype, theirs):
                    break
                self.unlist(buddy)
                self._retype_merged(buddy, order, theirs, migratetype)
            else:
                self.unlist(buddy)
            pfn, order = min(pfn, buddy), order + 1
        self.enlist(pfn, order, migratetype, at_tail=at_tail or self.merge_looks_likely(pfn, order))

    def _retype_merged(self, buddy: int, order: int, theirs: int, mine: int) -> None:
        """B-6: the half freed last wins."""
        rule = self.policy.retype_on_merge
        if theirs != mine and rule is not RetypeOnMerge.NO:
            self.retype(buddy, order if rule is RetypeOnMerge.FULL else 0, mine)

    def merge_looks_likely(self, pfn: int, order: int) -> bool:
        """B-3 (b)."""
        if order >= self.max_order - 1:
            return False
        combined = min(pfn, pfn ^ (1 << order))
        return self.is_free(combined ^ (2 << order), order + 1, self.zone_of(pfn))

    def free(self, pfn: int, order: int, *, at_tail: bool = False) -> None:
        """B-9: under the type of the first pageblock; or pageblock by pageblock, each under its own."""
        piece = min(order, self.pageblock_order) if self.policy.split_on_free else order
        for first in range(pfn, pfn + (1 << order), 1 << piece):
            self.free_as(first, piece, self.type_of(first), at_tail=at_tail)

    def free_run(self, pfn: int) -> int:
        """Frees a used run; returns its pages."""
        order = self.runs.pop(pfn).order
        self.free(pfn, order)
        return 1 << order

    # -------------------------------------------------------------------------------- taking out

    def take(self, zone: int, order: int, migratetype: int) -> int | None:
        """B-2: the smallest sufficient page of one type; upper halves go back to its lists."""
        for larger in range(order, self.max_order + 1):
            pfns = self.lists[zone, larger, migratetype]
            if pfns:
                return self.take_from(pfns[0], order, migratetype)
        return None

    def take_from(self, pfn: int, order: int, migratetype: int) -> int:
        """Takes the first pages of a free page; upper halves go to the heads of a type's lists."""
        zone, whole, list_type = self.unlist(pfn)
        for half in reversed(range(order, whole)):
            self.enlist(pfn + (1 << half), half, migratetype, at_tail=False)
        self.account_by_caller(zone, -(1 << order), list_type)
        return pfn

    def take_larger(self, block: int) -> tuple[int, int] | None:
        """B-18, from 6.10: takes out the free page that a pageblock is only a part of, if there is one."""
        found = self.run_over(self.pages_of(block)[0])
        if found is None or found[0] not in self.name_of or found[1].order <= self.pageblock_order:
            return None
        return self.take_whole(found[0])

    def take_whole(self, pfn: int) -> tuple[int, int]:
        """Takes out a free page, counted by the type of its first pageblock; returns it with its order."""
        zone, order, _ = self.unlist(pfn)
        self.account_by_caller(zone, -(1 << order), self.type_of(pfn))
        return pfn, order

    def free_by_pageblocks(self, pfn: int, order: int) -> None:
        """Frees pages pageblock by pageblock, ascending, each under its own type (B-18, from 6.10)."""
        for first in range(pfn, pfn + (1 << order), self.nr_block_pages):
            self.free_as(first, self.pageblock_order, self.type_of(first))
