"""Plugging in sub-block mode: completes partly plugged memory blocks, then adds whole ones, lowest first.

Mirrors virtio_mem_sbm_plug_request() of drivers/virtio/virtio_mem.c (semantics 8.4, D-8, D-9).
Invariants kept here: INV-18, INV-19.
Left out: when to plug (driver.py), adding memory blocks (adding.py).
"""

from app.mm.outcome import Errno
from app.virtio_mem.driver.acts import Acts
from app.virtio_mem.driver.adding import AddWalk, note_stop
from app.virtio_mem.driver.fake_offline import fake_online
from app.virtio_mem.driver.subblock_mode import SubblockMode


class PlugWalk:
    """One plug of `left` sub-blocks; an error ends it, and what was done stays (D-8)."""

    def __init__(self, sbm: SubblockMode, nr_subblocks: int) -> None:
        """Plans to plug nr_subblocks."""
        self._sbm = sbm
        self.left = nr_subblocks

    def acts(self) -> Acts[Errno]:
        """Plugs until nothing is left to do or something stops it, request by request.

        ENOSPC: the usable region ends, or too much memory is offline; ENOMEM: no room for a memmap.
        """
        result = yield from self._complete_partial_memory_blocks()
        if result is Errno.OK:
            result = yield from AddWalk(self._sbm, self.left).acts()
        return result

    def _complete_partial_memory_blocks(self) -> Acts[Errno]:
        blocks = self._sbm.blocks
        for state in self._sbm.orders.plug:
            index = blocks.first_in(state, 0) if self.left else -1
            while index >= 0 and self.left:
                result = yield from self._complete(index)
                if result is not Errno.OK:
                    return note_stop(self._sbm, result, index, self.left)
                index = blocks.first_in(state, index + 1)
        return Errno.OK

    def _complete(self, index: int) -> Acts[Errno]:
        """Plugs the holes of one memory block, lowest first, each with one request."""
        sbm = self._sbm
        zone = sbm.node.memory_blocks.zone_id(sbm.first_block + index)
        while self.left:
            first, count = sbm.blocks.unplugged_run(index, self.left)
            if not count:
                break
            yield
            result = sbm.plug(index, first=first, count=count)
            if result is not Errno.OK:
                return result
            self.left -= count
            if zone is not None:
                fake_online(sbm, index, first=first, count=count)
        if sbm.blocks.is_full(index):
            sbm.settle_state(index, zone)
        return Errno.OK
