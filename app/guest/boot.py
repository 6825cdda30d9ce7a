"""A guest's boot memory: one zone Normal from pfn 0, of which the memmap takes its share.

    0          memmap                                              boot_size
    | reserved |  free ..........| CMA area |  free ..................|

Differs from Linux: no DMA and DMA32 zones, no kernel image, no hole below 4 GiB, because no question about
hotplugged memory depends on them.
Left out: devices (app.guest.guest attaches them).
"""

from app.errors import InvalidValue
from app.guest.spec import GuestPlan
from app.mm import cma, hotplug
from app.mm.node import Node
from app.mm.page import PageKind
from app.mm.zone import ZoneId
from app.trace.sink import Sink


def boot_node(plan: GuestPlan, sink: Sink) -> Node:
    """Returns a node with its boot memory online and free, but for the memmap's share; its CMA areas are active.

    Raises InvalidValue when an area would lie in the memmap.
    """
    geometry = plan.geometry
    node = Node(geometry, plan.policy, nr_pages=plan.nr_pages, sink=sink)
    end_pfn = plan.spec.boot_size // geometry.page_size
    hotplug.boot_memory(node, 0, end_pfn, ZoneId.NORMAL)
    nr_reserved = hotplug.memmap_nr_pages(node) * (end_pfn // geometry.memory_block_nr_pages)
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
    node.recompute_watermarks()
    return node


def _set_free(node: Node, start_pfn: int, end_pfn: int) -> None:
    if start_pfn < end_pfn:
        node.set_free(start_pfn, end_pfn)


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
