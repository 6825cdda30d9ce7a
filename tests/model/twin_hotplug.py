"""A naive twin of memory hotplug, and of what virtio-mem does to online pages.

Written from semantics sections 6 and 8.7.
Left out: watermarks, which are read from the node that the twin is compared with.
"""

from collections.abc import Iterable

from app.mm.outcome import Caller
from app.mm.page import PageKind
from tests.model.observed import Observed, Run, ZoneCounters
from tests.model.twin_buddy import (
    HIGHATOMIC,
    ISOLATE,
    ISOLATED_BIT,
    MOVABLE,
    MOVABLE_KINDS,
    ZONES_PER_NODE,
    Memory,
)
from tests.model.twin_contig import place_runs
from tests.model.twin_isolation import Wish, isolate_range, undo_range
from tests.model.twin_migration import migrate_runs
from tests.model.twin_request import alloc_page

MEMMAP_OWNER = -1
NEVER_ONLINED = -2


class Machine:
    """A memory with its memory blocks."""

    def __init__(
        self, memory: Memory, nr_block_pages: int, memmap_nr_pages: int, numa_nodes: tuple[int, ...] = ()
    ) -> None:
        """Starts with every memory block absent; numa_nodes: the node of each, 0 when empty."""
        self.memory = memory
        self.numa_nodes = numa_nodes
        self.size = nr_block_pages
        self.memmap_nr_pages = memmap_nr_pages
        self.states: dict[int, str] = {}
        self.memmaps: dict[int, list[int]] = {}

    def numa_node(self, block: int) -> int:
        """The NUMA node of a memory block."""
        return self.numa_nodes[block] if self.numa_nodes else 0

    def boot(self, block: int, zone: int, types: Iterable[int]) -> None:
        """Boot memory: online from the start; its pageblocks, of any type, are freed one by one."""
        self._put_in_zone(block, zone)
        zone += self.numa_node(block) * ZONES_PER_NODE
        memory = self.memory
        first = memory.block_of(block * self.size)
        for number, migratetype in enumerate(types):
            memory.types[first + number] = migratetype
            if migratetype == HIGHATOMIC:
                memory.zone[zone].nr_reserved_highatomic += memory.nr_block_pages
            pages = memory.pages_of(first + number)
            self._free_fresh(pages.start, pages.stop)

    def add(self, block: int) -> str:
        """HP-1: the memmap comes from the guest's memory, in pages that are no compound."""
        pfns: list[int] = []
        left = self.memmap_nr_pages
        order = self.memory.pageblock_order
        while left:
            order = min(order, left.bit_length() - 1)
            pfn = alloc_page(
                self.memory, PageKind.UNMOVABLE_PAGES, order, MEMMAP_OWNER, numa_node=self.numa_node(block)
            )
            if pfn is not None:
                pfns.append(pfn)
                left -= 1 << order
            elif order:
                order = 0
            else:
                self._free(pfns)
                return "ENOMEM"
        self.memmaps[block] = pfns
        self.states[block] = "offline"
        return "0"

    def online(self, block: int, zone: int, offline_ranges: Iterable[tuple[int, int]]) -> str:
        """HP-4; pages of offline_ranges stay with the device (8.7)."""
        self._put_in_zone(block, zone)
        pfn = block * self.size
        for start, end in offline_ranges:
            self._free_fresh(pfn, start)
            place_runs(self.memory, start, end, Run(PageKind.OFFLINE, 0, NEVER_ONLINED))
            pfn = end
        self._free_fresh(pfn, (block + 1) * self.size)
        return "0"

    def offline(self, block: int) -> str:
        """HP-5, HP-6; a hundred rounds are the simulator's bound."""
        memory = self.memory
        start, end = block * self.size, (block + 1) * self.size
        wish = Wish(Caller.MEMORY_OFFLINE, start, end)
        if isolate_range(memory, start, end, wish) is not None:
            return "EBUSY"
        result = self._empty(start, end)
        if result != "0":
            undo_range(memory, start, end, wish)
            return result
        self._take_out(block)
        return "0"

    def _empty(self, start: int, end: int) -> str:
        """Moves all that is movable; more rounds change nothing, as nothing else happens meanwhile."""
        runs = self.memory.runs
        movable = [pfn for pfn in range(start, end) if pfn in runs and runs[pfn].kind in MOVABLE_KINDS]
        if migrate_runs(self.memory, movable, leaves_node=True) == "ENOMEM":
            return "ENOMEM"
        passed = (PageKind.FREE, PageKind.OFFLINE, PageKind.HWPOISON)
        # A run may begin below: of kernel pages without a head, isolation sees nothing.
        left = [
            run
            for pfn, run in runs.items()
            if pfn < end and start < pfn + (1 << run.order) and run.kind not in passed
        ]
        return "EINTR" if left else "0"

    def _take_out(self, block: int) -> None:
        """Ends the block's membership: HP-8."""
        memory = self.memory
        start, end = block * self.size, (block + 1) * self.size
        zone = memory.zones[memory.block_of(start)]
        counted = memory.zone[zone]
        for pfn in range(start, end):
            run = memory.runs.get(pfn)
            if run is None:
                continue
            if run.kind != PageKind.OFFLINE:
                counted.managed -= 1 << run.order
            if run.kind == PageKind.FREE:
                memory.unlist(pfn)
            else:
                del memory.runs[pfn]
        for number in range(memory.block_of(start), memory.block_of(end)):
            counted.nr_isolate -= memory.block_type(number) == ISOLATE
            memory.isolated.discard(number)
            del memory.types[number], memory.zones[number]
        self.states[block] = "offline"
        counted.present -= self.size
        online = [other for other, state in self.states.items() if state == f"online in {zone}"]
        counted.start_pfn = min(online) * self.size if online else 0
        counted.end_pfn = (max(online) + 1) * self.size if online else 0

    def remove(self, block: int) -> str:
        """HP-9: only offline blocks."""
        if self.states.get(block) != "offline":
            return "EBUSY"
        self._free(self.memmaps.pop(block, []))
        del self.states[block]
        return "0"

    def offline_and_remove(self, block: int) -> str:
        """HP-9, of one block."""
        if self.states.get(block, "").startswith("online"):
            result = self.offline(block)
            if result != "0":
                return result
        return self.remove(block)

    def mark_offline(self, start: int, end: int) -> None:
        """8.7: pages that a contiguous allocation took are managed no longer."""
        self.memory.zone[self.memory.zones[self.memory.block_of(start)]].managed -= end - start

    def clear_offline(self, start: int, end: int) -> None:
        """8.7: fresh pages go to the tail, others are freed as contiguous ranges are, page by page."""
        memory = self.memory
        self._cut_tile(start)
        self._cut_tile(end)
        for first in sorted(pfn for pfn in memory.runs if start <= pfn < end):
            run = memory.runs.pop(first)
            pages = range(first, first + (1 << run.order))
            if run.owner == NEVER_ONLINED:
                self._free_fresh(pages.start, pages.stop)
                continue
            for pfn in pages:
                memory.free(pfn, 0)
            memory.zone[memory.zones[memory.block_of(first)]].managed += len(pages)

    def _cut_tile(self, boundary: int) -> None:
        """An offline range is only tiled: one tile over a boundary becomes smaller ones."""
        found = self.memory.run_over(boundary)
        if found is None or found[0] == boundary:
            return
        first, run = found
        del self.memory.runs[first]
        place_runs(self.memory, first, boundary, run)
        place_runs(self.memory, boundary, first + (1 << run.order), run)

    def _put_in_zone(self, block: int, zone: int) -> None:
        memory, start, end = self.memory, block * self.size, (block + 1) * self.size
        zone += self.numa_node(block) * ZONES_PER_NODE
        for number in range(memory.block_of(start), memory.block_of(end)):
            memory.zones[number] = zone
            memory.types[number] = MOVABLE
        counted = memory.zone[zone]
        counted.start_pfn = min(counted.start_pfn, start) if counted.present else start
        counted.end_pfn = max(counted.end_pfn, end) if counted.present else end
        counted.present += self.size
        self.states[block] = f"online in {zone}"

    def _free_fresh(self, start: int, end: int) -> None:
        """HP-4: ascending, in pieces of order min(H, ctz(pfn)) that fit, at the tail."""
        memory = self.memory
        pfn = start
        while pfn < end:
            order = memory.max_order
            while pfn % (1 << order) or pfn + (1 << order) > end:
                order -= 1
            memory.free(pfn, order, at_tail=True)
            pfn += 1 << order
        if start < end:
            memory.zone[memory.zones[memory.block_of(start)]].managed += end - start

    def _free(self, pfns: list[int]) -> None:
        for pfn in pfns:
            self.memory.free_run(pfn)

    def observe(self) -> Observed:
        """Returns its state as tests.model.observed reads a node's."""
        memory = self.memory
        counters = {
            index: ZoneCounters(*(getattr(zone, name) for name in ZoneCounters._fields))
            for index, zone in memory.zone.items()
        }
        lists = {name: list(pfns) for name, pfns in memory.lists.items() if pfns}
        types = {
            block: kept | ISOLATED_BIT * (block in memory.isolated) for block, kept in memory.types.items()
        }
        return Observed(dict(memory.runs), lists, types, dict(memory.zones), counters, dict(self.states))
