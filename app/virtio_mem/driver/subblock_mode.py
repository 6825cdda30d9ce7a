"""Sub-block mode: the states of memory blocks, and which of their sub-blocks are unplugged.

Mirrors virtio_mem_sbm_*() primitives of drivers/virtio/virtio_mem.c (semantics 8).
Left out: the order of visits (plug.py, unplug.py).
"""

from app.mm.node import Node
from app.mm.policies.policy import KernelPolicy
from app.mm.zone import ZoneId
from app.trace.sink import Sink
from app.virtio_mem.driver.fallback import FallbackPlan
from app.virtio_mem.driver.mode import ModeBook
from app.virtio_mem.driver.requests import RequestQueue
from app.virtio_mem.driver.states import ORDERS, PARTIAL, full_state


class SubblockMode(ModeBook):
    """What the acts of a sub-block-mode driver work on."""

    def __init__(
        self, queue: RequestQueue, node: Node, plan: FallbackPlan, *, policy: KernelPolicy, sink: Sink
    ) -> None:
        """Starts with every memory block unused."""
        super().__init__(queue, node, plan, policy=policy, sink=sink)
        self.orders = ORDERS[policy.driver_states]
        self.subblock_size = self.unit_size
        self.subblock_nr_pages = self.unit_nr_pages
        self.first_memory_block = self.first_block
        # The zone in which the system onlines added memory by itself; None: it does not.
        self.auto_online: ZoneId | None = None

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
