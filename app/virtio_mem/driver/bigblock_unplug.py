"""Unplugging in big block mode: from the top down, in three passes, and a big block goes wholly or not at all.

    pass   takes big blocks whose memory is
    1      entirely offline                       2      offline or in ZONE_MOVABLE             3      anywhere

    ADDED ──▶ FAKE_OFFLINE: its online sections are taken one by one ──▶ offline and removed ──▶ unplugged: UNUSED
      ▲                                  └─ busy: what was taken goes back ─┘                         └─ PLUGGED
      └───────────────────────────────────────────────┘

Mirrors virtio_mem_bbm_unplug_request() of drivers/virtio/virtio_mem.c (semantics 8.9).
Invariants kept here: INV-18, INV-30.
Left out: when to unplug (driver.py).
"""

from app.mm.outcome import ContigOutcome, Errno
from app.mm.policies.switches import Level
from app.mm.zone import ZoneId
from app.trace.events import UnplugAttempted
from app.virtio_mem.driver import block_hotplug
from app.virtio_mem.driver.acts import Acts
from app.virtio_mem.driver.bigblock_mode import BigBlockMode
from app.virtio_mem.driver.causes import cause_of_take
from app.virtio_mem.driver.fake_offline import fake_offline
from app.virtio_mem.driver.report import StuckPiece
from app.virtio_mem.driver.states import BlockState

# Where all memory of a big block has to be for each of the passes; None: offline.
_PASSES: tuple[frozenset[ZoneId | None], ...] = (
    frozenset({None}),
    frozenset({None, ZoneId.MOVABLE}),
    frozenset({None, *ZoneId}),
)


class BigBlockUnplugWalk:
    """One unplug of `left` big blocks; busy ones are passed over, any other error ends it."""

    def __init__(self, book: BigBlockMode, nr_blocks: int, *, is_safe: bool) -> None:
        """Plans to unplug nr_blocks; is_safe: all pages are taken before a big block is offlined."""
        self._book = book
        self._is_safe = is_safe
        self.left = nr_blocks

    def acts(self, *, unplug_online: bool) -> Acts[Errno]:
        """Unplugs offline memory, then, if allowed, online memory. EBUSY: not all of it could be taken."""
        for zones in _PASSES if unplug_online else _PASSES[:1]:
            result = yield from self._walk(zones)
            if result is not Errno.OK:
                return result
        # Without the permission no error and no retry, as in sub-block mode.
        return Errno.EBUSY if self.left and unplug_online else Errno.OK

    def _walk(self, zones: frozenset[ZoneId | None]) -> Acts[Errno]:
        blocks = self._book.blocks
        index = blocks.last_in(BlockState.ADDED, blocks.next_index)
        while index >= 0 and self.left:
            if self._book.zones(index) <= zones:
                result = yield from self._unplug(index)
                if result not in {Errno.OK, Errno.EBUSY}:
                    return result
            index = blocks.last_in(BlockState.ADDED, index)
        return Errno.OK

    def _unplug(self, index: int) -> Acts[Errno]:
        """Takes one big block from Linux and gives it to the device; what fails leaves it as it was."""
        book = self._book
        is_offline = book.zones(index) == {None}
        outcome = ContigOutcome(Errno.OK)
        if self._is_safe:
            outcome = yield from self._take_sections(index)
        if outcome.result is Errno.OK:
            yield
            outcome = self._remove(index)
        result = outcome.result
        if result is not Errno.OK:
            book.give_back(index)
        else:
            result = self._give_to_device(index, is_offline=is_offline)
        obstacle_pfn = -1 if outcome.obstacle is None else outcome.obstacle.pfn
        start_pfn, device_id = book.start_pfn(index), book.queue.device_id
        end_pfn = start_pfn + book.block_nr_pages
        book.sink.emit(
            UnplugAttempted(device_id, str(Level.BIG_BLOCK), start_pfn, end_pfn, str(result), obstacle_pfn)
        )
        if result is not Errno.OK:
            self._explain(index, outcome, result)
        return result

    def _take_sections(self, index: int) -> Acts[ContigOutcome]:
        """Takes all pages of the memory that is online, section by section; the first failure ends it."""
        book = self._book
        book.blocks.set_state(index, BlockState.FAKE_OFFLINE)
        for start_pfn, end_pfn in book.online_sections(index):
            outcome = yield from fake_offline(book, start_pfn, end_pfn, depth=0)
            if outcome.result is not Errno.OK:
                return outcome
            book.taken.append((start_pfn, end_pfn))
        return ContigOutcome(Errno.OK)

    def _remove(self, index: int) -> ContigOutcome:
        """Offlines what is online and removes the memory; without safety it may find anything in use."""
        outcome = block_hotplug.offline_and_remove_block(self._book, index)
        return ContigOutcome(outcome.result, "offline", outcome.obstacle)

    def _give_to_device(self, index: int, *, is_offline: bool) -> Errno:
        """Unplugs a big block that Linux has no more; refused, it waits for the next cleanup."""
        book = self._book
        book.taken = []
        result = book.unplug(index, first=0, count=1)
        book.blocks.set_state(index, BlockState.UNUSED if result is Errno.OK else BlockState.PLUGGED)
        if result is Errno.OK:
            self.left -= 1
            if is_offline:
                book.tally.offline_bytes += book.unit_size
            else:
                book.report.level_bytes[0] += book.unit_size
        return result

    def _explain(self, index: int, outcome: ContigOutcome, result: Errno) -> None:
        """Notes why a big block stayed; a changed config is no reason."""
        book = self._book
        pfn, kind = outcome.obstacle or (book.start_pfn(index), None)
        piece = StuckPiece(pfn, kind, Level.BIG_BLOCK, result, book.unit_size, cause_of_take(outcome))
        if result is Errno.EBUSY:
            book.report.add_stuck(index, 0, piece)
        elif result is not Errno.EAGAIN:
            book.report.set_shortage(piece._replace(nr_bytes=self.left * book.unit_size))
