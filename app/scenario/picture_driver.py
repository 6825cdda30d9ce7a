"""The driver of a picture's offline pages: virtio-mem's, as far as memory blocks that go offline need one.

Mirrors the notifier of drivers/virtio/virtio_mem.c (HP-7, 8.8).
Left out: a device, and everything else that a driver does (guests have one).
"""

from app.mm.census import collect_runs
from app.mm.node import Node
from app.mm.notifier import MemoryAction, MemoryChange
from app.mm.outcome import Errno
from app.mm.page import PageKind
from app.mm.page_offline import hold_offline, release_offline

Ranges = list[tuple[int, int]]


class PictureDriver:
    """Lets its pages go with their memory block, and has them again when the block comes back."""

    def __init__(self, node: Node) -> None:
        """Listens to a node."""
        self._node = node
        # What went offline with its memory blocks.
        self._gone: Ranges = []
        node.listeners.subscribe(self)

    def notify(self, change: MemoryChange) -> Errno:
        """Drops its references while memory goes offline, and takes them again if it stays."""
        inside = self._offline_in(change.start_pfn, change.end_pfn)
        if change.action is MemoryAction.GOING_OFFLINE:
            for pair in inside:
                release_offline(self._node, *pair)
            self._gone += inside
        elif change.action is MemoryAction.CANCEL_OFFLINE:
            for pair in inside:
                hold_offline(self._node, *pair)
            self._gone = [pair for pair in self._gone if pair not in inside]
        return Errno.OK

    def withheld(self, start_pfn: int, end_pfn: int) -> Ranges:
        """Returns what it had of memory blocks that come back."""
        back = [pair for pair in self._gone if start_pfn <= pair[0] < end_pfn]
        self._gone = [pair for pair in self._gone if pair not in back]
        return back

    def _offline_in(self, start_pfn: int, end_pfn: int) -> Ranges:
        return [
            (run.pfn, run.pfn + (1 << run.order))
            for run in collect_runs(self._node)
            if run.kind is PageKind.OFFLINE and start_pfn <= run.pfn < end_pfn
        ]
