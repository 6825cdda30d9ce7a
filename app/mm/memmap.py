"""The memmap of memory blocks, taken from the guest's memory when a block is added, and given back with it.

Mirrors vmemmap_populate() (HP-1): in pageblocks, else in single pages.
Left out: memmap on the memory itself, page tables.
"""

import numpy as np

from app.mm.node import Node
from app.mm.page import PageKind

# struct page takes 64 bytes: 1/64 of memory at 4 KiB pages (HP-1).
MEMMAP_BYTES_PER_PAGE = 64
# Owner of memmap pages.
MEMMAP_OWNER = -1


def memmap_nr_pages(node: Node) -> int:
    """Returns how many pages the memmap of one memory block takes."""
    geometry = node.geometry
    return -(-geometry.memory_block_nr_pages * MEMMAP_BYTES_PER_PAGE // geometry.page_size)


def alloc_memmap(node: Node, block_id: int, numa_node: int) -> bool:
    """Allocates a memory block's memmap, on its NUMA node if it can; False when there is no room: nothing is kept.

    In pageblocks as far as the memmap fills them, else, or when none can be had, in single pages.
    """
    pfns: list[int] = []
    left = memmap_nr_pages(node)
    order = node.geometry.pageblock_order
    while left:
        if left < 1 << order:
            order = left.bit_length() - 1
        pfn = node.alloc_page(PageKind.UNMOVABLE_PAGES, order, MEMMAP_OWNER, numa_node=numa_node)
        if pfn >= 0:
            pfns.append(pfn)
            left -= 1 << order
        elif order:
            order = 0
        else:
            node.free_runs(np.array(pfns, np.int64))
            return False
    node.memmaps[block_id] = pfns
    node.memmap_since_ns[block_id] = node.clock.now_ns
    return True


def free_memmap(node: Node, block_id: int) -> None:
    """Frees what alloc_memmap() took for a memory block."""
    node.free_runs(np.array(node.memmaps.pop(block_id, []), np.int64))
    node.memmap_since_ns.pop(block_id, None)
