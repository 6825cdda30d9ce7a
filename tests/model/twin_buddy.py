"""A naive twin of the buddy allocator: dictionaries and lists, one rule of the text after the other.

Written from semantics B-1 to B-20 and section 3, not from the kernels; slow, and meant to be read.
Left out: highatomic requests, CMA requests, per-cpu lists, the watermark boost.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from app.mm.page import Migratetype, PageKind
from tests.model.observed import ListName, Run

UNMOVABLE, MOVABLE, RECLAIMABLE, HIGHATOMIC, CMA, ISOLATE = Migratetype
NORMAL_ZONE, MOVABLE_ZONE = 2, 3
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


class Rules(NamedTuple):
    """What releases do differently, and the sizes."""

    max_order: int
    pageblock_order: int
    merges_all_but_isolated: bool  # B-5, linux-5.15; otherwise types that fall back to each other
    isolates_chunks: bool  # G-7 and I-7, linux-5.15; otherwise pageblocks, with boundaries settled


@dataclass
class TwinZone:
    """A zone's counters and marks."""

    nr_free: int = 0
    nr_free_cma: int = 0
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

    rules: Rules
    runs: dict[int, Run] = field(default_factory=dict)
    lists: dict[ListName, list[int]] = field(default_factory=lambda: defaultdict(list))
    types: dict[int, int] = field(default_factory=dict)
    zones: dict[int, int] = field(default_factory=dict)
    zone: dict[int, TwinZone] = field(default_factory=lambda: {index: TwinZone() for index in range(4)})
    # What a contiguous allocation moved and dropped, in pages.
    nr_moved: int = 0
    nr_dropped: int = 0

    # -------------------------------------------------------------------------------- looking

    @property
    def nr_block_pages(self) -> int:
        """Pages of a pageblock."""
        return 1 << self.rules.pageblock_order

    def block_of(self, pfn: int) -> int:
        """The pageblock of a page."""
        return pfn >> self.rules.pageblock_order

    def type_of(self, pfn: int) -> int:
        """The type of a page's pageblock."""
        return self.types[self.block_of(pfn)]

    def zone_of(self, pfn: int) -> int | None:
        """The zone in which a page is online."""
        return self.zones.get(self.block_of(pfn))

    def run_over(self, pfn: int) -> tuple[int, Run] | None:
        """The run that holds a page, with its first pfn."""
        for order in range(self.rules.max_order + 1):
            first = pfn >> order << order
            run = self.runs.get(first)
            if run is not None and pfn < first + (1 << run.order):
                return first, run
        return None

    def is_free(self, pfn: int, order: int, zone: int | None) -> bool:
        """Whether a free page of exactly this order starts there, in this zone."""
        run = self.runs.get(pfn)
        return run is not None and run[:2] == (PageKind.FREE, order) and self.zone_of(pfn) == zone

    def list_of(self, pfn: int) -> ListName:
        """The list on which a free page is."""
        return next(name for name, pfns in self.lists.items() if pfn in pfns)

    # -------------------------------------------------------------------------------- lists: B-1 and B-3

    def enlist(self, pfn: int, order: int, name_type: int, *, at_tail: bool) -> None:
        """Makes a free page of these pages, and puts it on a list."""
        zone = self.zone_of(pfn)
        assert zone is not None
        self.runs[pfn] = Run(PageKind.FREE, order, 0)
        pfns = self.lists[zone, order, name_type]
        pfns.insert(len(pfns) if at_tail else 0, pfn)

    def unlist(self, pfn: int) -> None:
        """Takes a free page off its list: its pages are nobody's then."""
        self.lists[self.list_of(pfn)].remove(pfn)
        del self.runs[pfn]

    def account(self, zone: int, nr_pages: int, migratetype: int) -> None:
        """Moves the counters (B-8)."""
        if migratetype != ISOLATE:
            self.zone[zone].nr_free += nr_pages
        if migratetype == CMA:
            self.zone[zone].nr_free_cma += nr_pages

    # -------------------------------------------------------------------------------- free: B-4 and B-5

    def may_merge(self, zone: int, mine: int, theirs: int) -> bool:
        """B-5."""
        if self.rules.merges_all_but_isolated:
            return not self.zone[zone].nr_isolate or mine == theirs or ISOLATE not in (mine, theirs)
        return mine == theirs or {mine, theirs} <= FALLBACKS.keys()

    def free_as(self, pfn: int, order: int, migratetype: int, *, at_tail: bool = False) -> None:
        """Frees a block under a type: the loop of B-4."""
        zone = self.zone_of(pfn)
        assert zone is not None
        self.runs.pop(pfn, None)
        self.account(zone, 1 << order, migratetype)
        while order < self.rules.max_order:
            buddy = pfn ^ (1 << order)
            if not self.is_free(buddy, order, zone):
                break
            if order >= self.rules.pageblock_order and not self.may_merge(
                zone, migratetype, self.type_of(buddy)
            ):
                break
            self.unlist(buddy)
            pfn, order = min(pfn, buddy), order + 1
        self.enlist(pfn, order, migratetype, at_tail=at_tail or self.merge_looks_likely(pfn, order))

    def merge_looks_likely(self, pfn: int, order: int) -> bool:
        """B-3 (b)."""
        if order >= self.rules.max_order - 1:
            return False
        combined = min(pfn, pfn ^ (1 << order))
        return self.is_free(combined ^ (2 << order), order + 1, self.zone_of(pfn))

    def free_run(self, pfn: int) -> int:
        """Frees a used run under the type that its first pageblock has now; returns its pages."""
        order = self.runs[pfn].order
        self.free_as(pfn, order, self.type_of(pfn))
        return 1 << order

    # -------------------------------------------------------------------------------- allocate: B-2 and B-10

    def take(self, zone: int, order: int, migratetype: int) -> int | None:
        """B-2: the smallest sufficient page of one type; upper halves go back."""
        for larger in range(order, self.rules.max_order + 1):
            pfns = self.lists[zone, larger, migratetype]
            if pfns:
                pfn = pfns[0]
                self.unlist(pfn)
                for half in reversed(range(order, larger)):
                    self.enlist(pfn + (1 << half), half, migratetype, at_tail=False)
                self.account(zone, -(1 << order), migratetype)
                return pfn
        return None

    def is_above_mark(self, zone: int, order: int, mark: int, highest_zone: int) -> bool:
        """B-20; mark: 0 min, 1 low."""
        counted = self.zone[zone]
        free = counted.nr_free - ((1 << order) - 1) - counted.nr_free_cma
        if free <= counted.marks[mark] + counted.reserve[highest_zone]:
            return False
        return order == 0 or any(
            self.lists[zone, larger, migratetype]
            for larger in range(order, self.rules.max_order + 1)
            for migratetype in FALLBACKS
        )

    def get_page(self, order: int, migratetype: int, highest_zone: int) -> int | None:
        """B-10: zones from the preferred one down; without polluting, if Normal is preferred, then with."""
        zones = [zone for zone in range(highest_zone, -1, -1) if self.zone[zone].present]
        is_careful = bool(zones) and zones[0] == NORMAL_ZONE
        for mark, no_fragment in ((1, is_careful), (1, False), (0, False)):
            for zone in zones:
                if self.is_above_mark(zone, order, mark, highest_zone):
                    pfn = self.get_page_from(zone, order, migratetype, no_fragment=no_fragment)
                    if pfn is not None:
                        return pfn
        return None

    def get_page_from(self, zone: int, order: int, migratetype: int, *, no_fragment: bool) -> int | None:
        """Own lists, then others' (B-14)."""
        pfn = self.take(zone, order, migratetype)
        if pfn is None and self.steal(zone, order, migratetype, no_fragment=no_fragment):
            pfn = self.take(zone, order, migratetype)
        return pfn

    # -------------------------------------------------------------------------------- steal: B-13 and B-14

    def fallback_page(self, zone: int, order: int, migratetype: int) -> int | None:
        """The first page of exactly this order of a type to fall back to."""
        for other in FALLBACKS[Migratetype(migratetype)]:
            if self.lists[zone, order, other]:
                return self.lists[zone, order, other][0]
        return None

    def is_claimable(self, order: int, migratetype: int) -> bool:
        """B-14, can_claim."""
        return order >= self.rules.pageblock_order // 2 or migratetype in (UNMOVABLE, RECLAIMABLE)

    def steal(self, zone: int, order: int, migratetype: int, *, no_fragment: bool) -> bool:
        """B-14: largest first; a movable request that cannot claim takes the smallest instead."""
        smallest = max(order, self.rules.pageblock_order) if no_fragment else order
        for current in reversed(range(smallest, self.rules.max_order + 1)):
            pfn = self.fallback_page(zone, current, migratetype)
            if pfn is None:
                continue
            if migratetype == MOVABLE and current > order and not self.is_claimable(current, migratetype):
                found = (
                    self.fallback_page(zone, upward, migratetype) for upward in range(order, current + 1)
                )
                pfn = next(page for page in found if page is not None)
            self.claim(pfn, migratetype)
            return True
        return False

    def claim(self, pfn: int, migratetype: int) -> None:
        """B-14, claim: the whole pageblock, or this one page."""
        order = self.runs[pfn].order
        block = self.block_of(pfn)
        if order >= self.rules.pageblock_order and self.type_of(pfn) != HIGHATOMIC:
            for covered in range(block, self.block_of(pfn + (1 << order) - 1) + 1):
                self.types[covered] = migratetype
            self.move(pfn, migratetype)
            return
        if self.type_of(pfn) == HIGHATOMIC or not self.is_claimable(order, migratetype):
            self.move(pfn, migratetype)
            return
        old_type = self.types[block]
        free = self.move_free_pages(block, migratetype)
        movable = self.count_movable(block)
        alike = movable
        if migratetype != MOVABLE:
            alike = self.nr_block_pages - free - movable if old_type == MOVABLE else 0
        if free + alike >= self.nr_block_pages // 2:
            self.types[block] = migratetype

    def move(self, pfn: int, migratetype: int) -> None:
        """Moves a free page to the tail of another type's list (B-3)."""
        order = self.runs[pfn].order
        self.unlist(pfn)
        self.enlist(pfn, order, migratetype, at_tail=True)

    def move_free_pages(self, block: int, migratetype: int) -> int:
        """B-18, up to 6.9: the free pages whose heads lie in a pageblock, ascending; returns how many pages."""
        moved = 0
        for pfn in self.pages_of(block):
            run = self.runs.get(pfn)
            if run is not None and run.kind == PageKind.FREE:
                self.move(pfn, migratetype)
                moved += 1 << run.order
        return moved

    def count_movable(self, block: int) -> int:
        """The used pages of a pageblock that lie on the LRU or have movable operations."""
        runs = (self.run_over(pfn) for pfn in self.pages_of(block))
        return sum(1 for run in runs if run and run[1].kind in LRU_KINDS | {PageKind.MOVABLE_OPS})

    def pages_of(self, block: int) -> range:
        """The pages of a pageblock."""
        return range(block << self.rules.pageblock_order, (block + 1) << self.rules.pageblock_order)

    # -------------------------------------------------------------------------------- allocations

    def alloc_page(self, kind: PageKind, order: int, owner: int) -> int | None:
        """Allocates one run of a kind."""
        migratetype = MOVABLE if kind in MOVABLE_KINDS else UNMOVABLE
        if kind == PageKind.RECLAIMABLE:
            migratetype = RECLAIMABLE
        highest_zone = MOVABLE_ZONE if migratetype == MOVABLE else NORMAL_ZONE
        pfn = self.get_page(order, migratetype, highest_zone)
        if pfn is not None:
            self.runs[pfn] = Run(kind, order, owner)
        return pfn

    def alloc_at(self, pfn: int, run: Run) -> bool:
        """Takes exactly these pages out of a free page; other halves go under its first pageblock's type."""
        found = self.run_over(pfn)
        if found is None or found[1].kind != PageKind.FREE or found[1].order < run.order:
            return False
        first, whole = found
        migratetype, zone = self.type_of(first), self.zone_of(first)
        assert zone is not None
        self.unlist(first)
        for half in reversed(range(run.order, whole.order)):
            lower, upper = first, first + (1 << half)
            first, other = (upper, lower) if pfn >= upper else (lower, upper)
            self.enlist(other, half, migratetype, at_tail=False)
        self.account(zone, -(1 << run.order), migratetype)
        self.runs[pfn] = run
        return True
