"""Forking a driver: the same book in the same sub-blocks, told anew in others, or refused."""

import pytest

from app.errors import StateError
from app.mm.fork import fork_node
from app.mm.hotplug_rules import OnlinePolicy
from app.mm.policies.policy import policy
from app.mm.policies.switches import Level
from app.trace.sink import ListSink
from app.units import MIB
from app.virtio_mem.driver.driver import Driver
from app.virtio_mem.driver.fork import fork_driver
from app.virtio_mem.driver.options import ModuleParameters
from app.virtio_mem.invariants import verify_device, verify_driver
from tests.virtio_mem.board import TOY, Board, build
from tests.virtio_mem.interfering import BusyHost

BY_PAGEBLOCK = (Level.MEMORY_BLOCK, Level.PAGEBLOCK)
BY_CHUNK = (Level.MEMORY_BLOCK, Level.CHUNK)


def fork(board: Board, name: str, *, fallback: tuple[Level, ...] | None = None) -> tuple[Driver, Board]:
    """Forks a board under another policy; checks device and driver."""
    sink = ListSink()
    node = fork_node(board.node, policy(name), sink=sink)
    device = board.device.fork(sink)
    driver = fork_driver(
        board.driver, device, node, fallback=fallback, sink=sink, charge=lambda counts, _: counts.contig_calls
    )
    assert verify_device(device) == []
    assert verify_driver(driver, device) == []
    return driver, Board(node, device, driver, sink)


def test_fork_takes_states_bits_and_timer_over() -> None:
    """A driver that waits to retry waits in the copy too, with the same memory blocks in the same states."""
    board = build(TOY)
    board.resize(20 * MIB)
    board.device.interference = BusyHost(1)
    board.resize(10 * MIB)
    assert board.driver.armed_ms
    driver, _ = fork(board, "linux-5.19")
    assert bytes(driver.book.blocks.states) == bytes(board.driver.book.blocks.states)
    assert driver.book.blocks.plugged == board.driver.book.blocks.plugged
    assert driver.count_blocks() == board.driver.count_blocks()
    assert (driver.armed_ms, driver.retry_ms, driver.last_result) == (
        board.driver.armed_ms,
        board.driver.retry_ms,
        board.driver.last_result,
    )


def test_fork_has_seen_no_more_of_the_config_than_the_original() -> None:
    """A target that was set while nobody looked is one that the copy has still to notice."""
    board = build(TOY)
    board.device.set_requested_size(8 * MIB)
    driver, _ = fork(board, "linux-5.19")
    assert driver.queue.is_config_changed
    assert driver.queue.requested_size == 0
    assert driver.run().size == 8 * MIB


def test_fork_and_original_then_do_the_same() -> None:
    """Both answer a new target with equal outcomes, and neither sees the other's."""
    board = build(TOY)
    board.resize(20 * MIB)
    _, copied = fork(board, "linux-5.19")
    assert copied.resize(3 * MIB) == board.resize(3 * MIB)
    copied.resize(30 * MIB)
    assert board.device.plugged_size == 3 * MIB


def test_fork_into_larger_subblocks_gathers_bits() -> None:
    """Whole chunks are plugged: a driver of 5.15 holds them as one sub-block each."""
    board = build(TOY)
    board.resize(12 * MIB)
    driver, copied = fork(board, "linux-5.15", fallback=BY_CHUNK)
    assert driver.unit_size == 2 * MIB
    assert driver.book.blocks.plugged == [0b1111, 0b0011]
    assert copied.resize(0).size == 0


def test_fork_into_larger_subblocks_with_part_plugged_is_refused() -> None:
    """11 MiB of sub-blocks of 2 MiB: the last one is half plugged."""
    board = build(TOY)
    board.resize(11 * MIB)
    refused = "vm0 has 1 MiB of a sub-block of 2 MiB plugged, which a driver of linux-5.15 cannot hold"
    with pytest.raises(StateError, match=refused):
        fork(board, "linux-5.15", fallback=BY_CHUNK)


def test_fork_into_smaller_subblocks_repeats_bits() -> None:
    """Each bit of a chunk becomes the bits of its pageblocks."""
    board = build(TOY._replace(policy="linux-5.15", fallback=("memory_block", "chunk")))
    board.resize(12 * MIB)
    driver, copied = fork(board, "linux-5.19", fallback=BY_PAGEBLOCK)
    assert driver.book.blocks.plugged == [0xFF, 0x0F]
    assert copied.resize(11 * MIB).size == 11 * MIB


