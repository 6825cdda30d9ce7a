"""What a driver's walks work on, in either mode: its book of blocks, its queue and the node; and its requests.

Mirrors struct virtio_mem of drivers/virtio/virtio_mem.c (semantics 8.1).

                  block           unit, the least that is plugged
    sub-block     memory block    sub-block
    big block     big block       the same

Invariants kept here: INV-18 (a bit changes with the device's ACK, and only then).
Left out: states (subblock_mode.py, bigblock_mode.py), the order of visits (plug.py, unplug.py, bigblock_unplug.py).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from app.mm.node import Node
from app.mm.notifier import MemoryChange
from app.mm.outcome import Errno
from app.mm.policies.policy import KernelPolicy
from app.mm.policies.switches import DriverStates
from app.mm.zone import ZoneId
from app.trace.sink import Sink
from app.units import GIB, align_up
from app.virtio_mem.driver.block_map import BlockMap
from app.virtio_mem.driver.fallback import FallbackPlan
from app.virtio_mem.driver.interference import DriverInterference
from app.virtio_mem.driver.options import ModuleParameters
from app.virtio_mem.driver.report import PassTally, WorkReport
from app.virtio_mem.driver.requests import RequestQueue
from app.virtio_mem.driver.states import BlockState

# D-6: how much memory may be added and not online.
_OFFLINE_THRESHOLD = 1 * GIB
# Recorded on 5.10: ten memory blocks, whatever their size.
_OLD_OFFLINE_BLOCKS = 10
_SMALLEST_OFFLINE_BLOCKS = 2


class ModeBook(ABC):
    """The state of a driver's blocks, which are named by index from the region's first whole one."""

    # Those that its blocks can be in.
    states: tuple[BlockState, ...]

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
        self.blocks = BlockMap(end - self.first_block, plan.units_per_block)
        self.offline_threshold = _offline_threshold(self.block_size, policy)
        # Bytes added by this driver and not online (INV-22).
        self.offline_size = 0
        # A work item runs, and memory has changed so that it is worth another pass, or a work item of its own (8.8).
        self.is_active = False
        self.is_work_wanted = False
        # A removal of a memory block without plugged sub-blocks failed (8.5, 6.6+).
        self.is_removal_pending = False
        # Asked before an attempt on online memory and an addition; None: nobody is.
        self.interference: DriverInterference | None = None
        # Whether it answered for the last addition.
        self.is_addition_refused = False
        # Those that the release knows.
        self.parameters = ModuleParameters()
        self.tally = PassTally(0)
        self.report = WorkReport(plan, self.blocks)
        node.memory_blocks.register_group(queue.device_id, self.block_nr_pages)

    @abstractmethod
    def settle_state(self, index: int, zone: ZoneId | None) -> None:
        """Sets the state of a block that Linux has, online in `zone` or offline."""

    @abstractmethod
    def notify(self, change: MemoryChange) -> Errno:
        """Follows memory on- and offline, whoever sets it (8.8)."""

    @abstractmethod
    def withheld(self, start_pfn: int, end_pfn: int) -> Sequence[tuple[int, int]]:
        """Returns what stays with the driver of memory that goes online (8.7)."""

    @property
    def has_memory_added(self) -> bool:
        """Whether Linux has memory of this driver."""
        counts = self.blocks.counts
        return sum(counts) > counts[BlockState.UNUSED] + counts[BlockState.PLUGGED]

    # ---------------------------------------------------------------------------------- addresses

    def start_pfn(self, index: int) -> int:
        """Returns the first page of a block."""
        return (self.first_block + index) * self.block_nr_pages

    def pfns(self, index: int) -> tuple[int, int]:
        """Returns the pages of a block, [start, end)."""
        start_pfn = self.start_pfn(index)
        return start_pfn, start_pfn + self.block_nr_pages

    def address(self, index: int, unit: int) -> int:
        """Returns where a unit of a block begins, in bytes."""
        return (self.first_block + index) * self.block_size + unit * self.unit_size

    def memory_blocks(self, index: int) -> range:
        """Returns the ids of a block's memory blocks."""
        per_block = self.block_size // self.memory_block_size
        first = (self.first_block + index) * per_block
        return range(first, first + per_block)

    def position_of(self, memory_block: int) -> int:
        """Returns the index of the block that a memory block is a part of, also where the region has none."""
        return memory_block * self.memory_block_size // self.block_size - self.first_block

    def index_of(self, memory_block: int) -> int:
        """Returns the index of the block that a memory block is a part of, if it was ever used, or -1."""
        index = self.position_of(memory_block)
        return index if 0 <= index < self.blocks.next_index else -1

    def is_plugged(self, address: int) -> bool:
        """Whether the unit at an address is plugged."""
        index, offset = divmod(address - self.first_block * self.block_size, self.block_size)
        is_used = 0 <= index < self.blocks.next_index
        return is_used and bool(self.blocks.plugged[index] >> offset // self.unit_size & 1)

    def pages_to_give_back(self) -> Sequence[tuple[int, int]]:
        """Returns the ranges of online pages that the driver has taken of blocks which are plugged."""
        return ()

    # ------------------------------------------------------------------------------- what is added

    def could_add(self) -> bool:
        """Whether one more block keeps below the limit of memory that nobody onlines (D-6)."""
        return self.offline_size + self.block_size <= self.offline_threshold

    def is_more_welcome(self) -> bool:
        """Whether so much of the added memory is online by now that the driver goes on adding (D-6)."""
        if self.policy.driver_states is DriverStates.OLD:
            return self.offline_size == self.offline_threshold - self.memory_block_size
        return self.offline_size <= self.offline_threshold // 2

    def follow_online(self, nr_pages: int) -> None:
        """Notes that memory of this driver went online; the driver's own doing is no reason to work (8.8)."""
        self.offline_size -= nr_pages * self.node.geometry.page_size
        if not self.is_active and self.is_more_welcome():
            self.is_work_wanted = True

    def follow_offline(self, nr_pages: int) -> None:
        """Notes that memory of this driver went offline: it may be unplugged cheaply, by whomever (8.8)."""
        self.offline_size += nr_pages * self.node.geometry.page_size
        self.is_work_wanted = True

    def refusal_to_add(self, start_pfn: int, end_pfn: int) -> Errno:
        """Returns what adding memory answers before it is tried; OK: it is tried."""
        interference = self.interference
        result = Errno.OK if interference is None else interference.add_memory(start_pfn, end_pfn)
        self.is_addition_refused = result is not Errno.OK
        return result

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
