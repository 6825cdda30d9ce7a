"""A digest of a node's state: equal digests mean that the same commands give the same outcomes.

Kept here: untouched memory stays untouched, and is equal to memory that was used and became as it was.
Left out: devices, drivers and clocks (app.guest.guest adds them).
"""

from hashlib import blake2b

import numpy as np

from app.mm.kernels.digest import fold_lists, fold_runs
from app.mm.node import Node


def node_digest(node: Node) -> bytes:
    """Returns 16 bytes over pages, owners, free lists in order, counters and blocks. Linear in runs."""
    arrays = node.arrays
    lanes = np.zeros(2, np.int64)
    fold_runs(arrays, lanes)
    fold_lists(arrays, lanes)
    digest = blake2b(digest_size=16)
    for array in (lanes, arrays.stat, arrays.nr_free, arrays.block_zone, arrays.block_type):
        digest.update(array.tobytes())
    digest.update(node.pcp_pfns.tobytes())
    blocks = node.memory_blocks
    states = [
        (block_id, str(blocks.state(block_id)), blocks.zone_id(block_id)) for block_id in blocks.present_ids()
    ]
    groups = [*blocks.groups()], node.hotplug_rules
    digest.update(repr((states, sorted(node.memmaps.items()), groups)).encode())
    if node.nr_numa_nodes > 1:
        digest.update(bytes(blocks.numa_node(block_id) for block_id in blocks.present_ids()))
    for area in node.cma_areas.values():
        digest.update(repr((area.name, area.start_pfn, area.end_pfn, area.order_per_bit)).encode())
        digest.update(area.bitmap)
    return digest.digest()
