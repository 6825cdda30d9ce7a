"""What a driver's walks work on, in either mode: its book of blocks, its queue and the node; and its requests.

Mirrors struct virtio_mem of drivers/virtio/virtio_mem.c (semantics 8.1).

                  block           unit, the least that is plugged
    sub-block     memory block    sub-block
    big block     big block       the same

Invariants kept here: INV-18 (a bit changes with the device's ACK, and only then).
Left out: states (subblock_mode.py, bigblock_mode.py), the order of visits (plug.py, unplug.py, bigblock_unplug.py).
"""

from app.mm.node import Node
from app.mm.outcome import Errno
from app.mm.policies.policy import KernelPolicy
from app.mm.policies.switches import DriverStates
from app.trace.sink import Sink
from app.units import GIB, align_up
from app.virtio_mem.driver.fallback import FallbackPlan
from app.virtio_mem.driver.report import PassTally, WorkReport
from app.virtio_mem.driver.requests import RequestQueue
from app.virtio_mem.driver.subblock import SubblockMap

# D-6: how much memory may be added and not online.
_OFFLINE_THRESHOLD = 1 * GIB
# Recorded on 5.10: ten memory blocks, whatever their size.
_OLD_OFFLINE_BLOCKS = 10
_SMALLEST_OFFLINE_BLOCKS = 2


class ModeBook:
    """The state of a driver's blocks, which are named by index from the region's first whole one."""

    def __init__(
        self, queue: RequestQueue, node: Node, plan: FallbackPlan, *, policy: KernelPolicy, sink: Sink
    ) -> None:
        """Finds the region's whole blocks; its edges, if it is not aligned to them, are lost (G-9)."""
        geometry = node.geometry
        self.queue = queue
        self.node = node
        self.plan = plan
        self.policy = policy
        self.sink = sink
        self.memory_block_size = geometry.memory_block_size
        self.memory_block_nr_pages = geometry.memory_block_nr_pages
        self.unit_size = plan.unit_size
        self.unit_nr_pages = plan.unit_size // geometry.page_size
        self.block_size = plan.unit_size * plan.units_per_block
        self.block_nr_pages = self.block_size // geometry.page_size
        self.first_block = align_up(queue.addr, self.block_size) // self.block_size
        end = max(queue.region_end // self.block_size, self.first_block)
        self.blocks = SubblockMap(end - self.first_block, plan.units_per_block)
        self.offline_threshold = _offline_threshold(self.block_size, policy)
        # Bytes added by this driver and not online (INV-22).
        self.offline_size = 0
        # A removal of a memory block without plugged sub-blocks failed (8.5, 6.6+).
        self.is_removal_pending = False
        self.tally = PassTally(0)
        self.report = WorkReport(plan, self.blocks)

    # ---------------------------------------------------------------------------------- addresses

    def start_pfn(self, index: int) -> int:
        """Returns the first page of a block."""
        return (self.first_block + index) * self.block_nr_pages

    def address(self, index: int, unit: int) -> int:
        """Returns where a unit of a block begins, in bytes."""
        return (self.first_block + index) * self.block_size + unit * self.unit_size

    def memory_blocks(self, index: int) -> range:
        """Returns the ids of a block's memory blocks."""
        per_block = self.block_size // self.memory_block_size
        first = (self.first_block + index) * per_block
        return range(first, first + per_block)

    def index_of(self, memory_block: int) -> int:
        """Returns the block that a memory block is a part of, if it was ever used, or -1."""
        index = memory_block * self.memory_block_size // self.block_size - self.first_block
        return index if 0 <= index < self.blocks.next_index else -1

    def owns(self, memory_block: int) -> bool:
        """Whether a memory block was added by this driver, or can be."""
        index = memory_block * self.memory_block_size // self.block_size - self.first_block
        return 0 <= index < self.blocks.nr_memory_blocks

    # ------------------------------------------------------------------------------- what is added

    def could_add(self) -> bool:
        """Whether one more block keeps below the limit of memory that nobody onlines (D-6)."""
        return self.offline_size + self.block_size <= self.offline_threshold

    def is_more_welcome(self) -> bool:
        """Whether so much of the added memory is online by now that the driver goes on adding (D-6)."""
        if self.policy.driver_states is DriverStates.OLD:
            return self.offline_size == self.offline_threshold - self.memory_block_size
        return self.offline_size <= self.offline_threshold // 2

    # ------------------------------------------------------------------------------------ requests

    def plug(self, index: int, *, first: int, count: int) -> Errno:
        """Plugs units of a block at the device; the state follows elsewhere."""
        size = count * self.unit_size
        result = self.queue.plug(self.address(index, first), size)
        if result is Errno.OK:
            self.blocks.plugged[index] |= ((1 << count) - 1) << first
            self.tally.plugged_bytes += size
        return result

    def unplug(self, index: int, *, first: int, count: int) -> Errno:
        """Unplugs units of a block at the device; the state follows elsewhere."""
        size = count * self.unit_size
        result = self.queue.unplug(self.address(index, first), size)
        if result is Errno.OK:
            self.blocks.plugged[index] &= ~(((1 << count) - 1) << first)
            self.tally.unplugged_bytes += size
        return result


def _offline_threshold(block_size: int, policy: KernelPolicy) -> int:
    if policy.driver_states is DriverStates.OLD:
        return _OLD_OFFLINE_BLOCKS * block_size
    return max(_OFFLINE_THRESHOLD, _SMALLEST_OFFLINE_BLOCKS * block_size)
