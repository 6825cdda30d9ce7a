"""Plugging in sub-block mode: completes partly plugged memory blocks, then adds whole ones, lowest first.

Mirrors virtio_mem_sbm_plug_request() of drivers/virtio/virtio_mem.c (semantics 8.4, D-6 to D-9).
Invariants kept here: INV-18, INV-19.
Left out: when to plug (driver.py).
"""

from app.mm.outcome import Errno
from app.virtio_mem.driver import block_hotplug
from app.virtio_mem.driver.acts import Acts
from app.virtio_mem.driver.fake_offline import fake_online
from app.virtio_mem.driver.report import StuckPiece
from app.virtio_mem.driver.states import SbmState
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
            result = yield from self._add_memory_blocks()
        return result

    def _complete_partial_memory_blocks(self) -> Acts[Errno]:
        blocks = self._sbm.blocks
        for state in self._sbm.orders.plug:
            index = blocks.first_in(state, 0) if self.left else -1
            while index >= 0 and self.left:
                result = yield from self._complete(index)
                if result is not Errno.OK:
                    return self._stopped(result, index)
                index = blocks.first_in(state, index + 1)
        return Errno.OK

    def _complete(self, index: int) -> Acts[Errno]:
        """Plugs the holes of one memory block, lowest first, each with one request."""
        sbm = self._sbm
        zone = sbm.node.memory_blocks.zone_id(sbm.first_memory_block + index)
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

    def _add_memory_blocks(self) -> Acts[Errno]:
        """Plugs and adds unused memory blocks, then such as were never used; both ascending."""
        sbm = self._sbm
        index = 0
        while self.left:
            index = sbm.blocks.first_in(SbmState.UNUSED, index)
            if not block_hotplug.could_add_memory_block(sbm):
                return self._stopped(Errno.ENOSPC, index)
            if index < 0 and not self._is_next_usable():
                return self._stopped(Errno.ENOSPC, index)
            yield
            if index < 0:
                index = sbm.blocks.claim_next()
            result = self._plug_and_add(index)
            if result is not Errno.OK:
                return self._stopped(result, index)
            index += 1
        return Errno.OK

    def _is_next_usable(self) -> bool:
        sbm = self._sbm
        index = sbm.blocks.next_index
        return index < sbm.blocks.nr_memory_blocks and sbm.address(index + 1, 0) <= sbm.queue.usable_end

    def _plug_and_add(self, index: int) -> Errno:
        sbm = self._sbm
        count = min(self.left, sbm.blocks.subblocks_per_memory_block)
        result = sbm.plug(index, first=0, count=count)
        if result is not Errno.OK:
            return result
        result = block_hotplug.add_memory_block(sbm, index)
        if result is not Errno.OK:
            is_undone = sbm.unplug(index, first=0, count=count) is Errno.OK
            # D-7: plugged but absent, until a later pass gets rid of it.
            sbm.blocks.set_state(index, SbmState.UNUSED if is_undone else SbmState.PLUGGED)
            return result
        self.left -= count
        return Errno.OK

    def _stopped(self, result: Errno, index: int) -> Errno:
        """Notes what stopped the plug; a changed config is no shortage. index: the memory block, or -1."""
        if result is not Errno.EAGAIN:
            sbm = self._sbm
            pfn = sbm.start_pfn(index) if index >= 0 else None
            sbm.report.set_shortage(StuckPiece(pfn, None, None, result, self.left * sbm.subblock_size))
        return result
