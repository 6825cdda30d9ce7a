"""A guest's boot memory from pfn 0, of which the memmap takes its share; on x86-64 it is zone DMA32 below 4 GiB.

NUMA nodes lie one after the other, each with its own memmap at its start.

    0          memmap, boot_reserved                 4 GiB                     boot_size
    | reserved | used | free | CMA area |  free .....|  free .................|
    | zone DMA32                                     | zone Normal            | devices: Normal or Movable

The memmap is that of whole memory blocks, whether boot memory fills the last one or not.
Where boot memory ends below 4 GiB, zone Normal is the devices' alone: the kernel's pages and memmaps prefer it.
Differs from Linux: no zone DMA, no hole below 4 GiB, because no question about hotplugged memory depends on them; a
kernel image only as a number of bytes.
Left out: devices (app.guest.guest attaches them).
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from app.errors import InvalidValue
from app.guest.spec import GuestPlan
from app.mm import cma, hotplug, memmap
from app.mm.geometry import Geometry
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
    node = Node(geometry, plan.policy, nr_pages=plan.nr_pages, nr_numa_nodes=len(plan.numa_nodes), sink=sink)
    spans = _spans(plan)
    for span in spans:
        hotplug.boot_memory(node, span.start_pfn, span.end_pfn, span.zone, numa_node=span.numa_node)
    node.hotplug_rules = plan.rules
    held = _reserved(node, plan)
    _declare_areas(node, plan, held)
    held += [(area.start_pfn, area.end_pfn) for area in node.cma_areas.values()]
    pfn = 0
    for start_pfn, end_pfn in sorted(held):
        _set_free(node, spans, pfn, start_pfn)
        node.set_kind(start_pfn, end_pfn, PageKind.RESERVED)
        pfn = end_pfn
    _set_free(node, spans, pfn, spans[-1].end_pfn)
    for area in node.cma_areas.values():
        cma.activate_area(node, area)
    _take_used(node, plan)
    node.recompute_watermarks()
    return node


class _Span(NamedTuple):
    """Boot memory of one zone, [start_pfn, end_pfn)."""

    start_pfn: int
    end_pfn: int
    zone: ZoneId
    numa_node: int


def _spans(plan: GuestPlan) -> list[_Span]:
    """Returns the zones of boot memory, ascending."""
    page_size = plan.geometry.page_size
    border = plan.geometry.dma32_end // page_size
    spans: list[_Span] = []
    first = 0
    for numa_node, size in enumerate(plan.numa_nodes):
        end = first + size // page_size
        spans.append(_Span(first, min(border, end), ZoneId.DMA32, numa_node))
        spans.append(_Span(max(border, first), end, ZoneId.NORMAL, numa_node))
        first = end
    return [span for span in spans if span.start_pfn < span.end_pfn]


def _reserved(node: Node, plan: GuestPlan) -> list[tuple[int, int]]:
    """Returns the ranges that the buddy never gets: memmap, of whole memory blocks, and what else the kernel keeps.

    Raises InvalidValue when that leaves a NUMA node no page.
    """
    geometry = plan.geometry
    ranges: list[tuple[int, int]] = []
    kept, start = plan.spec.boot_reserved, 0
    for numa_node, size in enumerate(plan.numa_nodes):
        if not size:
            continue
        nr_memmap = memmap.memmap_nr_pages(node) * -(-size // geometry.memory_block_size)
        left = size - nr_memmap * geometry.page_size
        if left < geometry.page_size:
            field = f"numa_nodes[{numa_node}]" if node.nr_numa_nodes > 1 else "boot_size"
            smallest = size - left + geometry.page_size
            raise InvalidValue(field, size, f"at least {smallest}: a page beside the memmap")
        _require_kept(kept, geometry, largest=left - geometry.page_size)
        first = start // geometry.page_size
        ranges.append((first, first + nr_memmap + kept // geometry.page_size))
        # The kernel lies in the first memory that there is.
        kept = 0
        start += size
    return ranges


def _require_kept(kept: int, geometry: Geometry, *, largest: int) -> None:
    if not (0 <= kept <= largest and is_aligned(kept, geometry.page_size)):
        accepted = f"a multiple of the page size ({geometry.page_size}), at most {largest}"
        raise InvalidValue("boot_reserved", kept, accepted)


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


def _set_free(node: Node, spans: Sequence[_Span], start_pfn: int, end_pfn: int) -> None:
    for span in spans:
        start, end = max(start_pfn, span.start_pfn), min(end_pfn, span.end_pfn)
        if start < end:
            node.set_free(start, end)


def _declare_areas(node: Node, plan: GuestPlan, reserved: Sequence[tuple[int, int]]) -> None:
    page_size = plan.geometry.page_size
    for number, area in enumerate(plan.cma_areas):
        start_pfn, end_pfn = area.base // page_size, area.end // page_size
        for first, end in reserved:
            if start_pfn < end and first < end_pfn:
                accepted = f"at least {end * page_size}: the memmap lies below"
                raise InvalidValue(f"cma_areas[{number}].base", area.base, accepted)
        cma.declare_area(node, area.name, start_pfn, end_pfn, order_per_bit=area.order_per_bit)
