"""Whose a page is, in words: the allocation with its label, a memory block's memmap, a CMA area, a taken range, boot.

Kept here: the numbers that mm writes as owners are read in one place; ages are counted by the guest's clock.
Left out: what would make an owner let go (app.guest.why.remedies).
"""

from dataclasses import dataclass
from enum import StrEnum

from app.guest.boot import BOOT_OWNER
from app.guest.pages import Pages
from app.mm.checks.ownership import placed_owner
from app.mm.cma_area import CMA_OWNER
from app.mm.gigantic import gigantic_owner
from app.mm.memmap import MEMMAP_OWNER
from app.mm.node import Node
from app.mm.obstacles import Blocker
from app.mm.page import PageKind

_NS_PER_US = 1000
_KERNEL_KINDS = (PageKind.UNMOVABLE, PageKind.UNMOVABLE_PAGES, PageKind.RECLAIMABLE)


class OwnerType(StrEnum):
    """What sort of owner a page has."""

    ALLOCATION = "allocation"  # of a workload, of a caller, or of a capture
    GIGANTIC = "gigantic_page"  # an allocation of hugetlb pages larger than a chunk
    MEMMAP = "memmap"  # the struct pages of a memory block
    CMA = "cma_area"
    RANGE = "contig_range"  # taken with alloc_contig_range
    VIRTIO_MEM = "virtio_mem"  # unplugged already
    BOOT = "boot"  # reserved, or used, since boot
    KERNEL = "kernel"  # its own memory, of which a capture does not say who asked for it
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Owner:
    """Who has a page.

    label: the allocation's, or the area's name. number: the allocation's id, or the memory block whose memmap it is.
    since_ns: when it was taken; None where nobody knows.
    """

    type: OwnerType
    label: str = ""
    number: int | None = None
    since_ns: int | None = None

    def age_us(self, now_ns: int) -> int | None:
        """Returns for how long it has had the page."""
        return None if self.since_ns is None else (now_ns - self.since_ns) // _NS_PER_US


class Owners:
    """Names the owners of one guest's pages, as they are now."""

    def __init__(self, node: Node, pages: Pages) -> None:
        """Looks at who has what. Linear in allocations and memmaps."""
        self._node = node
        self._pages = pages
        self._allocations = {row.id: row for row in pages.allocations}
        self._memmaps = {pfn: block for block, pfns in node.memmaps.items() for pfn in pfns}

    def of(self, run: Blocker) -> Owner:
        """Returns whose a run is."""
        if run.kind is PageKind.OFFLINE:
            return Owner(OwnerType.VIRTIO_MEM)
        if run.owner > 0:
            return self._holder(run)
        if run.owner == MEMMAP_OWNER:
            return self._memmap(run.pfn)
        if run.owner <= CMA_OWNER:
            return self._area(run)
        is_of_boot = run.kind is PageKind.RESERVED or run.owner == BOOT_OWNER
        if is_of_boot:
            return Owner(OwnerType.BOOT)
        return Owner(OwnerType.KERNEL if run.kind in _KERNEL_KINDS else OwnerType.UNKNOWN)

    def _holder(self, run: Blocker) -> Owner:
        """Returns who asked for a run by a call of his own."""
        row = self._allocations.get(run.owner & ~gigantic_owner(0) & ~placed_owner(0))
        if row is not None:
            is_gigantic = run.owner == gigantic_owner(row.id)
            sort = OwnerType.GIGANTIC if is_gigantic else OwnerType.ALLOCATION
            return Owner(sort, row.label, row.id, row.since_ns)
        for taken in self._pages.taken:
            if taken.start_pfn <= run.pfn < taken.end_pfn:
                return Owner(OwnerType.RANGE, f"[{taken.start_pfn}, {taken.end_pfn})", None, taken.since_ns)
        return Owner(OwnerType.UNKNOWN)

    def _memmap(self, pfn: int) -> Owner:
        block = self._memmaps.get(pfn)
        since_ns = None if block is None else self._node.memmap_since_ns.get(block)
        return Owner(OwnerType.MEMMAP, "", block, since_ns)

    def _area(self, run: Blocker) -> Owner:
        area = next(area for area in self._node.cma_areas.values() if area.owner == run.owner)
        return Owner(OwnerType.CMA, area.name, None, self._pages.cma.since_ns(run.pfn))
