"""Big block mode: the states of big blocks, and which of their pages the driver has taken on their way out.

Mirrors the virtio_mem_bbm_*() primitives and notifiers of drivers/virtio/virtio_mem.c (semantics 8.8, 8.9).
Invariants kept here: INV-30.
Left out: the order of visits (bigblock_unplug.py; plugging: adding.py).
"""

from collections.abc import Iterator

from app.mm import page_offline
from app.mm.node import Node
from app.mm.notifier import MemoryAction, MemoryChange
from app.mm.outcome import Errno
from app.mm.page import PageKind
from app.mm.page_offline import hold_offline, release_offline
from app.mm.policies.policy import KernelPolicy
from app.mm.zone import ZoneId
from app.trace.sink import Sink
from app.virtio_mem.driver.fallback import FallbackPlan
from app.virtio_mem.driver.mode import ModeBook
from app.virtio_mem.driver.requests import RequestQueue
from app.virtio_mem.driver.states import BIG_BLOCK_STATES, BlockState

# Ranges of pages, [start, end).
Ranges = list[tuple[int, int]]


class BigBlockMode(ModeBook):
    """What the acts of a big-block-mode driver work on; a unit is its block."""

    states = BIG_BLOCK_STATES

    def __init__(
        self, queue: RequestQueue, node: Node, plan: FallbackPlan, *, policy: KernelPolicy, sink: Sink
    ) -> None:
        """Starts with every big block unused."""
        super().__init__(queue, node, plan, policy=policy, sink=sink)
        self.section_nr_pages = node.geometry.section_size // node.geometry.page_size
        # What is taken of the one big block that is FAKE_OFFLINE, ascending.
        self.taken: Ranges = []
        node.listeners.subscribe(self)

    # ------------------------------------------------------------------------- the memory of a block

    def zones(self, index: int) -> set[ZoneId | None]:
        """Returns the zones in which a big block is online; with None, if some of it is not online."""
        return {self.node.memory_blocks.zone_id(number) for number in self.memory_blocks(index)}

    def online_sections(self, index: int) -> Iterator[tuple[int, int]]:
        """Yields the page ranges of a big block's sections that are online, ascending."""
        start_pfn, size = self.start_pfn(index), self.section_nr_pages
        for pfn in range(start_pfn, start_pfn + self.block_nr_pages, size):
            if self.node.memory_blocks.zone_id(pfn // self.memory_block_nr_pages) is not None:
                yield pfn, pfn + size

    def settle_state(self, index: int, zone: ZoneId | None) -> None:  # noqa: ARG002 - for the other mode it counts
        """Says that Linux has a big block, wherever its memory blocks are."""
        self.blocks.set_state(index, BlockState.ADDED)

    def give_back(self, index: int) -> None:
        """Gives the pages that were taken of a big block to the buddy: it stays."""
        for start_pfn, end_pfn in self.taken:
            if self.node.is_all(start_pfn, end_pfn, PageKind.OFFLINE):
                page_offline.clear_offline(self.node, start_pfn, end_pfn)
        self.taken = []
        self.blocks.set_state(index, BlockState.ADDED)

    def pages_to_give_back(self) -> Ranges:
        """Returns what is taken of the big block that is on its way out."""
        return [pair for pair in self.taken if self.node.is_all(*pair, PageKind.OFFLINE)]

    # ------------------------------------------------------------------------------------- notifier

    def notify(self, change: MemoryChange) -> Errno:
        """Follows memory on- and offline; lets taken pages go with their memory block (8.8). It refuses nothing."""
        action, start_pfn, end_pfn, _ = change
        if self.index_of(start_pfn // self.memory_block_nr_pages) < 0:
            return Errno.OK
        if action is MemoryAction.ONLINE:
            self.follow_online(end_pfn - start_pfn)
        elif action is MemoryAction.OFFLINE:
            self.follow_offline(end_pfn - start_pfn)
            self.taken = [span for span in self.taken if not start_pfn <= span[0] < end_pfn]
        elif action in {MemoryAction.GOING_OFFLINE, MemoryAction.CANCEL_OFFLINE}:
            act = release_offline if action is MemoryAction.GOING_OFFLINE else hold_offline
            for span in self.taken:
                if start_pfn <= span[0] < end_pfn:
                    act(self.node, *span)
        return Errno.OK

    def withheld(self, start_pfn: int, end_pfn: int) -> Ranges:
        """Returns what stays with the driver of memory that goes online: all of a big block on its way out (8.9)."""
        index = self.index_of(start_pfn // self.memory_block_nr_pages)
        if index < 0 or self.blocks.states[index] != BlockState.FAKE_OFFLINE:
            return []
        self.taken = sorted([*self.taken, (start_pfn, end_pfn)])
        return [(start_pfn, end_pfn)]
