"""Small memories for tests: toy geometry, all memory in zone Normal, nothing reserved.

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


def two_nodes(nr_blocks: int = 6, *, boot: tuple[int, int] = (2, 2), policy_name: str = "linux-5.19") -> Node:
    """Returns memory of two NUMA nodes, so many memory blocks of 64 pages each in Normal, and room for nr_blocks."""
    geometry = preset("toy")
    size = geometry.memory_block_nr_pages
    node = Node(geometry, policy(policy_name), nr_pages=nr_blocks * size, nr_numa_nodes=2)
    first = 0
    for numa_node, count in enumerate(boot):
        end = first + count * size
        if count:
            hotplug.boot_memory(node, first, end, ZoneId.NORMAL, numa_node=numa_node)
            node.set_free(first, end)
        first = end
    node.recompute_watermarks()
    return node
