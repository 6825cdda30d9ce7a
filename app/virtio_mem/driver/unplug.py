"""Unplugging in sub-block mode: from the top down, whole memory blocks first, then by the fallback levels.

Mirrors virtio_mem_sbm_unplug_request() of drivers/virtio/virtio_mem.c (semantics 8.5), with the levels of 8.6
in place of the kernel's two.

    depth first            memory block ──busy──▶ chunk ──busy──▶ its pageblocks ──▶ next lower chunk
    breadth first          memory block ──busy──▶ all chunks ──▶ pageblocks of those that were busy

Invariants kept here: INV-18, INV-19; D-9, D-10, D-12.
Left out: when to unplug (driver.py).
"""

from app.mm.outcome import ContigOutcome, Errno
from app.mm.policies.switches import L1Order
from app.trace.events import UnplugAttempted
from app.virtio_mem.driver import block_hotplug
from app.virtio_mem.driver.acts import Acts
from app.virtio_mem.driver.causes import Cause, cause_of_take
from app.virtio_mem.driver.fake_offline import fake_offline, fake_online
from app.virtio_mem.driver.report import StuckPiece
from app.virtio_mem.driver.states import UNPLUG_OFFLINE, BlockState
from app.virtio_mem.driver.subblock_mode import SubblockMode


