"""Zones: spans of a node's pages with their own free lists, counters and watermarks.

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


class Zone:
    """A view of one zone's counters, in pages."""

    __slots__ = ("_stat", "index", "name")

    def __init__(self, stat: NDArray[np.int64], index: ZoneId) -> None:
        """Looks at the row of the node's stat that is zone `index`."""
        self.index = index
        self.name = ZONE_NAMES[index]
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

    def lowmem_reserve(self, highest_zone: int) -> int:
        """Pages kept from requests that could have been served up to `highest_zone`."""
        return int(self._stat[layout.S_RESERVE + highest_zone])
