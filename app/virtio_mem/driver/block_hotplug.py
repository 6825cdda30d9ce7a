"""The driver's memory blocks through hotplug: added, onlined, offlined and removed, with its book kept.

Mirrors virtio_mem_sbm_add_mb(), virtio_mem_sbm_offline_and_remove_mb() and the notifier of
drivers/virtio/virtio_mem.c (semantics 8.4 D-6 D-7, 8.8).
Invariants kept here: INV-19 (states follow Linux), INV-22 (offline_size).
Left out: vetoes for other drivers' memory; the references of HP-7, which mm.hotplug does not need.
"""

from app.mm import hotplug
from app.mm.outcome import Errno
from app.mm.policies.switches import DriverStates
from app.mm.zone import ZoneId
from app.virtio_mem.driver.states import SbmState
from app.virtio_mem.driver.subblock_mode import SubblockMode


def could_add_memory_block(sbm: SubblockMode) -> bool:
    """Whether one more memory block keeps below the limit of memory that nobody onlines (D-6)."""
    return sbm.offline_size + sbm.memory_block_size <= sbm.offline_threshold


def is_more_welcome(sbm: SubblockMode) -> bool:
    """Whether so much of the added memory is online by now that the driver goes on adding (D-6)."""
    if sbm.policy.driver_states is DriverStates.OLD:
        return sbm.offline_size == sbm.offline_threshold - sbm.memory_block_size
    return sbm.offline_size <= sbm.offline_threshold // 2


def add_memory_block(sbm: SubblockMode, index: int) -> Errno:
    """Adds a memory block, plugged as its bits say; it goes online if the system does that by itself.

    After a failure the block is absent and its state is the caller's to set.
    """
    start_pfn = sbm.start_pfn(index)
    # D-7: the state is set before, because onlining happens inside the addition.
    sbm.settle_state(index, None)
    sbm.offline_size += sbm.memory_block_size
    result = hotplug.add_memory(sbm.node, start_pfn, start_pfn + sbm.memory_block_nr_pages)
    if result is not Errno.OK:
        sbm.offline_size -= sbm.memory_block_size
        return result
    sbm.tally.memory_blocks_added += 1
    if sbm.auto_online is not None:
        # A block that cannot go online stays offline; the addition is done.
        online_memory_block(sbm, index, sbm.auto_online)
    return Errno.OK


def online_memory_block(sbm: SubblockMode, index: int, zone: ZoneId) -> Errno:
    """Onlines an offline memory block, except its unplugged sub-blocks. EINVAL: it is not offline (8.8)."""
    if sbm.blocks.states[index] not in {SbmState.OFFLINE, SbmState.OFFLINE_PARTIAL}:
        return Errno.EINVAL
    start_pfn = sbm.start_pfn(index)
    result = hotplug.online_pages(
        sbm.node,
        start_pfn,
        start_pfn + sbm.memory_block_nr_pages,
        zone,
        offline_ranges=sbm.offline_ranges(index),
    )
    if result is Errno.OK:
        sbm.settle_state(index, zone)
        sbm.offline_size -= sbm.memory_block_size
        sbm.tally.memory_blocks_onlined += 1
    return result


def offline_memory_block(sbm: SubblockMode, index: int) -> Errno:
    """Offlines an online memory block, its unplugged sub-blocks included (HP-7)."""
    start_pfn = sbm.start_pfn(index)
    result = hotplug.offline_pages(sbm.node, start_pfn, start_pfn + sbm.memory_block_nr_pages)
    if result is Errno.OK:
        sbm.settle_state(index, None)
        sbm.offline_size += sbm.memory_block_size
        sbm.tally.memory_blocks_offlined += 1
    return result


def remove_memory_block(sbm: SubblockMode, index: int) -> None:
    """Removes an offline memory block without plugged sub-blocks."""
    start_pfn = sbm.start_pfn(index)
    result = hotplug.remove_memory(sbm.node, start_pfn, start_pfn + sbm.memory_block_nr_pages)
    assert result is Errno.OK, f"INV-19: memory block {index} was offline, removing it: {result}"
    sbm.offline_size -= sbm.memory_block_size
    sbm.tally.memory_blocks_removed += 1
    sbm.blocks.set_state(index, SbmState.UNUSED)


def offline_and_remove_memory_block(sbm: SubblockMode, index: int) -> Errno:
    """Offlines and removes an online memory block without plugged sub-blocks; on failure it is as before."""
    start_pfn = sbm.start_pfn(index)
    result = hotplug.offline_and_remove_memory(sbm.node, start_pfn, start_pfn + sbm.memory_block_nr_pages)
    if result is Errno.OK:
        sbm.tally.memory_blocks_offlined += 1
        sbm.tally.memory_blocks_removed += 1
        sbm.blocks.set_state(index, SbmState.UNUSED)
    return result


def remove_if_unplugged(sbm: SubblockMode, index: int) -> None:
    """Removes an online memory block if nothing of it is plugged any more.

    A failure is no error: up to 6.1 it is forgotten, later the pass ends with EBUSY and the timer retries.
    """
    if sbm.blocks.plugged[index] == 0 and offline_and_remove_memory_block(sbm, index) is not Errno.OK:
        sbm.is_removal_pending = sbm.policy.retry_removal
