"""Fake offline and fake online: attempts, results, and what becomes of pages and of the managed count."""

from dataclasses import replace

import pytest

from app.mm.hotplug_rules import OnlinePolicy
from app.mm.page import PageKind
from app.mm.policies.policy import POLICIES, KernelPolicy
from app.mm.policies.switches import ConfigAbort
from app.mm.zone import ZoneId
from app.units import MIB
from app.virtio_mem.driver.acts import run
from app.virtio_mem.driver.fake_offline import fake_offline, fake_online
from tests.virtio_mem.board import TOY, Board, build

INTERRUPTIBLE = replace(POLICIES["linux-5.19"], config_abort=ConfigAbort.ATTEMPT)


def make_board(*, driver_policy: KernelPolicy | None = None) -> Board:
    """One memory block of 8 MiB, online in ZONE_NORMAL."""
    board = build(TOY._replace(driver_policy=driver_policy))
    board.resize(8 * MIB)
    return board


def managed(board: Board) -> int:
    """Pages that ZONE_NORMAL manages."""
    return board.node.zones[ZoneId.NORMAL].managed


def test_fake_offline_marks_pages_and_lowers_managed() -> None:
    """8.7: the pages are OFFLINE, and the zone manages fewer; presence does not change."""
    board = make_board()
    before, present = managed(board), board.node.zones[ZoneId.NORMAL].present
    start, end = board.pfn(2 * MIB), board.pfn(3 * MIB)
    outcome = run(fake_offline(board.sbm, start, end, depth=2))
    assert outcome.result == "0"
    assert {board.node.kind_of(pfn) for pfn in range(start, end)} == {PageKind.OFFLINE}
    assert managed(board) == before - (end - start)
    assert board.node.zones[ZoneId.NORMAL].present == present


def test_fake_online_undoes_fake_offline() -> None:
    """8.7: pages are free again, and managed is as before."""
    board = make_board()
    before = managed(board)
    start, end = board.pfn(2 * MIB), board.pfn(4 * MIB)
    run(fake_offline(board.sbm, start, end, depth=1))
    fake_online(board.sbm, 0, first=2, count=2)
    assert board.node.kind_of(start) is PageKind.FREE
    assert managed(board) == before
    board.verify()


@pytest.mark.parametrize(
    ("online", "kernel", "attempts"),
    [
        (OnlinePolicy.ONLINE_MOVABLE, "linux-5.19", 5),
        (OnlinePolicy.ONLINE_KERNEL, "linux-5.19", 1),
        (OnlinePolicy.ONLINE_MOVABLE, "linux-5.10", 1),
    ],
)
def test_fake_offline_tries_a_busy_range_again_where_it_may_yet_go(
    online: OnlinePolicy, kernel: str, attempts: int
) -> None:
    """8.7, as recorded: EBUSY after the last attempt; attempts and failures are booked on the level."""
    board = build(TOY._replace(online=online, policy=kernel, fallback=("pageblock",)))
    board.resize(8 * MIB)
    board.put(0, PageKind.PINNED)
    unit = board.driver.unit_size
    outcome = run(fake_offline(board.sbm, board.pfn(0), board.pfn(unit), depth=0))
    report = board.sbm.report
    assert outcome.result == "EBUSY"
    assert (report.level_attempts[0], report.level_failed[0]) == (attempts, attempts)


def test_fake_offline_without_a_target_is_tried_once() -> None:
    """S36, 8.7: ENOMEM at once, however many attempts are left."""
    board = make_board()
    board.put(0, PageKind.THP, order=3)
    node = board.node
    node.alloc_pages(PageKind.UNMOVABLE, 0, node.zones[ZoneId.NORMAL].nr_free, owner=1)
    outcome = run(fake_offline(board.sbm, board.pfn(0), board.pfn(MIB), depth=2))
    assert outcome.result == "ENOMEM"
    assert board.sbm.report.level_attempts[2] == 1


def test_fake_offline_looks_for_a_new_config_only_on_newer_kernels() -> None:
    """8.7: from 6.6 a changed config ends it before the attempt; 6.1 goes on."""
    results = []
    for driver_policy in (None, INTERRUPTIBLE):
        board = make_board(driver_policy=driver_policy)
        board.device.set_requested_size(16 * MIB)
        start, end = board.pfn(0), board.pfn(MIB)
        outcome = run(fake_offline(board.sbm, start, end, depth=2))
        results.append((outcome.result, board.sbm.tally.contig_calls))
    assert results == [("0", 1), ("EAGAIN", 0)]
