"""Sub-block mode: the states of memory blocks, and which of their sub-blocks are unplugged.

Mirrors virtio_mem_sbm_*() primitives and notifiers of drivers/virtio/virtio_mem.c (semantics 8, 8.8).
Invariants kept here: INV-19 (states follow Linux, whoever sets a memory block), INV-21 (references, HP-7).
Left out: the order of visits (plug.py, unplug.py).
"""

from app.mm.node import Node
from app.mm.notifier import MemoryAction, MemoryChange
from app.mm.outcome import Errno
from app.mm.page_offline import hold_offline, release_offline
from app.mm.policies.policy import KernelPolicy
from app.mm.zone import ZoneId
from app.trace.sink import Sink
from app.virtio_mem.driver.fallback import FallbackPlan
from app.virtio_mem.driver.mode import ModeBook
from app.virtio_mem.driver.requests import RequestQueue
from app.virtio_mem.driver.states import ORDERS, PARTIAL, BlockState, full_state, subblock_states


class SubblockMode(ModeBook):
    """What the acts of a sub-block-mode driver work on."""

    def __init__(
        self, queue: RequestQueue, node: Node, plan: FallbackPlan, *, policy: KernelPolicy, sink: Sink
    ) -> None:
        """Starts with every memory block unused."""
        super().__init__(queue, node, plan, policy=policy, sink=sink)
        self.states = subblock_states(policy.driver_states)
        self.orders = ORDERS[policy.driver_states]
        # Pages of all its memory blocks.
        self._first_pfn, self._end_pfn = self.start_pfn(0), self.start_pfn(self.blocks.nr_blocks)
        node.listeners.subscribe(self)

    def offline_ranges(self, index: int) -> list[tuple[int, int]]:
        """Returns the page ranges of a memory block's unplugged sub-blocks, ascending."""
        ranges = []
        first_pfn = self.start_pfn(index)
        missing = ~self.blocks.plugged[index] & self.blocks.full_mask
        while missing:
            first = (missing & -missing).bit_length() - 1
            above = ~(missing >> first)
            end = first + (above & -above).bit_length() - 1
            start_pfn = first_pfn + first * self.unit_nr_pages
            ranges.append((start_pfn, first_pfn + end * self.unit_nr_pages))
            missing = missing >> end << end
        return ranges

    def settle_state(self, index: int, zone: ZoneId | None) -> None:
        """Sets the state of a memory block that Linux has, online in `zone` or offline, from its bits."""
        state = full_state(zone, self.policy.driver_states)
        self.blocks.set_state(index, state if self.blocks.is_full(index) else PARTIAL[state])

    # ------------------------------------------------------------------------------------- notifier

    def notify(self, change: MemoryChange) -> Errno:
        """Follows memory blocks on- and offline; refuses to online what it did not add, or not for that (8.8)."""
        action, start_pfn, end_pfn, zone = change
        if not self._overlaps(start_pfn, end_pfn):
            return Errno.OK
        index = self.index_of(start_pfn // self.memory_block_nr_pages)
        if action is MemoryAction.GOING_ONLINE and not self._is_offline(index):
            return Errno.EPERM
        if action is MemoryAction.GOING_OFFLINE and index < 0:
            return Errno.EPERM
        if action is MemoryAction.ONLINE:
            self.settle_state(index, zone)
            self.follow_online(end_pfn - start_pfn)
        elif action is MemoryAction.OFFLINE:
            self.settle_state(index, None)
            self.follow_offline(end_pfn - start_pfn)
        elif action is MemoryAction.GOING_OFFLINE:
            for pair in self.offline_ranges(index):
                release_offline(self.node, *pair)
        elif action is MemoryAction.CANCEL_OFFLINE and index >= 0:
            for pair in self.offline_ranges(index):
                hold_offline(self.node, *pair)
        return Errno.OK

    def withheld(self, start_pfn: int, end_pfn: int) -> list[tuple[int, int]]:
        """Returns the unplugged sub-blocks of a memory block that goes online (8.7)."""
        index = self.index_of(start_pfn // self.memory_block_nr_pages)
        return self.offline_ranges(index) if self._overlaps(start_pfn, end_pfn) and index >= 0 else []

    def _overlaps(self, start_pfn: int, end_pfn: int) -> bool:
        return start_pfn < self._end_pfn and self._first_pfn < end_pfn

    def _is_offline(self, index: int) -> bool:
        return index >= 0 and self.blocks.states[index] in {BlockState.OFFLINE, BlockState.OFFLINE_PARTIAL}
