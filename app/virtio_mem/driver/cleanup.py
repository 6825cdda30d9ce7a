"""Cleanup at the start of a pass: gets rid of what earlier passes could not finish.

Mirrors virtio_mem_cleanup_pending_mb() of drivers/virtio/virtio_mem.c (semantics 8.3, 8.9, D-7; removal: 6.6+).
Left out: nothing.
"""

from app.mm.outcome import Errno
from app.virtio_mem.driver import block_hotplug
from app.virtio_mem.driver.acts import Acts
from app.virtio_mem.driver.mode import ModeBook
from app.virtio_mem.driver.states import BlockState
from app.virtio_mem.driver.subblock_mode import SubblockMode

_ONLINE_PARTIAL = (BlockState.KERNEL_PARTIAL, BlockState.MOVABLE_PARTIAL, BlockState.ONLINE_PARTIAL)


def unplug_absent(book: ModeBook) -> Acts[Errno]:
    """Unplugs blocks that are plugged, and that Linux does not have; the device's error ends it."""
    index = book.blocks.first_in(BlockState.PLUGGED, 0)
    while index >= 0:
        while book.blocks.plugged[index]:
            yield
            first, count = book.blocks.highest_plugged_run(index, book.blocks.units_per_block)
            result = book.unplug(index, first=first, count=count)
            if result is not Errno.OK:
                return result
        book.blocks.set_state(index, BlockState.UNUSED)
        index = book.blocks.first_in(BlockState.PLUGGED, index)
    return Errno.OK


def cleanup_pending(sbm: SubblockMode) -> Acts[Errno]:
    """Unplugs memory blocks that could not be added, and removes those whose removal had failed.

    The device's error ends it; a removal that fails again stays pending.
    """
    result = yield from unplug_absent(sbm)
    if result is Errno.OK and sbm.is_removal_pending:
        _remove_unplugged(sbm)
    return result


def _remove_unplugged(sbm: SubblockMode) -> None:
    sbm.is_removal_pending = False
    for state in _ONLINE_PARTIAL:
        index = sbm.blocks.first_in(state, 0)
        while index >= 0:
            block_hotplug.remove_if_unplugged(sbm, index)
            index = sbm.blocks.first_in(state, index + 1)
