"""A driver that holds pages of memory blocks: what mm's tests subscribe to the notifier chain.

Left out: what virtio-mem's driver does besides.
"""

from collections.abc import Sequence

from app.mm.node import Node
from app.mm.notifier import MemoryAction, MemoryChange
from app.mm.outcome import Errno
from app.mm.page_offline import hold_offline, release_offline

Range = tuple[int, int]


class Holder:
    """Withholds ranges of onlining memory, lets go of them when their block goes offline, and notes all it hears."""

    def __init__(
        self, node: Node, ranges: Sequence[Range] = (), *, refuses: MemoryAction | None = None
    ) -> None:
        """Subscribes; ranges: what it holds, or will; refuses: the action that it refuses with EPERM."""
        self.node = node
        self.ranges = list(ranges)
        self.refuses = refuses
        self.heard: list[MemoryChange] = []
        node.listeners.subscribe(self)

    def notify(self, change: MemoryChange) -> Errno:
        """Notes it, and does what virtio-mem does about references."""
        self.heard.append(change)
        if change.action is self.refuses:
            return Errno.EPERM
        does = {MemoryAction.GOING_OFFLINE: release_offline, MemoryAction.CANCEL_OFFLINE: hold_offline}
        if change.action in does:
            for pair in self.withheld(change.start_pfn, change.end_pfn):
                does[change.action](self.node, *pair)
        return Errno.OK

    def withheld(self, start_pfn: int, end_pfn: int) -> list[Range]:
        """Returns its ranges there."""
        return sorted(pair for pair in self.ranges if start_pfn <= pair[0] < end_pfn)

    def actions(self) -> list[str]:
        """Returns what it heard, by name."""
        return [str(change.action) for change in self.heard]
