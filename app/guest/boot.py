"""A guest's boot memory from pfn 0, of which the memmap takes its share; on x86-64 it is zone DMA32 below 4 GiB.

    0          memmap, boot_reserved                 4 GiB                     boot_size
    | reserved | used | free | CMA area |  free .....|  free .................|
    | zone DMA32                                     | zone Normal            | devices: Normal or Movable

The memmap is that of whole memory blocks, whether boot memory fills the last one or not.
Where boot memory ends below 4 GiB, zone Normal is the devices' alone: the kernel's pages and memmaps prefer it.
Differs from Linux: no zone DMA, no hole below 4 GiB, because no question about hotplugged memory depends on them; a
kernel image only as a number of bytes.
Left out: devices (app.guest.guest attaches them).
"""

from enum import StrEnum

from app.errors import InvalidValue
from app.guest.spec import GuestPlan
from app.mm import cma, hotplug, memmap
from app.mm.node import Node
from app.mm.page import PageKind
from app.mm.zone import ZoneId
from app.trace.sink import Sink
from app.units import is_aligned

# Owner of what kernel and programs use since boot.
BOOT_OWNER = -3


class RebootKind(StrEnum):
    """How a guest is booted anew."""

    # As a power button does: devices unplug everything.
    SYSTEM_RESET = "system_reset"
    # Into another kernel, without firmware: devices keep what is plugged, and the new driver gives it back (D-5).
    KEXEC = "kexec"


def boot_node(plan: GuestPlan, sink: Sink) -> Node:
    """Returns a node with its boot memory online and free, but for the memmap's share; its CMA areas are active.

    Raises InvalidValue when an area would lie in the memmap.
    """
    geometry = plan.geometry
    node = Node(geometry, plan.policy, nr_pages=plan.nr_pages, sink=sink)
    end_pfn = plan.spec.boot_size // geometry.page_size
    _put_in_zones(node, end_pfn)
    node.hotplug_rules = plan.rules
    nr_reserved = _nr_reserved(node, plan)
    node.set_kind(0, nr_reserved, PageKind.RESERVED)
    _declare_areas(node, plan, nr_reserved)
    pfn = nr_reserved
    for area in sorted(node.cma_areas.values(), key=lambda area: area.start_pfn):
        _set_free(node, pfn, area.start_pfn)
        node.set_kind(area.start_pfn, area.end_pfn, PageKind.RESERVED)
        pfn = area.end_pfn
    _set_free(node, pfn, end_pfn)
    for area in node.cma_areas.values():
        cma.activate_area(node, area)
    _take_used(node, plan)
    node.recompute_watermarks()
    return node


def _nr_reserved(node: Node, plan: GuestPlan) -> int:
    """Returns the pages that the buddy never gets: memmap, of whole memory blocks, and what else the kernel keeps.

    Raises InvalidValue when that leaves less than a pageblock.
    """
    geometry, spec = plan.geometry, plan.spec
    nr_memmap = memmap.memmap_nr_pages(node) * -(-spec.boot_size // geometry.memory_block_size)
    left = spec.boot_size - nr_memmap * geometry.page_size
    if left < geometry.pageblock_size:
        smallest = spec.boot_size - left + geometry.pageblock_size
        raise InvalidValue("boot_size", spec.boot_size, f"at least {smallest}: a pageblock beside the memmap")
    largest = left - geometry.pageblock_size
    if not (0 <= spec.boot_reserved <= largest and is_aligned(spec.boot_reserved, geometry.page_size)):
        accepted = f"a multiple of the page size ({geometry.page_size}), at most {largest}"
        raise InvalidValue("boot_reserved", spec.boot_reserved, accepted)
    return nr_memmap + spec.boot_reserved // geometry.page_size


def _take_used(node: Node, plan: GuestPlan) -> None:
    """Takes what kernel and programs use after boot, in single pages that do not move.

    Raises InvalidValue when there is not as much.
    """
    used, page_size = plan.spec.boot_used, plan.geometry.page_size
    if not used:
        return
    free = sum(zone.nr_free - zone.nr_free_cma for zone in node.zones) * page_size
    if not (0 <= used < free and is_aligned(used, page_size)):
        accepted = f"a multiple of the page size ({page_size}) below {free}, which is free"
        raise InvalidValue("boot_used", used, accepted)
    nr_pages = used // page_size
    got = node.alloc_pages(PageKind.UNMOVABLE, 0, nr_pages, owner=BOOT_OWNER)
    assert got == nr_pages, f"{got} of {nr_pages} pages that are free"


def _put_in_zones(node: Node, end_pfn: int) -> None:
    border = min(node.geometry.dma32_end // node.geometry.page_size, end_pfn)
    if border:
        hotplug.boot_memory(node, 0, border, ZoneId.DMA32)
    if border < end_pfn:
        hotplug.boot_memory(node, border, end_pfn, ZoneId.NORMAL)


def _set_free(node: Node, start_pfn: int, end_pfn: int) -> None:
    border = node.geometry.dma32_end // node.geometry.page_size
    for start, end in ((start_pfn, min(border, end_pfn)), (max(border, start_pfn), end_pfn)):
        if start < end:
            node.set_free(start, end)


def _declare_areas(node: Node, plan: GuestPlan, nr_reserved: int) -> None:
    page_size = plan.geometry.page_size
    for number, area in enumerate(plan.cma_areas):
        start_pfn = area.base // page_size
        if start_pfn < nr_reserved:
            lowest = nr_reserved * page_size
            raise InvalidValue(
                f"cma_areas[{number}].base", area.base, f"at least {lowest}: the memmap lies below"
            )
        cma.declare_area(node, area.name, start_pfn, area.end // page_size, order_per_bit=area.order_per_bit)
