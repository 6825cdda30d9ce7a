"""A state machine that does the same random acts to a node and to its naive twin, and compares them after each.

Kept here: pages, lists in order, counters, types and memory blocks are equal, and every law holds.
Left out: which geometries and policies it runs with (test_state_machine).
"""

from typing import ClassVar, NamedTuple

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.mm import contig, hotplug, isolation
from app.mm.geometry import Geometry
from app.mm.invariants import verify
from app.mm.kernels import layout
from app.mm.kernels.isolation import ORDINARY
from app.mm.node import Node
from app.mm.page import Migratetype, PageKind
from app.mm.policy import policy
from app.mm.switches import ContigAlign, MergeRule
from app.mm.zone import ZoneId
from tests.model import twin_isolation
from tests.model.observed import Run, observe
from tests.model.twin_buddy import Memory, Rules
from tests.model.twin_hotplug import Machine

_NUMBERS = st.integers(0, 1 << 16)
# What memory is fragmented with.
_FILLERS = [PageKind.ANON, PageKind.FILE_DIRTY, PageKind.FILE_CLEAN, PageKind.UNMOVABLE]
_TAKEN = 0x40000000  # owners of contiguous ranges, apart from those of allocations


class Setup(NamedTuple):
    """What one state machine runs with; boot: the zone of each boot memory block, from 0 on."""

    geometry: Geometry
    policy: str
    nr_memory_blocks: int
    boot: tuple[ZoneId, ...]
    # Types that pageblocks of boot memory may have.
    types: tuple[Migratetype, ...]
    # Off where the policy itself breaks laws with such types.
    keeps_laws: bool = True


def allocatable(geometry: Geometry) -> list[tuple[PageKind, int]]:
    """Returns kinds with orders that a guest allocates."""
    pageblock, chunk = geometry.pageblock_order, geometry.max_order
    movable = [
        *(
            (kind, 0)
            for kind in (PageKind.ANON, PageKind.FILE_CLEAN, PageKind.FILE_DIRTY, PageKind.MOVABLE_OPS)
        ),
        *((PageKind.HUGETLB, order) for order in range(pageblock, chunk + 1)),
        (PageKind.THP, pageblock),
    ]
    fixed = [
        *((PageKind.UNMOVABLE, order) for order in (0, 1, pageblock, chunk)),
        *((PageKind.UNMOVABLE_PAGES, order) for order in (0, 2, chunk)),
        *((PageKind.RECLAIMABLE, order) for order in (0, 1)),
        (PageKind.PINNED, 0),
    ]
    # What cannot move ends most acts early, so it is drawn less often.
    return movable * 4 + fixed


def make_twin(node: Node) -> Machine:
    """Returns an empty twin with a node's rules and sizes."""
    rules = Rules(
        node.geometry.max_order,
        node.geometry.pageblock_order,
        merges_all_but_isolated=node.policy.merge_rule is MergeRule.ISOLATE_ONLY,
        isolates_chunks=node.policy.contig_align is ContigAlign.CHUNK,
    )
    return Machine(Memory(rules), node.geometry.memory_block_nr_pages, hotplug.memmap_nr_pages(node))


