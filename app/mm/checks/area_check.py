"""Checking CMA areas: their pageblocks are CMA's and no others are; their bits stand for their clients' pages.

Mirrors semantics section 10, INV-16.
Left out: nodes without areas, whose CMA pageblocks nobody accounts for (pictures, captured machines).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from app.mm.checks.laws import Sign
from app.mm.checks.violation import Breach
from app.mm.cma_area import CMA_OWNER, CmaArea
from app.mm.kernels import walk
from app.mm.node import Node
from app.mm.page import Migratetype, PageKind, kept_types


def area_breaches(node: Node) -> Iterator[Breach]:
    """Yields how areas break INV-16, if there are any. Linear in pageblocks, in the areas' runs, and in owners."""
    if not node.cma_areas:
        return
    areas = [area for area in node.cma_areas.values() if not _is_reserved(node, area)]
    yield from _type_breaches(node, areas)
    owned = 0
    for area in areas:
        pfns = _client_pages(node, area)
        owned += len(pfns)
        yield from _bit_breaches(area, pfns)
    clients = int(np.count_nonzero(node.arrays.owner <= CMA_OWNER))
    if clients != owned:
        yield Breach("INV-16", "pages of areas' clients", f"{clients} in their areas", str(owned))


def _is_reserved(node: Node, area: CmaArea) -> bool:
    """Whether an area was declared and is still boot memory's (C-8)."""
    return node.is_all(area.start_pfn, area.end_pfn, PageKind.RESERVED)


def _type_breaches(node: Node, areas: list[CmaArea]) -> Iterator[Breach]:
    """Compares CMA pageblocks with areas, whose memory must be there; one isolated by its type may be either."""
    order = node.geometry.pageblock_order
    types = kept_types(node.arrays.block_type)
    is_area = np.zeros(len(types), np.bool_)
    for area in areas:
        is_area[area.start_pfn >> order : area.end_pfn >> order] = True
    is_cma = types == Migratetype.CMA
    is_online = node.arrays.block_zone > 0
    is_wrong = ((is_cma != is_area) & (types != Migratetype.ISOLATE) & is_online) | (is_area & ~is_online)
    for block in np.flatnonzero(is_wrong).tolist():
        where = f"pageblock at pfn {block << order}"
        if is_area[block]:
            byte = int(types[block])
            name = Migratetype(byte).name if byte < len(Migratetype) else f"type {byte}"
            name = name if is_online[block] else "no memory there"
            yield Breach("INV-16", where, "CMA, as of an area", name, Sign.AREA_LOST)
        else:
            chunk = block >> node.arrays.geo.chunk_shift << node.arrays.geo.chunk_shift
            is_beside = is_area[chunk : chunk + (1 << node.arrays.geo.chunk_shift)].any()
            sign = Sign.AREA_GREW if is_beside else Sign.IMPOSSIBLE
            yield Breach("INV-16", where, "another type: no area has it", "CMA", sign)


def _client_pages(node: Node, area: CmaArea) -> NDArray[np.int64]:
    """Returns the first pages of the runs that the area's client has within it."""
    pfns = np.empty(area.nr_pages, np.int64)
    count = int(walk.collect_owned(node.arrays, area.start_pfn, area.end_pfn, area.owner, pfns))
    return pfns[:count]


def _bit_breaches(area: CmaArea, pfns: NDArray[np.int64]) -> Iterator[Breach]:
    """Compares the bitmap with the client's pages: the last bit of an allocation may be filled in part."""
    is_set = np.frombuffer(bytes(area.bitmap), np.uint8) > 0
    is_used = np.zeros(len(is_set), np.bool_)
    is_used[(pfns - area.start_pfn) >> area.order_per_bit] = True
    for bit in np.flatnonzero(is_set != is_used).tolist():
        where = f"area {area.name}, bit {bit} (pfn {area.pfn_of(bit)})"
        expected, found = ("set", "clear") if is_used[bit] else ("clear: no page of its client's", "set")
        yield Breach("INV-16", where, expected, found)
