"""A guest's boot memory: one zone Normal from pfn 0, of which the memmap takes its share.

    0          memmap                                   boot_size
    | reserved |  free ....................................|

Differs from Linux: no DMA and DMA32 zones, no kernel image, no hole below 4 GiB, because no question about
hotplugged memory depends on them.
Left out: devices (app.guest.guest attaches them).
"""

from app.guest.spec import GuestPlan
from app.mm import hotplug
from app.mm.node import Node
from app.mm.page import PageKind
from app.mm.zone import ZoneId
from app.trace.sink import Sink


def boot_node(plan: GuestPlan, sink: Sink) -> Node:
    """Returns a node with its boot memory online and free, but for the memmap's share."""
    geometry = plan.geometry
    node = Node(geometry, plan.policy, nr_pages=plan.nr_pages, sink=sink)
    end_pfn = plan.spec.boot_size // geometry.page_size
    hotplug.boot_memory(node, 0, end_pfn, ZoneId.NORMAL)
    nr_reserved = hotplug.memmap_nr_pages(node) * (end_pfn // geometry.memory_block_nr_pages)
    node.set_kind(0, nr_reserved, PageKind.RESERVED)
    node.set_free(nr_reserved, end_pfn)
    node.recompute_watermarks()
    return node