class NodeMachine(RuleBasedStateMachine):
    """Two guests that must stay equal."""

    setup_with: ClassVar[Setup]

    def __init__(self) -> None:
        """Makes a node and its twin, both without memory."""
        super().__init__()
        setup = self.setup_with
        self.size = setup.geometry.memory_block_nr_pages
        nr_pages = setup.nr_memory_blocks * self.size
        self.node = Node(setup.geometry, policy(setup.policy), nr_pages=nr_pages)
        self.twin = make_twin(self.node)
        self.kinds = allocatable(setup.geometry)
        self.owners: list[int] = []
        self.next_owner = 1
        self.isolated: list[tuple[int, int]] = []
        self.taken: list[tuple[int, int]] = []
        self.unplugged: list[tuple[int, int]] = []

    # ---------------------------------------------------------------------------------- boot

    @initialize(seed=_NUMBERS, hotplugged=_NUMBERS)
    def boot(self, seed: int, hotplugged: int) -> None:
        """Boot memory is free, its pageblocks' types in a pattern that the seed gives; more memory may be online."""
        choice = self.setup_with.types
        nr_blocks = self.node.geometry.pageblocks_per_memory_block
        for block, zone in enumerate(self.setup_with.boot):
            start = block * self.size
            hotplug.boot_memory(self.node, start, start + self.size, zone)
            first = start >> self.node.geometry.pageblock_order
            types = [choice[(seed >> (first + number) % 13) % len(choice)] for number in range(nr_blocks)]
            self.node.arrays.block_type[first : first + nr_blocks] = types
            # Pageblock by pageblock: a free page over types that may not merge is no sound start.
            unit = self.node.geometry.pageblock_nr_pages
            for pfn in range(start, start + self.size, unit):
                self.node.set_free(pfn, pfn + unit)
            self.twin.boot(block, zone, types)
        self.node.recompute_watermarks()
        self._copy_marks()
        for block in range(len(self.setup_with.boot), self.setup_with.nr_memory_blocks):
            state = hotplugged >> 2 * block & 3
            if state:
                self.add(block)
                self.online(block, ZoneId.MOVABLE if state == 1 else ZoneId.NORMAL, 0)

    def _copy_marks(self) -> None:
        """Watermarks are no subject here: the twin takes the node's."""
        for zone in self.node.zones:
            marks = zone.watermarks
            twin = self.twin.memory.zone[zone.index]
            twin.marks = (marks.min, marks.low)
            twin.reserve = tuple(zone.lowmem_reserve(other) for other in range(layout.NR_ZONES))

    # ---------------------------------------------------------------------------------- allocations

    def _new_owner(self) -> int:
        self.next_owner += 1
        self.owners.append(self.next_owner)
        return self.next_owner

    @rule(which=_NUMBERS, count=st.integers(1, 60))
    def allocate(self, which: int, count: int) -> None:
        """Some runs of a kind."""
        kind, order = self.kinds[which % len(self.kinds)]
        owner = self._new_owner()
        got = self.node.alloc_pages(kind, order, count, owner=owner)
        expected = 0
        while expected < count and self.twin.memory.alloc_page(kind, order, owner) is not None:
            expected += 1
        assert got == expected

    @rule(
        kind=st.sampled_from([PageKind.ANON, PageKind.UNMOVABLE, PageKind.FILE_CLEAN]), keep=st.integers(2, 9)
    )
    def fragment(self, kind: PageKind, keep: int) -> None:
        """All memory is allocated page by page, and all but every keep-th page freed again."""
        owner = self._new_owner()
        got = self.node.alloc_pages(kind, 0, self.node.nr_pages, owner=owner)
        expected = 0
        while self.twin.memory.alloc_page(kind, 0, owner) is not None:
            expected += 1
        assert got == expected
        pfns = [pfn for number, pfn in enumerate(self._runs_of(owner)) if number % keep]
        self._free(pfns)

    @rule(which=_NUMBERS, part=st.integers(1, 4), is_descending=st.booleans())
    def free(self, which: int, part: int, is_descending: bool) -> None:  # noqa: FBT001 - hypothesis passes by name
        """All of an allocation, or every second, third, fourth run of it."""
        if self.owners:
            pfns = self._runs_of(self.owners[which % len(self.owners)])[::part]
            self._free(pfns[::-1] if is_descending else pfns)

    def _runs_of(self, owner: int) -> list[int]:
        pfns: list[int] = self.node.owned_pfns(owner).tolist()
        assert pfns == sorted(pfn for pfn, run in self.twin.memory.runs.items() if run.owner == owner)
        return pfns

    def _free(self, pfns: list[int]) -> None:
        freed = self.node.free_runs(np.array(pfns, np.int64))
        assert freed == sum(self.twin.memory.free_run(pfn) for pfn in pfns)

    @rule(which=_NUMBERS, place=_NUMBERS)
    def allocate_at(self, which: int, place: int) -> None:
        """One run at an exact place, if it is free."""
        kind, order = self.kinds[which % len(self.kinds)]
        pfn = self._place(place, 1 << order)
        owner = self._new_owner()
        assert self.node.alloc_at(pfn, order, kind, owner=owner) == self.twin.memory.alloc_at(
            pfn, Run(kind, order, owner)
        )

    # ---------------------------------------------------------------------------------- isolation

    def _place(self, place: int, unit: int) -> int:
        """Returns the start of a unit in online memory; one in sixteen lies anywhere."""
        online = [block for block, state in self.twin.states.items() if state.startswith("online")]
        if place % 16 == 0 or not online:
            return place // 16 * unit % self.node.nr_pages
        block = sorted(online)[place % len(online)]
        return block * self.size + place // 16 * unit % self.size

    def _range(self, place: int, length: int) -> tuple[int, int]:
        """Returns a range in the unit that the policy isolates, within one memory block."""
        unit = contig.contig_align_nr_pages(self.node)
        start = self._place(place, unit)
        return start, min(start + (length + 1) * unit, (start // self.size + 1) * self.size)

    @rule(place=_NUMBERS, length=st.integers(0, 3))
    def isolate(self, place: int, length: int) -> None:
        """A range, if nothing is in the way.

        It ends inside its first chunk or with a chunk: otherwise linux-5.19 leaves a free page over its end for
        the time of the operation, if a chunk has four pageblocks (test_scenarios).
        """
        start, end = self._range(place, length)
        chunk = self.node.geometry.chunk_nr_pages
        if end > start // chunk * chunk + chunk:
            end = end // chunk * chunk
        if self._is_straddled(start, end):
            return
        if not self.node.is_one_zone(start, end):
            return
        found = isolation.start_isolate_page_range(self.node, start, end, ORDINARY)
        expected = twin_isolation.isolate_range(self.twin.memory, start, end)
        assert found == (-1 if expected is None else expected)
        if expected is None:
            self.isolated.append((start, end))

    def _is_straddled(self, start: int, end: int) -> bool:
        """Returns whether kernel pages without a head lie over a range's boundary.

        They pass isolation (I-5), and when they are freed meanwhile, their head's type rules them all (B-9).
        """
        found = (self.twin.memory.run_over(boundary) for boundary in (start, end))
        return any(
            run is not None and run[1].kind == PageKind.UNMOVABLE_PAGES and run[0] not in (start, end)
            for run in found
        )

    @precondition(lambda self: self.isolated)
    @rule(which=_NUMBERS)
    def undo(self, which: int) -> None:
        """Gives an isolated range back."""
        start, end = self.isolated.pop(which % len(self.isolated))
        isolation.undo_isolate_page_range(self.node, start, end)
        twin_isolation.undo_range(self.twin.memory, start, end)

    # ---------------------------------------------------------------------------------- contiguous ranges

    def _take(self, start: int, end: int, run: Run) -> bool:
        """Takes a range on both sides, compares the outcomes, and returns whether it was taken."""
        outcome = contig.alloc_contig_range(self.node, start, end, kind=PageKind(run.kind), owner=run.owner)
        verdict = twin_isolation.alloc_contig_range(self.twin.memory, start, end, run)
        assert str(outcome.result) == verdict.result
        assert (outcome.step == "isolate") == (verdict.step == "isolate")
        assert (outcome.nr_migrated, outcome.nr_dropped) == (
            self.twin.memory.nr_moved,
            self.twin.memory.nr_dropped,
        )
        if verdict.pfn >= 0:
            assert outcome.obstacle is not None
            assert outcome.obstacle.pfn == verdict.pfn
        return verdict.result == "0"

    @rule(place=_NUMBERS, nr_pages=st.integers(1, 80), is_whole=st.booleans())
    def take_pages(self, place: int, nr_pages: int, is_whole: bool) -> None:  # noqa: FBT001 - hypothesis passes by name
        """Pages anywhere, or whole pageblocks, become somebody's."""
        unit = self.node.geometry.pageblock_nr_pages if is_whole else 1
        start = self._place(place, unit)
        end = min(start + nr_pages * unit, self.node.nr_pages)
        if self._take(start, end, Run(PageKind.UNMOVABLE, 0, _TAKEN)):
            self.taken.append((start, end))

    @precondition(lambda self: self.taken)
    @rule(which=_NUMBERS)
    def free_pages(self, which: int) -> None:
        """Gives such a range back."""
        start, end = self.taken.pop(which % len(self.taken))
        assert contig.free_contig_range(self.node, start, end) == end - start
        for pfn in range(start, end):
            self.twin.memory.free_run(pfn)

    @rule(place=_NUMBERS, length=st.integers(0, 3))
    def unplug(self, place: int, length: int) -> None:
        """Pages of one memory block become offline, as virtio-mem's do."""
        start, end = self._range(place, length)
        if self._take(start, end, Run(PageKind.OFFLINE, 0, 0)):
            hotplug.mark_offline(self.node, start, end)
            self.twin.mark_offline(start, end)
            self.unplugged.append((start, end))

    @precondition(lambda self: self.unplugged and not self.isolated)
    @rule(which=_NUMBERS, skip=st.integers(0, 2), keep=st.integers(0, 2))
    def plug(self, which: int, skip: int, keep: int) -> None:
        """Gives offline pages to the buddy again, but for some pageblocks at either end."""
        first, last = self.unplugged.pop(which % len(self.unplugged))
        size = self.node.geometry.pageblock_nr_pages
        start = min(first + skip * size, last)
        end = max(last - keep * size, start)
        hotplug.clear_offline(self.node, start, end)
        self.twin.clear_offline(start, end)
        self.unplugged += [left for left in ((first, start), (end, last)) if left[0] < left[1]]

    # ---------------------------------------------------------------------------------- hotplug

    def _block(self, which: int) -> tuple[int, int, int]:
        block = which % self.setup_with.nr_memory_blocks
        return block, block * self.size, (block + 1) * self.size

    def _forget(self, start: int, end: int) -> None:
        """A memory block that goes takes its offline ranges along."""
        self.unplugged = [one for one in self.unplugged if not start <= one[0] < end]

    @rule(which=_NUMBERS)
    def add(self, which: int) -> None:
        """An absent memory block is added."""
        block, start, end = self._block(which)
        if block in self.twin.states:
            return
        assert hotplug.add_memory(self.node, start, end) == self.twin.add(block)
        self._copy_marks()

    @rule(which=_NUMBERS, zone=st.sampled_from([ZoneId.NORMAL, ZoneId.MOVABLE]), holes=st.integers(0, 255))
    def online(self, which: int, zone: ZoneId, holes: int) -> None:
        """An offline memory block goes online; the bits of `holes` are its unplugged pageblocks."""
        block, start, end = self._block(which)
        if self.twin.states.get(block) != "offline":
            return
        size = self.node.geometry.pageblock_nr_pages
        ranges = [
            (pfn, pfn + size) for number, pfn in enumerate(range(start, end, size)) if holes >> number & 1
        ]
        found = hotplug.online_pages(self.node, start, end, zone, offline_ranges=ranges)
        assert found == self.twin.online(block, zone, ranges)
        self.unplugged += ranges
        self._copy_marks()

    @rule(which=_NUMBERS)
    def offline(self, which: int) -> None:
        """An online memory block goes offline, if it can."""
        block, start, end = self._block(which)
        if not self.twin.states.get(block, "").startswith("online"):
            return
        found = hotplug.offline_pages(self.node, start, end)
        assert found == self.twin.offline(block)
        if found == "0":
            self._forget(start, end)
        self._copy_marks()

    @rule(which=_NUMBERS)
    def remove(self, which: int) -> None:
        """An offline memory block is removed; any other refuses."""
        block, start, end = self._block(which)
        if block in self.twin.states:
            assert hotplug.remove_memory(self.node, start, end) == self.twin.remove(block)

    @rule(which=_NUMBERS)
    def offline_and_remove(self, which: int) -> None:
        """Both at once, as the driver does."""
        block, start, end = self._block(which)
        if block not in self.twin.states:
            return
        found = hotplug.offline_and_remove_memory(self.node, start, end)
        assert found == self.twin.offline_and_remove(block)
        if found == "0":
            self._forget(start, end)
        self._copy_marks()

    # ---------------------------------------------------------------------------------- after every step

    @invariant()
    def twins_are_equal(self) -> None:
        """Nothing that decides later acts differs."""
        found, expected = observe(self.node), self.twin.observe()
        for name, mine, theirs in zip(found._fields, found, expected, strict=True):
            assert mine == theirs, name

    @invariant()
    def laws_hold(self) -> None:
        """The checker finds nothing, whatever was done."""
        if self.setup_with.keeps_laws:
            assert verify(self.node, is_operating=bool(self.isolated)) == []