def test_fork_into_smaller_subblocks_may_have_a_rest_to_plug() -> None:
    """INV-28: 11 MiB are asked for, 5.15 stops at 10; a sub-block of 1 MiB can have the last one too."""
    board = build(TOY._replace(policy="linux-5.15", fallback=("memory_block", "chunk")))
    assert board.resize(11 * MIB).size == 10 * MIB
    driver, copied = fork(board, "linux-5.19", fallback=BY_PAGEBLOCK)
    assert driver.last_result is None
    assert copied.resize(11 * MIB).size == 11 * MIB


def test_fork_tells_states_in_the_other_drivers_words() -> None:
    """8.1: ONLINE of an old driver is KERNEL of a new one; UNUSED and OFFLINE stay what they are."""
    board = build(TOY._replace(policy="linux-5.10", fallback=("memory_block", "chunk")))
    board.resize(28 * MIB)
    board.resize(12 * MIB)
    board.offline(8)
    old = {name: count for name, count in board.driver.count_blocks().items() if count}
    new = {name: count for name, count in fork(board, "linux-5.19")[0].count_blocks().items() if count}
    assert old == {"offline": 1, "online_partial": 1, "unused": 6}
    assert new == {"offline": 1, "kernel_partial": 1, "unused": 6}


def test_fork_of_movable_memory_finds_its_zone() -> None:
    """The zone of a memory block decides its state."""
    board = build(TOY._replace(policy="linux-5.10", online=OnlinePolicy.ONLINE_MOVABLE))
    board.resize(8 * MIB)
    assert fork(board, "linux-6.6")[0].count_blocks()["movable"] == 1


BIG = TOY._replace(parameters=ModuleParameters(force_bbm=True, bbm_block_size=16 * MIB))


def test_fork_of_big_blocks_has_the_same_big_blocks() -> None:
    """States, bits, and one that waits for the next cleanup (INV-18, INV-30)."""
    board = build(BIG)
    board.resize(64 * MIB)
    board.device.interference = BusyHost(2)
    board.resize(48 * MIB)
    driver, copy = fork(board, "linux-5.19")
    assert driver.count_blocks() == board.driver.count_blocks()
    assert driver.count_blocks()["plugged"] == 1
    assert driver.fire_timer().size == 48 * MIB
    copy.verify()


def test_fork_in_the_middle_of_a_big_block_has_its_pages_back() -> None:
    """INV-30: no act of the copy's driver took them; its work begins anew."""
    board = build(BIG)
    board.resize(32 * MIB)
    board.device.set_requested_size(16 * MIB)
    board.driver.begin()
    for _ in range(4):
        board.driver.step()
    assert board.driver.count_blocks()["fake_offline"] == 1
    driver, copy = fork(board, "linux-5.19")
    assert (driver.count_blocks()["added"], driver.book.tally.nr_marked) == (2, 0)
    assert driver.finish().size == board.driver.finish().size == 16 * MIB
    copy.verify()
    board.verify()


def test_fork_of_big_blocks_under_a_kernel_without_them_has_sub_blocks() -> None:
    """8.10: the older driver does not know the parameter; every memory block is plugged as a whole."""
    board = build(BIG)
    board.resize(32 * MIB)
    board.offline(9)
    driver, copy = fork(board, "linux-5.10")
    counts = driver.count_blocks()
    assert (counts["online"], counts["offline"]) == (3, 1)
    copy.device.set_requested_size(8 * MIB)
    assert driver.run().size == 8 * MIB
    copy.verify()


def test_fork_of_sub_blocks_as_big_blocks_needs_whole_ones() -> None:
    """What is plugged in part, or only half of a big block, has no place in a driver of big blocks."""
    board = build(BIG._replace(policy="linux-5.10"))
    board.resize(32 * MIB)
    driver, copy = fork(board, "linux-5.19")
    assert driver.count_blocks()["added"] == 2
    copy.verify()
    for size, part in ((40 * MIB, "8 MiB"), (18 * MIB, "2 MiB")):
        board.resize(size)
        with pytest.raises(StateError, match=f"{part} of a big block of 16 MiB"):
            fork(board, "linux-5.19")
