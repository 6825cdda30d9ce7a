"""Zones: spans of a NUMA node's pages with their own free lists, counters and watermarks.

Mirrors struct zone (include/linux/mmzone.h). A Zone only names and reads what the node's arrays hold.
Left out: free lists (app.mm.kernels.buddy), who changes which counter (app.mm.hotplug).
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from app.mm.kernels import layout
from app.mm.watermark import Watermarks


class ZoneId(IntEnum):
    """Zones in the kernel's order: a request falls back from its highest one downwards."""

    DMA = 0
    DMA32 = 1
    NORMAL = 2
    MOVABLE = 3


ZONE_NAMES = ("DMA", "DMA32", "Normal", "Movable")


def zone_index(numa_node: int, zone: ZoneId) -> int:
    """Returns where a NUMA node's zone stands among all zones."""
    return numa_node * layout.ZONES_PER_NODE + zone


def zone_label(index: int) -> str:
    """Names a zone by its index: "zone Normal", and elsewhere than on NUMA node 0 "zone Normal of node 1"."""
    numa_node, zone = divmod(index, layout.ZONES_PER_NODE)
    return f"zone {ZONE_NAMES[zone]} of node {numa_node}" if numa_node else f"zone {ZONE_NAMES[zone]}"


def zonelist(highest: ZoneId, numa_node: int) -> int:
    """Returns where a request looks, as kernels take it: `highest` and below, of `numa_node` and then of all (B-10)."""
    return (numa_node << layout.ZONELIST_SHIFT) | zone_index(numa_node, highest)


class Zone:
    """A view of one zone's counters, in pages."""

    __slots__ = ("_stat", "id", "index", "name", "numa_node")

    def __init__(self, stat: NDArray[np.int64], index: int) -> None:
        """Looks at the row of stat that is zone `index`: zone `id` of `numa_node`."""
        numa_node, zone = divmod(index, layout.ZONES_PER_NODE)
        self.index = index
        self.numa_node = numa_node
        self.id = ZoneId(zone)
        self.name = ZONE_NAMES[zone]
        self._stat = stat

    @property
    def nr_free(self) -> int:
        """Free pages as the kernel counts them: NR_FREE_PAGES, without isolated ones."""
        return int(self._stat[layout.S_NR_FREE])

    @property
    def nr_free_cma(self) -> int:
        """Free pages of CMA pageblocks."""
        return int(self._stat[layout.S_NR_FREE_CMA])

    @property
    def nr_reserved_highatomic(self) -> int:
        """Pages that the HIGHATOMIC reserve counts (B-22)."""
        return int(self._stat[layout.S_NR_RESERVED_HIGHATOMIC])

    @property
    def nr_free_highatomic(self) -> int:
        """Free pages of HIGHATOMIC pageblocks, as kernels since 6.12 count them (B-8)."""
        return int(self._stat[layout.S_NR_FREE_HIGHATOMIC])

    @property
    def managed(self) -> int:
        """Present pages that the buddy was ever given: without reserved and unplugged ones."""
        return int(self._stat[layout.S_MANAGED])

    @property
    def present(self) -> int:
        """Pages of online memory."""
        return int(self._stat[layout.S_PRESENT])

    @property
    def start_pfn(self) -> int:
        """First page of the span; 0 when the zone is empty."""
        return int(self._stat[layout.S_START_PFN])

    @property
    def end_pfn(self) -> int:
        """First page after the span."""
        return int(self._stat[layout.S_END_PFN])

    @property
    def spanned(self) -> int:
        """Pages from the first to the last one, holes included."""
        return self.end_pfn - self.start_pfn

    @property
    def nr_isolate(self) -> int:
        """Isolated pageblocks."""
        return int(self._stat[layout.S_NR_ISOLATE])

    @property
    def watermarks(self) -> Watermarks:
        """The zone's min, low and high."""
        low = layout.S_WMARK_MIN
        return Watermarks(*(int(mark) for mark in self._stat[low : low + 3]))

    @property
    def label(self) -> str:
        """The zone in words, for messages."""
        return zone_label(self.index)

    def lowmem_reserve(self, highest: ZoneId) -> int:
        """Pages kept from requests that could have been served by zone `highest` of the node or below."""
        return int(self._stat[layout.S_RESERVE + highest])
