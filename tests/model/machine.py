"""A state machine that does the same random acts to a node and to its naive twin.

Isolations and contiguous allocations are made in one call, or section by section: the twin knows no difference.
Left out: what is compared after each act (twin_stage), which geometries and policies it runs with (test_state_machine).
"""

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from app.mm import contig, hotplug, isolation, page_offline, sections
from app.mm.checks.ownership import placed_owner
from app.mm.node import Node
from app.mm.outcome import Caller, ContigOutcome
from app.mm.page import Migratetype, PageKind, Request
from app.mm.zone import ZoneId
from tests.mm.holder import Holder
from tests.model import twin_contig, twin_isolation, twin_request
from tests.model.observed import Run
from tests.model.twin_buddy import FALLBACKS
from tests.model.twin_isolation import Wish
from tests.model.twin_stage import NUMBERS, TwinStage

# What memory is fragmented with.
_FILLERS = [PageKind.ANON, PageKind.FILE_DIRTY, PageKind.FILE_CLEAN, PageKind.UNMOVABLE]
_KIND_OF_TYPE = {
    Migratetype.UNMOVABLE: PageKind.UNMOVABLE,
    Migratetype.MOVABLE: PageKind.ANON,
    Migratetype.RECLAIMABLE: PageKind.RECLAIMABLE,
}
# Owner of contiguous ranges, apart from those of allocations. Such pages are wanted where they are.
_TAKEN = placed_owner(0)
# Most requests and callers are ordinary ones.
_REQUESTS = st.sampled_from([Request.NONE] * 3 + [Request.HIGHATOMIC, Request.NO_CMA])
_CALLERS = st.sampled_from([Caller.ORDINARY] * 2 + [Caller.CMA])


def _take_at_once(node: Node, start: int, end: int, run: Run, caller: Caller) -> ContigOutcome:
    kind = PageKind(run.kind)
    return contig.alloc_contig_range(node, start, end, kind=kind, owner=run.owner, caller=caller)


def _take_stepwise(node: Node, start: int, end: int, run: Run, caller: Caller) -> ContigOutcome:
    kind = PageKind(run.kind)
    return sections.run(contig.contig_sections(node, start, end, kind=kind, owner=run.owner, caller=caller))


