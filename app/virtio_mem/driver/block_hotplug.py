"""The driver's memory blocks through hotplug: added, onlined, offlined and removed, with its counts kept.

Mirrors virtio_mem_sbm_add_mb(), virtio_mem_sbm_offline_and_remove_mb() of drivers/virtio/virtio_mem.c
(semantics 8.4 D-6 D-7).
Invariants kept here: INV-19 (states follow Linux), INV-22 (offline_size).
Left out: what the driver does when memory goes on- or offline, by whomever (subblock_mode.py).
"""

from app.mm import hotplug
from app.mm.memory_block import MemoryBlockState
from app.mm.outcome import Errno, OfflineOutcome
from app.virtio_mem.driver.mode import ModeBook
from app.virtio_mem.driver.states import BlockState
from app.virtio_mem.driver.subblock_mode import SubblockMode


def add_block(book: ModeBook, index: int) -> Errno:
    """Adds a block's memory, plugged as its bits say; it goes online if the system does that by itself.

    After a failure the memory is absent and the block's state is the caller's to set.
    """
    pair = book.pfns(index)
    # D-7: the state is set before, because onlining happens inside the addition.
    book.settle_state(index, None)
    book.offline_size += book.block_size
    result = book.refusal_to_add(*pair)
    if result is Errno.OK:
        queue = book.queue
        result = hotplug.add_memory(book.node, *pair, numa_node=queue.numa_node, group=queue.device_id)
    if result is not Errno.OK:
        book.offline_size -= book.block_size
        return result
    book.tally.memory_blocks_added += len(book.memory_blocks(index))
    # A memory block that cannot go online stays offline; the addition is done.
    book.tally.memory_blocks_onlined += _nr_online(book, index)
    return Errno.OK


def remove_memory_block(sbm: SubblockMode, index: int) -> None:
    """Removes an offline memory block without plugged sub-blocks."""
    result = hotplug.remove_memory(sbm.node, *sbm.pfns(index))
    assert result is Errno.OK, f"INV-19: memory block {index} was offline, removing it: {result}"
    _follow_removal(sbm, index)


def offline_and_remove_block(book: ModeBook, index: int) -> OfflineOutcome:
    """Offlines what of a block is online, and removes its memory; on failure it is as before."""
    nr_online = _nr_online(book, index)
    outcome = hotplug.offline_and_remove_memory(book.node, *book.pfns(index))
    if outcome.result is Errno.OK:
        book.tally.memory_blocks_offlined += nr_online
        _follow_removal(book, index)
    return outcome


def _follow_removal(book: ModeBook, index: int) -> None:
    """Books a block whose memory is gone; what its memmap took may be the way on for the next one."""
    book.offline_size -= book.block_size
    book.tally.memory_blocks_removed += len(book.memory_blocks(index))
    book.blocks.set_state(index, BlockState.UNUSED)
    book.is_work_wanted = True


def _nr_online(book: ModeBook, index: int) -> int:
    states = (book.node.memory_blocks.state(number) for number in book.memory_blocks(index))
    return sum(state is MemoryBlockState.ONLINE for state in states)


def remove_if_unplugged(sbm: SubblockMode, index: int) -> None:
    """Removes an online memory block if nothing of it is plugged any more.

    A failure is no error: up to 6.1 it is forgotten, later the pass ends with EBUSY and the timer retries.
    """
    if sbm.blocks.plugged[index]:
        return
    if offline_and_remove_block(sbm, index).result is not Errno.OK:
        sbm.is_removal_pending = sbm.policy.retry_removal
