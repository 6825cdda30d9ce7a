"""Memory blocks added, onlined, offlined and removed by the driver: states, offline_size, and refusals."""

import pytest

from app.mm import hotplug
from app.mm.hotplug_rules import OnlinePolicy
from app.mm.page import PageKind
from app.mm.zone import ZoneId
from app.units import MIB
from app.virtio_mem.driver import block_hotplug
from app.virtio_mem.driver.options import ModuleParameters
from app.virtio_mem.driver.states import BlockState
from tests.virtio_mem.board import TEST_OWNER, TOY, Board, build


def partial_board(*, online: OnlinePolicy = OnlinePolicy.ONLINE_KERNEL, policy: str = "linux-5.19") -> Board:
    """One memory block that is plugged but for the upper part: 5 MiB, or 6 where a sub-block has 2."""
    board = build(
        TOY._replace(
            online=online,
            policy=policy,
            fallback=("memory_block", "pageblock") if policy != "linux-5.15" else ("memory_block", "chunk"),
        )
    )
    board.resize(6 * MIB if policy == "linux-5.15" else 5 * MIB)
    return board


def test_onlining_leaves_unplugged_subblocks_with_the_driver() -> None:
    """8.7: the pages of unplugged sub-blocks are OFFLINE and not managed."""
    board = partial_board(online=OnlinePolicy.OFFLINE)
    assert board.sbm.offline_size == 8 * MIB
    assert board.online(8, ZoneId.MOVABLE) == "0"
    board.verify()
    zone = board.node.zones[ZoneId.MOVABLE]
    page_size = board.node.geometry.page_size
    assert (zone.present, zone.managed) == (8 * MIB // page_size, 5 * MIB // page_size)
    assert board.sbm.offline_size == 0
    assert board.driver.count_blocks()["movable_partial"] == 1


def test_onlining_twice_is_vetoed() -> None:
    """8.8: GOING_ONLINE is refused unless the block is offline; nothing changes."""
    board = partial_board()
    assert board.online(8, ZoneId.MOVABLE) == "EINVAL"
    board.verify()


def test_memory_in_its_region_that_it_did_not_add_is_refused() -> None:
    """8.8: what an earlier driver left there, or somebody else added, goes neither on- nor offline."""
    board = partial_board()
    size = board.node.geometry.memory_block_nr_pages
    assert hotplug.add_memory(board.node, 9 * size, 10 * size) == "0"
    # The system tried at once, and was refused.
    assert board.node.memory_blocks.state(9) == "offline"
    assert board.online(9, ZoneId.MOVABLE) == "EPERM"
    board.sbm.blocks.claim_up_to(2)
    assert board.online(9, ZoneId.MOVABLE) == "EPERM"


def test_memory_of_others_is_no_matter_of_the_driver() -> None:
    """Boot memory goes off- and online without its book changing."""
    board = partial_board()
    before = board.driver.count_blocks(), board.sbm.offline_size
    assert (board.offline(7), board.online(7, ZoneId.NORMAL)) == ("0", "0")
    assert (board.driver.count_blocks(), board.sbm.offline_size) == before
    assert not board.driver.is_work_queued
    assert [board.driver.owns(memory_block) for memory_block in (7, 8, 15, 16)] == [False, True, True, False]


def test_driver_wakes_for_memory_set_by_hand_and_not_for_its_own_doing() -> None:
    """8.8: ONLINE below half the threshold and OFFLINE queue the work; adding memory that goes online does not."""
    board = build(TOY._replace(online=OnlinePolicy.ONLINE_KERNEL))
    board.resize(16 * MIB)
    queued = [board.driver.is_work_queued]
    board.offline(9)
    queued.append(board.driver.is_work_queued)
    assert board.driver.run().nr_passes == 1
    queued.append(board.driver.is_work_queued)
    board.online(9, ZoneId.MOVABLE)
    queued.append(board.driver.is_work_queued)
    assert queued == [False, True, False, True]


@pytest.mark.parametrize("policy_name", ["linux-5.15", "linux-6.17"])
def test_offlining_with_unplugged_subblocks_lowers_managed_by_the_plugged_pages(policy_name: str) -> None:
    """S33, HP-7: managed falls by exactly the plugged pages, by either account; the block is OFFLINE_PARTIAL."""
    board = partial_board(policy=policy_name)
    zone = board.node.zones[ZoneId.NORMAL]
    managed, present = zone.managed, zone.present
    assert board.offline(8) == "0"
    board.verify()
    page_size = board.node.geometry.page_size
    assert zone.managed == managed - board.device.plugged_size // page_size
    assert zone.present == present - 8 * MIB // page_size
    assert board.driver.count_blocks()["offline_partial"] == 1


@pytest.mark.parametrize("policy_name", ["linux-5.15", "linux-6.17"])
def test_offlining_over_a_pinned_page_changes_nothing(policy_name: str) -> None:
    """S33: CANCEL_OFFLINE; managed, references, states and the driver's book are as before, by either account."""
    board = partial_board(policy=policy_name)
    board.put(0, PageKind.PINNED)
    zone = board.node.zones[ZoneId.NORMAL]
    before = (zone.managed, zone.present, zone.nr_isolate, board.driver.count_blocks())
    assert board.offline(8) == "EINTR"
    board.verify()
    assert (zone.managed, zone.present, zone.nr_isolate, board.driver.count_blocks()) == before


def test_offline_block_can_be_given_back_cheaply() -> None:
    """8.8, as recorded: once set offline, it goes without an attempt, also when online memory may not."""
    board = build(TOY._replace(parameters=ModuleParameters(unplug_online=False)))
    board.resize(16 * MIB)
    board.resize(0)
    assert board.offline(9) == "0"
    assert board.driver.is_work_queued
    outcome = board.driver.run()
    board.verify()
    assert (outcome.size, outcome.offline_bytes) == (8 * MIB, 8 * MIB)
    assert board.attempts() == []


def test_empty_block_with_a_foreign_page_stays_online() -> None:
    """8.5: when it cannot be offlined, it stays, entirely unplugged, and is tried again."""
    board = build(TOY)
    board.resize(8 * MIB)
    sbm = board.sbm
    board.put(0, PageKind.UNMOVABLE)
    assert block_hotplug.offline_and_remove_block(sbm, 0).result == "EBUSY"
    assert sbm.blocks.states[0] == BlockState.KERNEL
    board.node.free_runs(board.node.owned_pfns(TEST_OWNER))
    sbm.unplug(0, first=0, count=8)
    block_hotplug.remove_if_unplugged(sbm, 0)
    assert sbm.blocks.states[0] == BlockState.UNUSED
    assert not sbm.is_removal_pending


def test_limit_of_offline_memory_counts_the_block_to_come() -> None:
    """D-6: one more memory block must fit below the threshold."""
    board = build(TOY._replace(online=OnlinePolicy.OFFLINE))
    sbm = board.sbm
    sbm.offline_threshold = 16 * MIB
    assert sbm.could_add()
    board.resize(16 * MIB)
    assert not sbm.could_add()
