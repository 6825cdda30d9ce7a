"""What the guest's /proc says of memory: buddyinfo, pagetypeinfo, zoneinfo, meminfo and vmstat.

Mirrors the texts of mm/vmstat.c and fs/proc/meminfo.c as Linux 6.1 prints them, built with CMA: columns,
order of lines and rounding, so that parsers of the real files read these.
Kept here: nothing is changed. Used pages are counted anew; free and managed pages are the kernel's counters.
Left out: lines about what the model has not (swap activity, NUMA hits, vmalloc, the direct map).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.mm.gigantic import count_gigantic
from app.mm.kernels import layout, walk
from app.mm.node import Node
from app.mm.page import Migratetype, PageKind, effective_types
from app.mm.policies.switches import HighatomicRule
from app.mm.zone import Zone, ZoneId

# The kernel stops counting a list there, so as not to hold the zone's lock for long.
_LONGEST_COUNTED_LIST = 100_000
# The kernel's spelling, in the order of Migratetype.
_TYPE_NAMES = ("Unmovable", "Movable", "Reclaimable", "HighAtomic", "CMA", "Isolate")
# Only the pages on them are modelled, all as if on the first processor's list.
_PCP_HIGH = 0
_PCP_BATCH = 1
# meminfo's labels take 16 columns, the number fills up to 24.
_LABEL_WIDTH = 16
_NUMBER_END = 24


class PageCounts(NamedTuple):
    """Pages by what they hold, in the words of vmstat."""

    anon: int  # pinned ones too
    anon_huge: int  # those of them that are huge pages
    file: int
    file_dirty: int
    slab_reclaimable: int
    slab_unreclaimable: int  # all other memory of the kernel too: the model does not tell it apart
    hugetlb: int
    hwpoison: int


class MemorySizes(NamedTuple):
    """How much memory there is, could be had without swapping, and holds page cache, in bytes."""

    total: int
    available: int
    cached: int


def buddyinfo(node: Node) -> str:
    """Returns /proc/buddyinfo: free blocks of each order, zone by zone."""
    return "".join(
        buddyinfo_row(zone.name, node.nr_free[zone.index].tolist(), zone.numa_node)
        for zone in _populated(node.zones)
    )


def buddyinfo_row(zone_name: str, nr_free: Sequence[int], numa_node: int = 0) -> str:
    """Returns the line of one zone."""
    return f"Node {numa_node}, zone {zone_name:>8} " + "".join(f"{count:6d} " for count in nr_free) + "\n"


def pagetypeinfo(node: Node) -> str:
    """Returns /proc/pagetypeinfo: free blocks of each type and order, then pageblocks of each type; node by node."""
    return "".join(_pagetypeinfo_of(node, node.zones_of(numa_node)) for numa_node in _memory_nodes(node))


def _pagetypeinfo_of(node: Node, zones: Sequence[Zone]) -> str:
    geometry = node.geometry
    orders = "".join(f"{order:6d} " for order in range(geometry.max_order + 1))
    text = (
        f"Page block order: {geometry.pageblock_order}\nPages per block:  {geometry.pageblock_nr_pages}\n\n"
        f"{'Free pages count per migrate type at order':<43} {orders}\n"
    )
    for zone in _populated(zones):
        for migratetype in Migratetype:
            lengths = _list_lengths(node, zone, migratetype)
            text += pagetypeinfo_row(zone.name, _TYPE_NAMES[migratetype], lengths, zone.numa_node)
    text += f"\n{'Number of blocks type':<23}" + "".join(f"{name:>12} " for name in _TYPE_NAMES) + "\n"
    for zone in _populated(zones):
        text += pageblocks_row(zone.name, _count_pageblocks(node, zone), zone.numa_node)
    return text


def pagetypeinfo_row(zone_name: str, type_name: str, lengths: Sequence[int], numa_node: int = 0) -> str:
    """Returns the line of one zone and type in the upper table; a long list reads ">100000"."""
    counts = "".join(
        f">{_LONGEST_COUNTED_LIST:6d} " if length >= _LONGEST_COUNTED_LIST else f"{length:6d} "
        for length in lengths
    )
    return f"Node {numa_node:4d}, zone {zone_name:>8}, type {type_name:>12} {counts}\n"


def pageblocks_row(zone_name: str, nr_blocks: Sequence[int], numa_node: int = 0) -> str:
    """Returns the line of one zone in the lower table."""
    return f"Node {numa_node}, zone {zone_name:>8} " + "".join(f"{count:12d} " for count in nr_blocks) + "\n"


def _list_lengths(node: Node, zone: Zone, migratetype: Migratetype) -> list[int]:
    nothing = np.empty(0, np.int64)
    return [
        int(walk.list_pfns(node.arrays, int(zone.index), order, int(migratetype), nothing))
        for order in range(node.geometry.max_order + 1)
    ]


def _count_pageblocks(node: Node, zone: Zone) -> list[int]:
    types = effective_types(node.arrays.block_type[node.arrays.block_zone == zone.index + 1])
    return [int(count) for count in np.bincount(types, minlength=layout.NR_TYPES)]


def zoneinfo(node: Node) -> str:
    """Returns /proc/zoneinfo: sizes, watermarks and counters of every zone of every NUMA node, in pages."""
    kinds = _count_kinds(node)
    lines: list[str] = []
    for numa_node in range(node.nr_numa_nodes):
        zones = node.zones_of(numa_node)
        first = next(_populated(zones), None)
        for zone in zones:
            lines.append(f"Node {numa_node}, zone {zone.name:>8}")
            if zone is first:
                counts = _page_counts(kinds[zones[0].index : zones[-1].index + 1])
                lines.append("  per-node stats")
                lines += [f"      {name:<12} {count}" for name, count in _node_stats(node, counts)]
            lines += _zone_lines(node, zone, int(kinds[zone.index, PageKind.PCP]))
    return "\n".join(lines) + "\n"


def _node_stats(node: Node, counts: PageCounts) -> Iterator[tuple[str, int]]:
    # Nothing in the model ages pages, so all of them are where new ones go: on the inactive lists.
    yield "nr_inactive_anon", counts.anon
    yield "nr_active_anon", 0
    yield "nr_inactive_file", counts.file
    yield "nr_active_file", 0
    yield "nr_unevictable", 0
    yield "nr_slab_reclaimable", counts.slab_reclaimable
    yield "nr_slab_unreclaimable", counts.slab_unreclaimable
    yield "nr_isolated_anon", 0
    yield "nr_isolated_file", 0
    yield "nr_anon_pages", counts.anon
    yield "nr_file_pages", counts.file
    yield "nr_dirty", counts.file_dirty
    yield "nr_writeback", 0
    yield "nr_shmem", 0
    yield "nr_anon_transparent_hugepages", counts.anon_huge >> node.geometry.thp_order


def _zone_lines(node: Node, zone: Zone, pcp_count: int) -> Iterator[str]:
    marks = zone.watermarks
    fields = (
        ("boost", 0),
        ("min", marks.min),
        ("low", marks.low),
        ("high", marks.high),
        ("spanned", zone.spanned),
        ("present", zone.present),
        ("managed", zone.managed),
        ("cma", _nr_cma_pages(node, zone)),
    )
    yield f"  pages free     {zone.nr_free}"
    for name, count in fields:
        yield f"        {name:<8} {count}"
    protection = ", ".join(str(zone.lowmem_reserve(other)) for other in ZoneId)
    yield f"        protection: ({protection})"
    if not zone.present:
        return
    yield f"      {'nr_free_pages':<12} {zone.nr_free}"
    yield f"      {'nr_free_cma':<12} {zone.nr_free_cma}"
    yield "  pagesets"
    yield "    cpu: 0"
    for name, count in (("count:", pcp_count), ("high:", _PCP_HIGH), ("batch:", _PCP_BATCH)):
        yield f"              {name:<6} {count}"
    yield "  vm stats threshold: 0"
    yield "  node_unreclaimable:  0"
    yield f"  start_pfn:           {zone.start_pfn}"
    if node.policy.highatomic_rule is HighatomicRule.FREE:
        # Kernels that count what is free of the reserve print both; earlier ones neither.
        yield f"  reserved_highatomic: {zone.nr_reserved_highatomic}"
        yield f"  free_highatomic:     {zone.nr_free_highatomic}"


def _nr_cma_pages(node: Node, zone: Zone) -> int:
    """Returns the pages of a zone's CMA areas, whatever became of their pageblocks (C-12, S39).

    Of a captured machine only the pageblocks are known, not the areas.
    """
    if not node.cma_areas:
        return _count_pageblocks(node, zone)[Migratetype.CMA] << node.geometry.pageblock_order
    areas = node.cma_areas.values()
    return sum(area.nr_pages for area in areas if node.zone_at(area.start_pfn) is zone)


def vmstat(node: Node, events: Mapping[str, int]) -> str:
    """Returns /proc/vmstat: pages by what they are, then `events`, counted since boot, by name."""
    counts = count_pages(node)
    rows = [("nr_free_pages", sum(zone.nr_free for zone in node.zones)), *_node_stats(node, counts)]
    return "".join(f"{name} {count}\n" for name, count in [*rows, *events.items()])


def memory_sizes(node: Node) -> MemorySizes:
    """Returns the three numbers of meminfo that monitors ask for, in bytes. Linear in runs."""
    pages = dict(_meminfo_pages(node, count_pages(node)))
    names = ("MemTotal", "MemAvailable", "Cached")
    return MemorySizes(*(pages[name] * node.geometry.page_size for name in names))


def meminfo(node: Node) -> str:
    """Returns /proc/meminfo: what memory holds, in kB; huge pages as a count."""
    counts = count_pages(node)
    page_kb = node.geometry.page_size // 1024
    huge_order = node.geometry.thp_order
    lines = [meminfo_line(name, pages * page_kb) for name, pages in _meminfo_pages(node, counts)]
    # The pool is that of the default size: gigantic pages have one of their own, and stand in Hugetlb only.
    nr_huge = (counts.hugetlb - count_gigantic(node)) >> huge_order
    pool = (("Total", nr_huge), ("Free", 0), ("Rsvd", 0), ("Surp", 0))
    lines += [meminfo_line(f"HugePages_{name}", count, unit="") for name, count in pool]
    lines.append(meminfo_line("Hugepagesize", page_kb << huge_order))
    lines.append(meminfo_line("Hugetlb", counts.hugetlb * page_kb))
    return "".join(lines)


def meminfo_line(name: str, number: int, *, unit: str = " kB") -> str:
    """Returns one line of meminfo."""
    label = f"{name}:".ljust(_LABEL_WIDTH)
    return f"{label}{number:>{max(_NUMBER_END - len(label), 0)}}{unit}\n"


def _meminfo_pages(node: Node, counts: PageCounts) -> Iterator[tuple[str, int]]:
    yield "MemTotal", sum(zone.managed for zone in node.zones)
    yield "MemFree", sum(zone.nr_free for zone in node.zones)
    yield "MemAvailable", available_pages(node.zones, counts.file, counts.slab_reclaimable)
    yield "Buffers", 0
    yield "Cached", counts.file
    yield "SwapCached", 0
    yield "Active", 0
    yield "Inactive", counts.anon + counts.file
    yield "Active(anon)", 0
    yield "Inactive(anon)", counts.anon
    yield "Active(file)", 0
    yield "Inactive(file)", counts.file
    yield "Unevictable", 0
    yield "Mlocked", 0
    yield "SwapTotal", 0
    yield "SwapFree", 0
    yield "Dirty", counts.file_dirty
    yield "Writeback", 0
    yield "AnonPages", counts.anon
    yield "Shmem", 0
    yield "KReclaimable", counts.slab_reclaimable
    yield "Slab", counts.slab_reclaimable + counts.slab_unreclaimable
    yield "SReclaimable", counts.slab_reclaimable
    yield "SUnreclaim", counts.slab_unreclaimable
    yield "HardwareCorrupted", counts.hwpoison
    yield "AnonHugePages", counts.anon_huge
    yield "CmaTotal", sum(_nr_cma_pages(node, zone) for zone in node.zones)
    yield "CmaFree", sum(zone.nr_free_cma for zone in node.zones)


def available_pages(zones: Sequence[Zone], nr_file: int, nr_slab_reclaimable: int) -> int:
    """Returns what could be had without swapping: free pages above all reserves, and much of the caches."""
    low = sum(zone.watermarks.low for zone in zones)
    kept = sum(map(_kept_pages, zones))
    caches = (nr_file, nr_slab_reclaimable)
    reclaimable = sum(pages - min(pages // 2, low) for pages in caches)
    return max(0, sum(zone.nr_free for zone in zones) - kept + reclaimable)


def _kept_pages(zone: Zone) -> int:
    """Returns what a zone keeps from programs: its high watermark and its largest lowmem reserve."""
    reserve = max(zone.lowmem_reserve(highest) for highest in ZoneId if highest >= zone.id)
    return min(reserve + zone.watermarks.high, zone.managed)


def count_pages(node: Node) -> PageCounts:
    """Counts the pages of online memory by what they hold. Linear in runs."""
    return _page_counts(_count_kinds(node))


def _page_counts(by_zone: NDArray[np.int64]) -> PageCounts:
    kinds: list[int] = by_zone.sum(axis=0).tolist()
    clean, dirty = kinds[PageKind.FILE_CLEAN], kinds[PageKind.FILE_DIRTY]
    return PageCounts(
        anon=kinds[PageKind.ANON] + kinds[PageKind.THP] + kinds[PageKind.PINNED],
        anon_huge=kinds[PageKind.THP],
        file=clean + dirty,
        file_dirty=dirty,
        slab_reclaimable=kinds[PageKind.RECLAIMABLE],
        slab_unreclaimable=kinds[PageKind.UNMOVABLE] + kinds[PageKind.UNMOVABLE_PAGES],
        hugetlb=kinds[PageKind.HUGETLB],
        hwpoison=kinds[PageKind.HWPOISON],
    )


def _count_kinds(node: Node) -> NDArray[np.int64]:
    """Returns pages by zone and kind, int64[zone index, kind]."""
    counts = np.zeros((len(node.zones), layout.NR_KINDS), np.int64)
    walk.count_zone_kinds(node.arrays, counts)
    return counts


def _populated(zones: Iterable[Zone]) -> Iterator[Zone]:
    return (zone for zone in zones if zone.present)


def _memory_nodes(node: Node) -> list[int]:
    """Returns the NUMA nodes that have memory."""
    return sorted({zone.numa_node for zone in _populated(node.zones)})
