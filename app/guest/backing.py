"""Which memory of a device's region the host had to back, because the guest used it since it was plugged.

Mirrors a host's anonymous backing memory: untouched blocks cost nothing to discard, touched ones do (11.1).
Kept here: a pageblock counts as touched when a page of it was in use, until its device block is unplugged.
Left out: huge page sizes of the host, and what discarding costs (app.guest.cost).
"""

import numpy as np
from numpy.typing import NDArray

from app.mm.node import Node
from app.mm.owned import mark_used
from app.units import align_down
from app.virtio_mem.device import Device


class BackedMemory:
    """One byte for each pageblock of a device's region: 1 = touched since it was plugged."""

    def __init__(self, node: Node, device: Device) -> None:
        """Starts with nothing looked at: a captured guest's device comes with memory in use."""
        geometry = node.geometry
        self._node = node
        self._pageblock_size = geometry.pageblock_size
        self._pageblock_nr_pages = geometry.pageblock_nr_pages
        region = device.region
        self._first = align_down(region.addr, geometry.pageblock_size) // geometry.pageblock_size
        self._touched = np.zeros(-(-region.region_size // geometry.pageblock_size), np.uint8)
        # Memory may have been used since the last look.
        self._is_stale = True

    def fork(self, node: Node, device: Device) -> "BackedMemory":
        """Returns an independent copy for copies of node and device."""
        copy = BackedMemory(node, device)
        copy._touched = self._touched.copy()
        copy._is_stale = self._is_stale
        return copy

    @property
    def nr_touched(self) -> int:
        """How many pageblocks the host backs, as of the last look."""
        return int(np.count_nonzero(self._touched))

    def mark_stale(self) -> None:
        """Says that pages were allocated: they stay in use until somebody frees them, so look before that."""
        self._is_stale = True

    def touch(self, pfns: NDArray[np.int64], nr_pages: int) -> None:
        """Marks the runs of nr_pages at `pfns`, which were in use: who frees a few pages need not look at all."""
        firsts = pfns // self._pageblock_nr_pages - self._first
        for step in range(-(-nr_pages // self._pageblock_nr_pages)):
            blocks = firsts + step
            self._touched[blocks[(blocks >= 0) & (blocks < len(self._touched))]] = 1

    def look(self) -> None:
        """Marks what is in use now, if anything may have been used since. Linear in the region's runs."""
        if not self._is_stale:
            return
        self._is_stale = False
        end = min(self._first + len(self._touched), self._node.nr_pages // self._pageblock_nr_pages)
        mark_used(self._node, self._first, end, self._touched)

    def discard(self, addr: int, size: int) -> int:
        """Forgets touched memory of a range that was unplugged; returns its bytes.

        A pageblock goes with the device block that it begins in.
        """
        first = -(-addr // self._pageblock_size) - self._first
        touched = self._touched[max(first, 0) : -(-(addr + size) // self._pageblock_size) - self._first]
        nr_touched = int(np.count_nonzero(touched))
        if nr_touched:
            touched[:] = 0
        return nr_touched * self._pageblock_size

    def state(self) -> tuple[bytes, bool]:
        """Returns all that decides what a discard will cost, for a digest."""
        return self._touched.tobytes(), self._is_stale
