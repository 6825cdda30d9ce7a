"""Small nodes for tests: toy geometry, all memory in zone Normal, nothing reserved.

Left out: devices, and pictures of ranges.
"""

from app.mm import hotplug
from app.mm.geometry import preset
from app.mm.node import Node
from app.mm.policies.policy import policy
from app.mm.zone import ZoneId


def toy_node(nr_memory_blocks: int = 2, *, policy_name: str = "linux-5.19") -> Node:
    """Returns a node of memory blocks of 64 pages, all of them online in Normal and free."""
    geometry = preset("toy")
    nr_pages = nr_memory_blocks * geometry.memory_block_nr_pages
    node = Node(geometry, policy(policy_name), nr_pages=nr_pages)
    hotplug.boot_memory(node, 0, nr_pages, ZoneId.NORMAL)
    node.set_free(0, nr_pages)
    node.recompute_watermarks()
    return node
