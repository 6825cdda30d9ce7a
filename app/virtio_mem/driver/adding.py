"""Adding blocks, in either mode: unused ones are plugged and added, then such as were never used; both ascending.

Mirrors virtio_mem_sbm_plug_and_add_mb() and virtio_mem_bbm_plug_request() of drivers/virtio/virtio_mem.c
(semantics 8.4, 8.9, D-6 to D-9).
Invariants kept here: INV-18, INV-19, INV-30.
Left out: completing memory blocks that are there (plug.py).
"""

from app.mm.outcome import Errno
from app.virtio_mem.driver import block_hotplug
from app.virtio_mem.driver.acts import Acts
from app.virtio_mem.driver.causes import Cause
from app.virtio_mem.driver.mode import ModeBook
from app.virtio_mem.driver.report import StuckPiece
from app.virtio_mem.driver.states import BlockState


class AddWalk:
    """One addition of `left` units; an error ends it, and what was done stays (D-8)."""

    def __init__(self, book: ModeBook, nr_units: int) -> None:
        """Plans to add nr_units."""
        self._book = book
        self.left = nr_units

    def acts(self) -> Acts[Errno]:
        """Plugs and adds until nothing is left to do or something stops it, request by request.

        ENOSPC: the usable region ends, or too much memory is offline; ENOMEM: no room for a memmap.
        """
        book = self._book
        index = 0
        while self.left:
            index = book.blocks.first_in(BlockState.UNUSED, index)
            if not book.could_add() or (index < 0 and not self._is_next_usable()):
                return note_stop(book, Errno.ENOSPC, index, self.left)
            yield
            if index < 0:
                index = book.blocks.claim_next()
            result = self._plug_and_add(index)
            if result is not Errno.OK:
                return note_stop(book, result, index, self.left)
            index += 1
        return Errno.OK

    def _is_next_usable(self) -> bool:
        book = self._book
        index = book.blocks.next_index
        return index < book.blocks.nr_blocks and book.address(index + 1, 0) <= book.queue.usable_end

    def _plug_and_add(self, index: int) -> Errno:
        book = self._book
        count = min(self.left, book.blocks.units_per_block)
        result = book.plug(index, first=0, count=count)
        if result is not Errno.OK:
            return result
        result = block_hotplug.add_block(book, index)
        if result is not Errno.OK:
            is_undone = book.unplug(index, first=0, count=count) is Errno.OK
            # D-7: plugged but absent, until a later pass gets rid of it.
            book.blocks.set_state(index, BlockState.UNUSED if is_undone else BlockState.PLUGGED)
            return result
        self.left -= count
        return Errno.OK


def note_stop(book: ModeBook, result: Errno, index: int, left: int) -> Errno:
    """Notes what stopped a plug of so many units more; a changed config is no shortage. index: the block, or -1."""
    if result is not Errno.EAGAIN:
        pfn = book.start_pfn(index) if index >= 0 else None
        cause = _cause_of_stop(book, result)
        book.report.set_shortage(StuckPiece(pfn, None, None, result, left * book.unit_size, cause))
    return result


def _cause_of_stop(book: ModeBook, result: Errno) -> Cause:
    if result is Errno.ENOSPC:
        return Cause.REGION if book.could_add() else Cause.OFFLINE_LIMIT
    if result is not Errno.ENOMEM:
        return Cause.DEVICE
    return Cause.FAULT_RULE if book.is_addition_refused else Cause.MEMORY
