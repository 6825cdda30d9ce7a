"""A guest's device as letters: one for each pageblock, memory blocks between bars.

    |U.......|OOOOOOOO|     two memory blocks of eight pageblocks: one slab page somewhere in the first, all
                            of the second unplugged
    |        |              memory that Linux does not have (or has, but offline)

Left out: pictures page by page (app.scenario.picture), whose letters these are.
"""

import numpy as np

from app.mm.census import count_kinds
from app.mm.node import Node
from app.mm.page import Migratetype, PageKind, effective_types
from app.scenario.picture import LETTERS, TYPE_LETTERS

# Of several kinds in a pageblock the first of these is shown: what holds memory most, and used before unused pages.
_SHOWN_FIRST = (
    PageKind.UNMOVABLE,
    PageKind.UNMOVABLE_PAGES,
    PageKind.RECLAIMABLE,
    PageKind.RESERVED,
    PageKind.HWPOISON,
    PageKind.PINNED,
    PageKind.HUGETLB,
    PageKind.THP,
    PageKind.MOVABLE_OPS,
    PageKind.FILE_DIRTY,
    PageKind.FILE_CLEAN,
    PageKind.ANON,
    PageKind.PCP,
    PageKind.FREE,
    PageKind.OFFLINE,
)
_HOLE = " "


def draw_device(node: Node, start_pfn: int, end_pfn: int) -> str:
    """Draws the pageblocks of [start_pfn, end_pfn), whole memory blocks."""
    order = node.geometry.pageblock_order
    first, end = start_pfn >> order, end_pfn >> order
    is_online = node.arrays.block_zone[first:end] > 0
    counts = np.where(is_online[:, None], count_kinds(node, first, end), 0)
    return _in_bars([_letter_of(row) for row in counts.tolist()], node)


def draw_device_types(node: Node, start_pfn: int, end_pfn: int) -> str:
    """Draws the types of the pageblocks of [start_pfn, end_pfn), whole memory blocks."""
    order = node.geometry.pageblock_order
    first, end = start_pfn >> order, end_pfn >> order
    types = effective_types(node.arrays.block_type[first:end]).tolist()
    zones = node.arrays.block_zone[first:end].tolist()
    letters = [
        TYPE_LETTERS[Migratetype(migratetype)] if zone else _HOLE
        for migratetype, zone in zip(types, zones, strict=True)
    ]
    return _in_bars(letters, node)


def _letter_of(counts: list[int]) -> str:
    return next((LETTERS[kind] for kind in _SHOWN_FIRST if counts[kind]), _HOLE)


def _in_bars(letters: list[str], node: Node) -> str:
    size = node.geometry.pageblocks_per_memory_block
    blocks = ["".join(letters[start : start + size]) for start in range(0, len(letters), size)]
    return f"|{'|'.join(blocks)}|"
