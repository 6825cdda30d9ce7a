"""Cleanup at the start of a pass: gets rid of what earlier passes could not finish.

Mirrors virtio_mem_cleanup_pending_mb() of drivers/virtio/virtio_mem.c (semantics 8.3, D-7; removal: 6.6+).
Left out: nothing.
"""

from app.mm.outcome import Errno
from app.virtio_mem.driver import block_hotplug
from app.virtio_mem.driver.acts import Acts
from app.virtio_mem.driver.states import SbmState
from app.virtio_mem.driver.subblock_mode import SubblockMode

_ONLINE_PARTIAL = (SbmState.KERNEL_PARTIAL, SbmState.MOVABLE_PARTIAL, SbmState.ONLINE_PARTIAL)


def cleanup_pending(sbm: SubblockMode) -> Acts[Errno]:
    """Unplugs memory blocks that could not be added, and removes those whose removal had failed.

    The device's error ends it; a removal that fails again stays pending.
    """
    index = sbm.blocks.first_in(SbmState.PLUGGED, 0)
    while index >= 0:
        while sbm.blocks.plugged[index]:
            yield
            first, count = sbm.blocks.highest_plugged_run(index, sbm.blocks.subblocks_per_memory_block)
            result = sbm.unplug(index, first=first, count=count)
            if result is not Errno.OK:
                return result
        sbm.blocks.set_state(index, SbmState.UNUSED)
        index = sbm.blocks.first_in(SbmState.PLUGGED, index)
    if sbm.is_removal_pending:
        _remove_unplugged(sbm)
    return Errno.OK


def _remove_unplugged(sbm: SubblockMode) -> None:
    sbm.is_removal_pending = False
    for state in _ONLINE_PARTIAL:
        index = sbm.blocks.first_in(state, 0)
        while index >= 0:
            block_hotplug.remove_if_unplugged(sbm, index)
            index = sbm.blocks.first_in(state, index + 1)