class UnplugWalk:
    """One unplug of `left` sub-blocks; busy pieces are passed over, any other error ends it."""

    def __init__(self, sbm: SubblockMode, nr_subblocks: int) -> None:
        """Plans to unplug nr_subblocks."""
        self._sbm = sbm
        self._last = len(sbm.plan.levels) - 1
        self._is_depth_first = sbm.policy.l1_order is L1Order.DEPTH
        self.left = nr_subblocks

    def acts(self, *, unplug_online: bool) -> Acts[Errno]:
        """Unplugs offline memory, then, if allowed, online memory. EBUSY: not all of it could be taken."""
        result = yield from self._walk(UNPLUG_OFFLINE, is_online=False)
        if result is not Errno.OK or not unplug_online:
            return result  # without the permission no error and no retry (8.5)
        result = yield from self._walk(self._sbm.orders.unplug_online, is_online=True)
        if result is not Errno.OK:
            return result
        return Errno.EBUSY if self.left else Errno.OK

    def _walk(self, states: tuple[BlockState, ...], *, is_online: bool) -> Acts[Errno]:
        """Visits the memory blocks state by state, each descending (D-9, D-10)."""
        blocks = self._sbm.blocks
        for state in states:
            index = blocks.last_in(state, blocks.next_index)
            while index >= 0 and self.left:
                result = yield from (self._unplug_online(index) if is_online else self._unplug_offline(index))
                if result is not Errno.OK:
                    return result
                index = blocks.last_in(state, index)
        return Errno.OK

    # ------------------------------------------------------------------------------ offline memory

    def _unplug_offline(self, index: int) -> Acts[Errno]:
        """Unplugs an offline memory block, highest runs first, and removes it when nothing is left in it."""
        sbm = self._sbm
        result = Errno.OK
        while self.left and sbm.blocks.plugged[index] and result is Errno.OK:
            yield
            first, count = sbm.blocks.highest_plugged_run(index, self.left)
            result = sbm.unplug(index, first=first, count=count)
            if result is Errno.OK:
                self.left -= count
                sbm.tally.offline_bytes += count * sbm.unit_size
        sbm.settle_state(index, None)
        if result is not Errno.OK:
            self._note_shortage(result, StuckPiece(sbm.start_pfn(index), None, None, result, 0, Cause.DEVICE))
        elif not sbm.blocks.plugged[index]:
            block_hotplug.remove_memory_block(sbm, index)
        return result

    # ------------------------------------------------------------------------------- online memory

    def _unplug_online(self, index: int) -> Acts[Errno]:
        """Takes an online memory block back level by level, and removes it when nothing is left in it."""
        nr_subblocks = self._sbm.blocks.units_per_block
        result = Errno.OK
        if self._is_depth_first:
            result = yield from self._take_units(index, 0, (0, nr_subblocks))
        else:
            for depth in range(self._last + 1):
                result = yield from self._take_units(index, depth, (0, nr_subblocks))
                if result is not Errno.OK:
                    break
        if result is Errno.OK:
            block_hotplug.remove_if_unplugged(self._sbm, index)
        return result

    def _take_units(self, index: int, depth: int, span: tuple[int, int]) -> Acts[Errno]:
        """Takes the units of one level in `span`, descending; depth first, a busy one is dissolved at once.

        Only a unit that is plugged and wanted completely is tried as a whole (D-12).
        """
        nr_subblocks = self._sbm.plan.levels[depth].nr_subblocks
        plugged = self._sbm.blocks.plugged
        is_dissolved = self._is_depth_first and depth < self._last
        for first in range(span[1] - nr_subblocks, span[0] - 1, -nr_subblocks):
            if not self.left:
                break
            unit = ((1 << nr_subblocks) - 1) << first
            bits = plugged[index] & unit
            result = Errno.EBUSY
            if bits == unit and nr_subblocks <= self.left:
                result = yield from self._take(index, depth, first=first)
            if result is Errno.EBUSY and is_dissolved and bits:
                smaller = (first, first + nr_subblocks)
                result = yield from self._take_units(index, depth + 1, smaller)
            if result is not Errno.OK and result is not Errno.EBUSY:
                return result
        return Errno.OK

    def _take(self, index: int, depth: int, *, first: int) -> Acts[Errno]:
        """Takes one unit from Linux and gives it to the device; pages go back if the device refuses (S35)."""
        sbm = self._sbm
        level, count = sbm.plan.levels[depth]
        start_pfn = sbm.start_pfn(index) + first * sbm.unit_nr_pages
        end_pfn = start_pfn + count * sbm.unit_nr_pages
        outcome = yield from fake_offline(sbm, start_pfn, end_pfn, depth=depth)
        result, _, obstacle, *_ = outcome
        if result is Errno.OK:
            result = sbm.unplug(index, first=first, count=count)
            if result is Errno.OK:
                self._book(index, depth, count=count)
            else:
                fake_online(sbm, index, first=first, count=count)
        obstacle_pfn = -1 if obstacle is None else obstacle.pfn
        sbm.sink.emit(
            UnplugAttempted(sbm.queue.device_id, str(level), start_pfn, end_pfn, str(result), obstacle_pfn)
        )
        if result is not Errno.OK:
            self._explain(outcome, result, (index, depth, first))
        return result

    def _book(self, index: int, depth: int, *, count: int) -> None:
        sbm = self._sbm
        self.left -= count
        sbm.report.level_bytes[depth] += count * sbm.unit_size
        state = sbm.blocks.states[index]
        if not state & 1:
            sbm.blocks.set_state(index, BlockState(state + 1))

    # ------------------------------------------------------------------------------------- reasons

    def _explain(self, outcome: ContigOutcome, result: Errno, unit: tuple[int, int, int]) -> None:
        """Notes why a unit (memory block, depth, first sub-block) stayed, unless smaller ones are to come."""
        sbm = self._sbm
        index, depth, first = unit
        pfn = sbm.start_pfn(index) + first * sbm.unit_nr_pages
        kind = None
        if outcome.obstacle is not None:
            pfn, kind = outcome.obstacle
        level = sbm.plan.levels[depth].level
        piece = StuckPiece(pfn, kind, level, result, sbm.unit_size, cause_of_take(outcome))
        if result is not Errno.EBUSY:
            self._note_shortage(result, piece)
        elif depth == self._last:
            sbm.report.add_stuck(index, first, piece)

    def _note_shortage(self, result: Errno, piece: StuckPiece) -> None:
        """Notes what ended the whole unplug; a changed config is no shortage."""
        if result is not Errno.EAGAIN:
            size = self._sbm.unit_size
            self._sbm.report.set_shortage(piece._replace(nr_bytes=self.left * size))