class NodeMachine(TwinStage):
    """Random acts on both."""

    @initialize(which=NUMBERS, seed=NUMBERS, hotplugged=NUMBERS)
    def boot(self, which: int, seed: int, hotplugged: int) -> None:
        """Boot memory is there, and more memory may be online."""
        self._boot(which, seed)
        for block in range(len(self.setup_with.boot), self.setup_with.nr_memory_blocks):
            state = hotplugged >> 2 * block & 3
            if state:
                self.add(block)
                self.online(block, ZoneId.MOVABLE if state == 1 else ZoneId.NORMAL, 0)

    # ---------------------------------------------------------------------------------- allocations

    def _new_owner(self, *, is_placed: bool = False) -> int:
        self.next_owner += 1
        self.owners.append(placed_owner(self.next_owner) if is_placed else self.next_owner)
        return self.owners[-1]

    def _allocate(self, kind: PageKind, order: int, count: int, request: Request) -> int:
        """Allocates on both sides; returns the owner."""
        owner = self._new_owner()
        numa_node = owner % self.setup_with.nr_numa_nodes
        got = self.node.alloc_pages(kind, order, count, owner=owner, request=request, numa_node=numa_node)
        expected = 0
        while expected < count and self._allocate_on_twin(kind, order, owner, request) is not None:
            expected += 1
        assert got == expected, f"runs: node {got}, twin {expected}"
        return owner

    def _allocate_on_twin(self, kind: PageKind, order: int, owner: int, request: Request) -> int | None:
        numa_node = owner % self.setup_with.nr_numa_nodes
        return twin_request.alloc_page(self.twin.memory, kind, order, owner, request, numa_node=numa_node)

    @rule(which=NUMBERS, count=st.integers(1, 60), request=_REQUESTS)
    def allocate(self, which: int, count: int, request: Request) -> None:
        """Some runs of a kind."""
        kind, order = self.kinds[which % len(self.kinds)]
        self._allocate(kind, order, count, request)

    @rule(order=st.integers(1, 3), count=st.integers(1, 9), kind=st.sampled_from(_FILLERS))
    def allocate_atomically(self, order: int, count: int, kind: PageKind) -> None:
        """Runs of high order for somebody who cannot wait: their pageblocks are reserved (B-22)."""
        self._allocate(kind, min(order, self.node.geometry.max_order), count, Request.HIGHATOMIC)

    @rule(migratetype=st.sampled_from(list(FALLBACKS)), is_forced=st.booleans())
    def unreserve(self, migratetype: Migratetype, is_forced: bool) -> None:  # noqa: FBT001 - hypothesis passes by name
        """The reserve gives a pageblock to a request under pressure (B-23)."""
        nodes = twin_request.nodes_from(self.twin.memory, 0)
        wanted = twin_request.wanted_by(_KIND_OF_TYPE[migratetype], 0)._replace(nodes=nodes)
        found = self.node.unreserve_highatomic(migratetype, is_forced=is_forced)
        assert found == twin_request.unreserve(self.twin.memory, wanted, is_forced=is_forced)

    @rule(
        kind=st.sampled_from([PageKind.ANON, PageKind.UNMOVABLE, PageKind.FILE_CLEAN]), keep=st.integers(2, 9)
    )
    def fragment(self, kind: PageKind, keep: int) -> None:
        """All memory is allocated page by page, and all but every keep-th page freed again."""
        owner = self._allocate(kind, 0, self.node.nr_pages, Request.NONE)
        pfns = [pfn for number, pfn in enumerate(self._runs_of(owner)) if number % keep]
        self._free(pfns)

    @rule(which=NUMBERS, part=st.integers(1, 4), is_descending=st.booleans())
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

    # Nobody takes a page at an exact place off an ISOLATE list.
    @precondition(lambda self: not self.isolated)
    @rule(which=NUMBERS, place=NUMBERS)
    def allocate_at(self, which: int, place: int) -> None:
        """One run at an exact place, if it is free."""
        kind, order = self.kinds[which % len(self.kinds)]
        # A memory block may be smaller than the run, which is aligned all the same.
        pfn = self._place(place, 1 << order) >> order << order
        owner = self._new_owner(is_placed=True)
        assert self.node.alloc_at(pfn, order, kind, owner=owner) == twin_request.alloc_at(
            self.twin.memory, pfn, Run(kind, order, owner)
        )

    # ---------------------------------------------------------------------------------- isolation

    @rule(place=NUMBERS, length=st.integers(0, 3), caller=_CALLERS, is_stepwise=st.booleans())
    def isolate(self, place: int, length: int, caller: Caller, is_stepwise: bool) -> None:  # noqa: FBT001 - hypothesis passes by name
        """A range, if nothing is in the way.

        Where edges are cut after they are isolated, it ends inside its first chunk or with a chunk: otherwise a free
        page may lie over its end for the time of the operation, if a chunk has four pageblocks (test_scenarios).
        """
        start, end = self._range(place, length)
        chunk = self.node.geometry.chunk_nr_pages
        if end > start // chunk * chunk + chunk and not self.node.policy.atomic_cut:
            end = end // chunk * chunk
        if self._is_straddled(start, end, caller) or not self.node.is_one_zone(start, end):
            return
        if is_stepwise:
            found = sections.run(isolation.isolate_sections(self.node, start, end, caller))
        else:
            found = isolation.start_isolate_page_range(self.node, start, end, caller)
        expected = twin_isolation.isolate_range(self.twin.memory, start, end, Wish(caller, start, end))
        assert found == (-1 if expected is None else expected)
        if expected is None:
            self.isolated.append((start, end, caller))

    def _is_straddled(self, start: int, end: int, caller: Caller) -> bool:
        """Returns whether pages without a head that anybody finds lie over a range's boundary, where none may.

        They pass isolation (I-4, I-5), and when they are freed meanwhile, their head's type rules them all (B-9). In
        the areas, which are all that a CMA call is about, there are none (INV-15).
        """
        policy = self.node.policy
        kinds = {PageKind.UNMOVABLE_PAGES}
        if not policy.lookup_compound_head:
            kinds |= {PageKind.UNMOVABLE, PageKind.RECLAIMABLE}
        found = (self.twin.memory.run_over(boundary) for boundary in (start, end))
        is_left_out = caller is Caller.CMA or not policy.split_on_free
        return is_left_out and any(
            run is not None and run[1].kind in kinds and run[0] not in (start, end) for run in found
        )

    @precondition(lambda self: self.isolated)
    @rule(which=NUMBERS, is_stepwise=st.booleans())
    def undo(self, which: int, is_stepwise: bool) -> None:  # noqa: FBT001 - hypothesis passes by name
        """Gives an isolated range back."""
        start, end, caller = self.isolated.pop(which % len(self.isolated))
        if is_stepwise:
            sections.run(isolation.undo_sections(self.node, start, end, caller))
        else:
            isolation.undo_isolate_page_range(self.node, start, end, caller)
        twin_isolation.undo_range(self.twin.memory, start, end, Wish(caller, start, end))

    # ---------------------------------------------------------------------------------- contiguous ranges

    def _take(self, start: int, end: int, run: Run, caller: Caller = Caller.ORDINARY) -> bool:
        """Takes a range on both sides, compares the outcomes, and returns whether it was taken.

        Every other place is taken section by section.
        """
        take = _take_stepwise if start // self.node.geometry.pageblock_nr_pages % 2 else _take_at_once
        outcome = take(self.node, start, end, run, caller)
        verdict = twin_contig.alloc_contig_range(self.twin.memory, start, end, run, caller)
        assert str(outcome.result) == verdict.result
        assert (outcome.step == "isolate") == (verdict.step == "isolate")
        assert outcome.types_lost == verdict.types_lost
        assert (outcome.nr_migrated, outcome.nr_dropped) == (
            self.twin.memory.nr_moved,
            self.twin.memory.nr_dropped,
        )
        if verdict.pfn >= 0:
            assert outcome.obstacle is not None
            assert outcome.obstacle.pfn == verdict.pfn
        return verdict.result == "0"

    @rule(place=NUMBERS, nr_pages=st.integers(1, 80), is_whole=st.booleans(), caller=_CALLERS)
    def take_pages(self, place: int, nr_pages: int, is_whole: bool, caller: Caller) -> None:  # noqa: FBT001 - hypothesis passes by name
        """Pages anywhere, or whole pageblocks, become somebody's."""
        unit = self.node.geometry.pageblock_nr_pages if is_whole else 1
        start = self._place(place, unit)
        end = min(start + nr_pages * unit, self.node.nr_pages)
        if self._take(start, end, Run(PageKind.UNMOVABLE, 0, _TAKEN), caller):
            self.taken.append((start, end))

    @precondition(lambda self: self.taken)
    @rule(which=NUMBERS)
    def free_pages(self, which: int) -> None:
        """Gives such a range back."""
        start, end = self.taken.pop(which % len(self.taken))
        assert contig.free_contig_range(self.node, start, end) == end - start
        for pfn in range(start, end):
            self.twin.memory.free_run(pfn)

    @rule(place=NUMBERS, length=st.integers(0, 3))
    def unplug(self, place: int, length: int) -> None:
        """Pages of one memory block become offline, as virtio-mem's do."""
        start, end = self._range(place, length)
        if self._take(start, end, Run(PageKind.OFFLINE, 0, 0)):
            page_offline.mark_offline(self.node, start, end)
            self.twin.mark_offline(start, end)
            self.unplugged.append((start, end))

    @precondition(lambda self: self.unplugged and not self.isolated)
    @rule(which=NUMBERS, skip=st.integers(0, 2), keep=st.integers(0, 2))
    def plug(self, which: int, skip: int, keep: int) -> None:
        """Gives offline pages to the buddy again, but for some pageblocks at either end."""
        first, last = self.unplugged.pop(which % len(self.unplugged))
        size = self.node.geometry.pageblock_nr_pages
        start = min(first + skip * size, last)
        end = max(last - keep * size, start)
        page_offline.clear_offline(self.node, start, end)
        self.twin.clear_offline(start, end)
        self.unplugged += [left for left in ((first, start), (end, last)) if left[0] < left[1]]

    # ---------------------------------------------------------------------------------- hotplug

    def _block(self, which: int) -> tuple[int, int, int]:
        block = which % self.setup_with.nr_memory_blocks
        return block, block * self.size, (block + 1) * self.size

    def _forget(self, start: int, end: int) -> None:
        """A memory block that goes takes its offline ranges along."""
        self.unplugged = [one for one in self.unplugged if not start <= one[0] < end]

    @rule(which=NUMBERS)
    def add(self, which: int) -> None:
        """An absent memory block is added."""
        block, start, end = self._block(which)
        if block in self.twin.states:
            return
        assert hotplug.add_memory(
            self.node, start, end, numa_node=self.twin.numa_node(block)
        ) == self.twin.add(block)
        self._copy_marks()

    @rule(which=NUMBERS, zone=st.sampled_from([ZoneId.NORMAL, ZoneId.MOVABLE]), holes=st.integers(0, 255))
    def online(self, which: int, zone: ZoneId, holes: int) -> None:
        """An offline memory block goes online; the bits of `holes` are its unplugged pageblocks."""
        block, start, end = self._block(which)
        if self.twin.states.get(block) != "offline":
            return
        size = self.node.geometry.pageblock_nr_pages
        ranges = [
            (pfn, pfn + size) for number, pfn in enumerate(range(start, end, size)) if holes >> number & 1
        ]
        holder = Holder(self.node, ranges)
        found = hotplug.online_pages(self.node, start, end, zone)
        assert holder.actions() == ["going_online", "online"]
        assert found == self.twin.online(block, zone, ranges)
        self.unplugged += ranges
        self._copy_marks()

    @rule(which=NUMBERS)
    def offline(self, which: int) -> None:
        """An online memory block goes offline, if it can."""
        block, start, end = self._block(which)
        if not self.twin.states.get(block, "").startswith("online"):
            return
        holder = Holder(self.node, self.unplugged)
        found = hotplug.offline_pages(self.node, start, end).result
        assert holder.actions()[-1:] in ([], ["offline" if found == "0" else "cancel_offline"])
        assert found == self.twin.offline(block)
        if found == "0":
            self._forget(start, end)
        self._copy_marks()

    @rule(which=NUMBERS)
    def remove(self, which: int) -> None:
        """An offline memory block is removed; any other refuses."""
        block, start, end = self._block(which)
        if block in self.twin.states:
            assert hotplug.remove_memory(self.node, start, end) == self.twin.remove(block)

    @rule(which=NUMBERS)
    def offline_and_remove(self, which: int) -> None:
        """Both at once, as the driver does."""
        block, start, end = self._block(which)
        if block not in self.twin.states:
            return
        holder = Holder(self.node, self.unplugged)
        found = hotplug.offline_and_remove_memory(self.node, start, end).result
        assert len(holder.heard) in (0, 2)
        assert found == self.twin.offline_and_remove(block)
        if found == "0":
            self._forget(start, end)
        self._copy_marks()
