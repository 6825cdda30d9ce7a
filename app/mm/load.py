"""Loading a machine of one NUMA node from elsewhere: page kinds, pageblock types, memmaps and watermarks as found.

Left out: where they were found (app.guest.capture.loader).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.mm.kernels import layout, load
from app.mm.memmap import MEMMAP_OWNER
from app.mm.node import Node
from app.mm.page import PageKind
from app.mm.watermark import Watermarks
from app.mm.zone import ZoneId


def load_pages(
    node: Node,
    start_pfn: int,
    kinds: NDArray[np.uint8],
    tails: NDArray[np.uint8],
    owners: NDArray[np.int64],
) -> None:
    """Makes pages from start_pfn, a multiple of the chunk, what `kinds` says (PageKind); see the kernel."""
    load.load_pages(node.arrays, start_pfn, kinds, tails, owners)


def set_run(node: Node, pfn: int, order: int, *, kind: PageKind, owner: int) -> None:
    """Makes 2**order pages that nobody has yet one run of `owner`, and managed (HP-8)."""
    layout.set_head(node.arrays, pfn, int(kind), order)
    layout.set_owner(node.arrays, pfn, owner)
    node.adjust_managed(pfn, 1 << order)


def set_pageblock_types(node: Node, types: NDArray[np.uint8]) -> None:
    """Writes the migratetype of every pageblock from 0 on; before load_pages(), which lists pages by them."""
    node.arrays.block_type[: len(types)] = types


def set_memmap(node: Node, block_id: int, pfns: Sequence[int]) -> None:
    """Says that the runs at `pfns` hold a memory block's memmap: they are freed when the block is removed."""
    node.memmaps[block_id] = list(pfns)
    for pfn in pfns:
        layout.set_owner(node.arrays, pfn, MEMMAP_OWNER)


def set_managed(node: Node, zone: ZoneId, nr_pages: int) -> None:
    """Writes how many pages a zone manages."""
    node.stat[zone, layout.S_MANAGED] = nr_pages


def set_reserved_highatomic(node: Node, zone: ZoneId, nr_pages: int) -> None:
    """Writes how many pages a zone's HIGHATOMIC reserve counts (B-22)."""
    node.stat[zone, layout.S_NR_RESERVED_HIGHATOMIC] = nr_pages


def set_watermarks(node: Node, zone: ZoneId, marks: Watermarks, reserves: Sequence[int]) -> None:
    """Writes a zone's watermarks and its lowmem reserves against zones 0..3, in pages."""
    stat = node.stat[zone]
    stat[layout.S_WMARK_MIN : layout.S_WMARK_MIN + 3] = marks
    stat[layout.S_RESERVE : layout.S_RESERVE + len(reserves)] = reserves


def find_pcp_pages(node: Node) -> None:
    """Finds every page of kind PCP and remembers it as waiting on a per-cpu list. Linear in runs."""
    node.pcp_pfns = find_runs(node, PageKind.PCP)


def find_runs(node: Node, kind: PageKind) -> NDArray[np.int64]:
    """Returns the first pfn of every run of `kind`, ascending. Linear in runs."""
    pfns = np.empty(0, np.int64)
    count = int(load.find_kind(node.arrays, int(kind), pfns))
    if count:
        pfns = np.empty(count, np.int64)
        load.find_kind(node.arrays, int(kind), pfns)
    return pfns
