"""The memory of a machine, all NUMA nodes of it: pages, zones, memory blocks, watermarks, and plain allocations.

Mirrors pglist_data and alloc_pages()/free_pages() of mm/page_alloc.c (B-10, B-19).
Invariants kept here: INV-8, INV-29.
Left out: contiguous ranges (app.mm.contig), hotplug (app.mm.hotplug).
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from app.mm.cma_area import CmaArea
from app.mm.geometry import Geometry
from app.mm.hotplug_rules import HotplugRules
from app.mm.kernels import allocation, buddy, contig, highatomic, layout, walk, watermark
from app.mm.kernels.migrate import NR_TALLY
from app.mm.memory_block import MemoryBlocks
from app.mm.notifier import ListenerChain
from app.mm.page import LARGEST_NR_PAGES, Migratetype, PageKind, Request, kept_types, map_node_arrays
from app.mm.policies.policy import KernelPolicy
from app.mm.policies.quantities import validate_together
from app.mm.watermark import MinFree
from app.mm.zone import Zone, ZoneId, zone_index, zonelist
from app.trace.sink import NullSink, Sink, Timed, Timeless
from app.units import align_down, align_up

LARGEST_NR_NUMA_NODES = 8
# Kinds whose allocations may use ZONE_MOVABLE (B-10).
_MOVABLE_KINDS = frozenset(
    {
        PageKind.ANON,
        PageKind.FILE_CLEAN,
        PageKind.FILE_DIRTY,
        PageKind.THP,
        PageKind.HUGETLB,
        PageKind.PINNED,
        PageKind.MOVABLE_OPS,
    }
)


class Node:
    """All memory of a machine. Pages are named by pfn, from 0 up to the end of the last region that may ever hold some.

    Which NUMA node a memory block belongs to is said when it is added; `zones` has four zones for each node in turn.
    """

    def __init__(
        self,
        geometry: Geometry,
        policy: KernelPolicy,
        *,
        nr_pages: int,
        nr_numa_nodes: int = 1,
        min_free: MinFree | None = None,
        sink: Sink | None = None,
    ) -> None:
        """Makes a machine without memory for pfns below nr_pages.

        Raises InvalidValue when the policy's switches do not go together, or not with the geometry.
        """
        policy.validate()
        validate_together(geometry, policy)
        unit = max(geometry.memory_block_nr_pages, geometry.chunk_nr_pages)
        self.nr_pages = align_up(nr_pages, unit)
        assert self.nr_pages <= LARGEST_NR_PAGES, f"{self.nr_pages} pages do not fit int32 links"
        self.geometry = geometry
        self.policy = policy
        assert 1 <= nr_numa_nodes <= LARGEST_NR_NUMA_NODES, f"{nr_numa_nodes} NUMA nodes"
        self.nr_numa_nodes = nr_numa_nodes
        self.arrays = map_node_arrays(self.nr_pages, geometry, policy, nr_numa_nodes=nr_numa_nodes)
        # Views by zone: stat[zone, layout.S_...], nr_free[zone, order].
        self.stat = self.arrays.stat.reshape(-1, layout.NR_COLUMNS)
        self.nr_free = self.arrays.nr_free.reshape(-1, layout.NR_COLUMNS)[:, : geometry.max_order + 1]
        self.zones = [Zone(row, index) for index, row in enumerate(self.stat)]
        self.memory_blocks = MemoryBlocks(self.nr_pages // geometry.memory_block_nr_pages)
        self.hotplug_rules = HotplugRules()
        self.listeners = ListenerChain()
        # Ranges of OFFLINE pages on which nobody holds a reference, inside an offlining only (HP-7).
        self.released: list[tuple[int, int]] = []
        self.min_free = min_free or MinFree()
        self.sink: Sink = sink or NullSink()
        # Pages on per-cpu lists; they come from captures only (B-21, capacity 0 otherwise).
        self.pcp_pfns: NDArray[np.int64] = np.empty(0, np.int64)
        # memory block id -> the runs (first pfn) that hold its memmap
        self.memmaps: dict[int, list[int]] = {}
        # ... -> when it was taken, by the clock of whoever has one
        self.memmap_since_ns: dict[int, int] = {}
        self.clock: Timed = Timeless()
        # CMA areas by name, in the order of their numbers; and the locks that operations hold (C-10)
        self.cma_areas: dict[str, CmaArea] = {}
        self.locks: set[str] = set()
        # Pages of clean page cache that contiguous allocations dropped instead of moving, ever.
        self.nr_dropped = 0
        # What migration adds up during one operation.
        self.tally = np.zeros(NR_TALLY, np.int64)

    def become(self, fresh: "Node") -> None:
        """Takes everything of a node that was made for the same machine, which nobody may use any more.

        Whoever holds this node has the machine's memory as it is after power-on; listeners are gone.
        """
        assert fresh.nr_pages == self.nr_pages, "another machine's memory"
        vars(self).update(vars(fresh) | {"clock": self.clock})

    def kind_of(self, pfn: int) -> PageKind:
        """Returns the kind of the run that holds `pfn`; NONE where no memory is online."""
        first = int(layout.covering_head(self.arrays, pfn)) if 0 <= pfn < self.nr_pages else -1
        return PageKind.NONE if first < 0 else PageKind(int(layout.head_at(self.arrays, first)) & 15)

    def zone_at(self, pfn: int) -> Zone | None:
        """Returns the zone in which `pfn` is online, or None."""
        zone = int(self.arrays.block_zone[pfn >> self.geometry.pageblock_order]) - 1
        return None if zone < 0 else self.zones[zone]

    def zones_of(self, numa_node: int) -> list[Zone]:
        """Returns the zones of a NUMA node, in the kernel's order."""
        first = zone_index(numa_node, ZoneId.DMA)
        return self.zones[first : first + layout.ZONES_PER_NODE]

    def pageblock_zones(self) -> NDArray[np.int8]:
        """Returns the index of the zone of every pageblock, -1 where no memory is online."""
        return self.arrays.block_zone.astype(np.int8) - np.int8(1)

    def is_one_zone(self, start_pfn: int, end_pfn: int) -> bool:
        """Returns whether [start_pfn, end_pfn) is online, and all in one zone."""
        order = self.geometry.pageblock_order
        if not 0 <= start_pfn < end_pfn <= self.nr_pages:
            return False
        zones = self.arrays.block_zone[start_pfn >> order : ((end_pfn - 1) >> order) + 1]
        return bool(zones[0]) and bool((zones == zones[0]).all())

    def has_type(self, start_pfn: int, end_pfn: int, migratetype: Migratetype) -> bool:
        """Returns whether a pageblock of [start_pfn, end_pfn) has a type, isolated or not."""
        order = self.geometry.pageblock_order
        types = kept_types(self.arrays.block_type[start_pfn >> order : ((end_pfn - 1) >> order) + 1])
        return bool((types == migratetype).any())

    def is_all(self, start_pfn: int, end_pfn: int, kind: PageKind) -> bool:
        """Returns whether every page of [start_pfn, end_pfn) is of `kind`. Linear in runs."""
        return bool(walk.is_all(self.arrays, start_pfn, end_pfn, int(kind)))

    def alloc_pages(
        self,
        kind: PageKind,
        order: int,
        count: int,
        *,
        owner: int,
        request: Request = Request.NONE,
        numa_node: int = 0,
    ) -> int:
        """Allocates `count` runs of 2**order pages for `owner`; returns how many there was room for.

        numa_node: where they are preferred; others serve when it cannot.
        """
        zones, head = zonelist_of(kind, numa_node), kind | (order << 4)
        return int(allocation.alloc_pages(self.arrays, head, count, owner, zones, int(request)))

    def alloc_page(
        self, kind: PageKind, order: int, owner: int, request: Request = Request.NONE, *, numa_node: int = 0
    ) -> int:
        """Allocates one run as alloc_pages() does; returns its first pfn, or -1 when there is no room."""
        zones, head = zonelist_of(kind, numa_node), kind | (order << 4)
        return int(allocation.alloc_page(self.arrays, head, owner, zones, int(request)))

    def unreserve_highatomic(self, migratetype: Migratetype, *, is_forced: bool) -> bool:
        """Gives a pageblock of the HIGHATOMIC reserve to requests of a type; returns whether there was one (B-23).

        Unless forced, each zone keeps one pageblock. Allocations do so by themselves when memory is short.
        """
        highest = ZoneId.MOVABLE if migratetype is Migratetype.MOVABLE else ZoneId.NORMAL
        zones = zonelist(highest, numa_node=0)
        return bool(highatomic.unreserve(self.arrays, zones, int(migratetype), int(is_forced)))

    def alloc_at(self, pfn: int, order: int, kind: PageKind, *, owner: int) -> bool:
        """Allocates exactly [pfn, pfn + 2**order) if all of it is free; returns whether it was."""
        zone = self.zone_at(pfn) if 0 <= pfn < self.nr_pages else None
        if zone is None or not allocation.take_free_at(self.arrays, int(zone.index), pfn, order):
            return False
        layout.set_head(self.arrays, pfn, int(kind), order)
        layout.set_owner(self.arrays, pfn, owner)
        return True

    def owned_pfns(self, owner: int) -> NDArray[np.int64]:
        """Returns the first pfn of every run of `owner`, ascending. Linear in the node's runs."""
        pfns = np.empty(0, np.int64)
        count = int(walk.collect_owned(self.arrays, 0, self.nr_pages, owner, pfns))
        if count:
            pfns = np.empty(count, np.int64)
            walk.collect_owned(self.arrays, 0, self.nr_pages, owner, pfns)
        return pfns

    def free_runs(self, pfns: NDArray[np.int64]) -> int:
        """Frees the used runs that start at `pfns`, in that order; returns their pages."""
        return int(walk.free_runs(self.arrays, pfns))

    def drain_pcp(self) -> int:
        """Gives every page on a per-cpu list back to the buddy; returns how many (B-21)."""
        drained = self.free_runs(self.pcp_pfns) if self.pcp_pfns.size else 0
        self.pcp_pfns = self.pcp_pfns[:0]
        return drained

    def adjust_managed(self, pfn: int, nr_pages: int) -> None:
        """Adds nr_pages, which may be negative, to what the zone of `pfn` manages (HP-8)."""
        zone = self.zone_at(pfn)
        assert zone is not None, f"pfn {pfn} is in no zone"
        self.stat[zone.index, layout.S_MANAGED] += nr_pages

    def set_free(self, start_pfn: int, end_pfn: int) -> None:
        """Gives fresh pages to the buddy at the tails of its lists; managed grows with them (HP-4)."""
        size = self.geometry.phys_contig_nr_pages
        if size == self.geometry.chunk_nr_pages:
            buddy.free_at_tail(self.arrays, start_pfn, end_pfn)
        else:
            # G-8: no piece that is handed over reaches over a section.
            edges = [start_pfn, *range(align_down(start_pfn, size) + size, end_pfn, size), end_pfn]
            for first, end in pairwise(edges):
                buddy.free_at_tail(self.arrays, first, end)
        self.adjust_managed(start_pfn, end_pfn - start_pfn)

    def set_kind(self, start_pfn: int, end_pfn: int, kind: PageKind, *, largest_order: int = 15) -> None:
        """Declares pages that the buddy never had: reserved, offline, or as a capture found them."""
        contig.tile(self.arrays, start_pfn, end_pfn, int(kind), largest_order)

    def put_in_zone(self, start_pfn: int, end_pfn: int, zone: ZoneId) -> None:
        """Makes whole pageblocks part of a zone of their NUMA node, MOVABLE ones; span and present grow (HP-4)."""
        order = self.geometry.pageblock_order
        numa_node = self.memory_blocks.numa_node(start_pfn // self.geometry.memory_block_nr_pages)
        index = zone_index(numa_node, zone)
        self.arrays.block_zone[start_pfn >> order : end_pfn >> order] = index + 1
        self.arrays.block_type[start_pfn >> order : end_pfn >> order] = Migratetype.MOVABLE
        stat = self.stat[index]
        if not stat[layout.S_PRESENT]:
            stat[layout.S_START_PFN], stat[layout.S_END_PFN] = start_pfn, end_pfn
        stat[layout.S_START_PFN] = min(int(stat[layout.S_START_PFN]), start_pfn)
        stat[layout.S_END_PFN] = max(int(stat[layout.S_END_PFN]), end_pfn)
        stat[layout.S_PRESENT] += end_pfn - start_pfn

    def recompute_watermarks(self) -> None:
        """Sets watermarks and lowmem reserves anew from what the zones manage (B-19)."""
        rule, movable_shares = self.min_free, self.policy.movable_shares_min_free
        watermark.recompute(
            self.arrays,
            rule.user_kbytes,
            int(rule.has_huge_pages),
            rule.scale_factor,
            int(movable_shares),
            self.geometry.page_size // 1024,
        )


def zonelist_of(kind: PageKind, numa_node: int) -> int:
    """Returns where an allocation of this kind looks for pages, preferring a NUMA node (B-10)."""
    return zonelist(ZoneId.MOVABLE if kind in _MOVABLE_KINDS else ZoneId.NORMAL, numa_node)
