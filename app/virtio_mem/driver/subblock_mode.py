"""Sub-block mode: a driver's book, queue and node together, and the acts that plug and unplug share.

Mirrors struct virtio_mem and the virtio_mem_sbm_*() primitives of drivers/virtio/virtio_mem.c (semantics 8).
Invariants kept here: INV-18 (a bit changes with the device's ACK, and only then).
Left out: the order of visits (plug.py, unplug.py).
"""

from app.mm.geometry import Geometry
from app.mm.node import Node
from app.mm.outcome import Errno
from app.mm.policies.policy import KernelPolicy
from app.mm.policies.switches import DriverStates
from app.mm.zone import ZoneId
from app.trace.sink import Sink
from app.units import GIB, align_up
from app.virtio_mem.driver.fallback import FallbackPlan
from app.virtio_mem.driver.report import PassTally, WorkReport
from app.virtio_mem.driver.requests import RequestQueue
from app.virtio_mem.driver.states import ORDERS, PARTIAL, full_state
from app.virtio_mem.driver.subblock import SubblockMap

# D-6: how much memory may be added and not online.
_OFFLINE_THRESHOLD = 1 * GIB
# Recorded on 5.10: ten memory blocks, whatever their size.
_OLD_OFFLINE_MEMORY_BLOCKS = 10
_SMALLEST_OFFLINE_MEMORY_BLOCKS = 2


class SubblockMode:
    """What the acts of a sub-block-mode driver work on."""

    def __init__(
        self, queue: RequestQueue, node: Node, plan: FallbackPlan, *, policy: KernelPolicy, sink: Sink
    ) -> None:
        """Finds the region's whole memory blocks; its edges, if it is not aligned to them, are lost (G-9)."""
        geometry = node.geometry
        size = geometry.memory_block_size
        self.queue = queue
        self.node = node
        self.plan = plan
        self.policy = policy
        self.sink = sink
        self.orders = ORDERS[policy.driver_states]
        self.memory_block_size = size
        self.memory_block_nr_pages = geometry.memory_block_nr_pages
        self.subblock_size = plan.subblock_size
        self.subblock_nr_pages = plan.subblock_size // geometry.page_size
        self.first_memory_block = align_up(queue.addr, size) // size
        end = max(queue.region_end // size, self.first_memory_block)
        self.blocks = SubblockMap(end - self.first_memory_block, plan.subblocks_per_memory_block)
        self.offline_threshold = _offline_threshold(geometry, policy)
        # Bytes added by this driver and not online (INV-22).
        self.offline_size = 0
        # The zone in which the system onlines added memory by itself; None: it does not.
        self.auto_online: ZoneId | None = None
        # A removal of a memory block without plugged sub-blocks failed (8.5, 6.6+).
        self.is_removal_pending = False
        self.tally = PassTally(0)
        self.report = WorkReport(plan, self.blocks)

    # ---------------------------------------------------------------------------------- addresses

    def start_pfn(self, index: int) -> int:
        """Returns the first page of a memory block."""
        return (self.first_memory_block + index) * self.memory_block_nr_pages

    def address(self, index: int, subblock: int) -> int:
        """Returns where a sub-block begins, in bytes."""
        return (self.first_memory_block + index) * self.memory_block_size + subblock * self.subblock_size

    def offline_ranges(self, index: int) -> list[tuple[int, int]]:
        """Returns the page ranges of a memory block's unplugged sub-blocks, ascending."""
        ranges = []
        first_pfn = self.start_pfn(index)
        missing = ~self.blocks.plugged[index] & self.blocks.full_mask
        while missing:
            first = (missing & -missing).bit_length() - 1
            above = ~(missing >> first)
            end = first + (above & -above).bit_length() - 1
            start_pfn = first_pfn + first * self.subblock_nr_pages
            ranges.append((start_pfn, first_pfn + end * self.subblock_nr_pages))
            missing = missing >> end << end
        return ranges

    # ------------------------------------------------------------------------------------ requests

    def plug(self, index: int, *, first: int, count: int) -> Errno:
        """Plugs sub-blocks at the device; the state follows elsewhere."""
        size = count * self.subblock_size
        result = self.queue.plug(self.address(index, first), size)
        if result is Errno.OK:
            self.blocks.plugged[index] |= ((1 << count) - 1) << first
            self.tally.plugged_bytes += size
        return result

    def unplug(self, index: int, *, first: int, count: int) -> Errno:
        """Unplugs sub-blocks at the device; the state follows elsewhere."""
        size = count * self.subblock_size
        result = self.queue.unplug(self.address(index, first), size)
        if result is Errno.OK:
            self.blocks.plugged[index] &= ~(((1 << count) - 1) << first)
            self.tally.unplugged_bytes += size
        return result

    # -------------------------------------------------------------------------------------- states

    def settle_state(self, index: int, zone: ZoneId | None) -> None:
        """Sets the state of a memory block that Linux has, online in `zone` or offline, from its bits."""
        state = full_state(zone, self.policy.driver_states)
        self.blocks.set_state(index, state if self.blocks.is_full(index) else PARTIAL[state])


def _offline_threshold(geometry: Geometry, policy: KernelPolicy) -> int:
    size = geometry.memory_block_size
    if policy.driver_states is DriverStates.OLD:
        return _OLD_OFFLINE_MEMORY_BLOCKS * size
    return max(_OFFLINE_THRESHOLD, _SMALLEST_OFFLINE_MEMORY_BLOCKS * size)
