"""Why pieces stay: every plugged piece above a target, in the driver's order, with what stopped it."""

import pytest

from app.errors import InvalidValue, Unknown
from app.guest.allocations import AllocationSpec
from app.guest.spec import DeviceSpec
from app.guest.why.explain import copy_subject
from app.mm.outcome import Errno
from app.mm.page import PageKind
from app.units import GIB, MIB
from app.virtio_mem.driver.options import DriverModule, ModuleParameters
from app.virtio_mem.driver.pieces import Piece
from tests.guest.drawn import draw_guest, draw_target
from tests.guest.explained import explain_vm0, guest_of, pfn_of, programs_stays, put
from tests.guest.making import x86_guest


def test_explain_names_the_page_in_the_way_of_each_piece() -> None:
    """Pieces come from the top down, each with the level tried last, its result and its page."""
    guest = guest_of()
    put(guest, "pinned", pfn_of(100, 7))
    put(guest, "slab", pfn_of(140, 3))
    found = explain_vm0(guest)
    assert (found.size, found.result) == (GIB, Errno.EBUSY)
    assert found.reached == len(found.stays) * 2 * MIB
    assert [
        (stay.piece.start_pfn, stay.level, stay.result, stay.obstacle and stay.obstacle[:2], stay.nr_blockers)
        for stay in programs_stays(found)
    ] == [
        (pfn_of(140), "pageblock", Errno.EBUSY, (pfn_of(140, 3), PageKind.UNMOVABLE), 1),
        (pfn_of(100), "pageblock", Errno.EBUSY, (pfn_of(100, 7), PageKind.PINNED), 1),
    ]


def test_explain_finds_all_that_stays_in_a_piece() -> None:
    """The driver stops at one page; the look at the piece finds the others."""
    guest = guest_of()
    put(guest, "slab", pfn_of(100, 3))
    put(guest, "pinned", pfn_of(100, 9), pfn_of(100, 11))
    (stay,) = programs_stays(explain_vm0(guest))
    assert stay.obstacle is not None
    assert (stay.obstacle.pfn, stay.nr_blockers) == (pfn_of(100, 3), 3)


def test_explain_nothing_that_is_not_above_the_target() -> None:
    """With the target met, or above what is plugged, nothing stays."""
    guest = guest_of()
    assert explain_vm0(guest, None).stays == ()
    found = explain_vm0(guest, GIB // 2)
    assert (found.reached, found.result, found.stays) == (GIB // 2, Errno.OK, ())


def test_explain_what_was_passed_over() -> None:
    """A target that is met lower down leaves the pieces that were passed over, with their reasons."""
    guest = guest_of()
    put(guest, "pinned", pfn_of(500))
    found = explain_vm0(guest, GIB // 2)
    assert (found.reached, found.result) == (GIB // 2, Errno.OK)
    assert [stay.piece.start_pfn for stay in found.stays] == [pfn_of(500)]


def test_explain_a_shortage_by_the_memory_that_lacks() -> None:
    """Where migration finds no room, pieces that the driver did not come to stay, too; so much memory helps."""
    guest = guest_of(online="online_movable")
    ballast = guest.pages.allocate(AllocationSpec(kind="unmovable", nr_pages=600 * MIB // 4096))
    guest.pages.allocate(AllocationSpec(kind="anon", nr_pages=700 * MIB // 4096))
    found = explain_vm0(guest)
    assert found.result is Errno.ENOMEM
    assert sum(stay.level is None for stay in found.stays) > 0
    for share, is_enough in ((0.8, False), (1.1, True)):
        helped = guest.fork()
        helped.pages.free(int(str(ballast["id"])), share * found.situation.wanted_bytes / (600 * MIB))
        assert (explain_vm0(helped).result is Errno.OK) is is_enough, share


def test_explanation_is_what_a_real_unplug_leaves() -> None:
    """For random guests and targets: what was to be had is, and the pieces that stay are those that do."""
    nr_stays = 0
    for seed in range(200):
        guest = draw_guest(seed)
        target = draw_target(seed, guest)
        found = explain_vm0(guest, target)
        outcome = guest.resize("vm0", min(target, found.size))
        assert guest.find_device("vm0").device.plugged_size == found.reached, seed
        groups = outcome["obstacle_groups"]
        assert isinstance(groups, list)
        tried = [stay for stay in found.stays if stay.level is not None]
        assert (outcome["state"] == "done") is (found.reached <= target), seed
        if found.result is Errno.EBUSY:
            assert sum(group["count"] for group in groups) == len(tried), seed
        nr_stays += len(found.stays)
    assert nr_stays > 100


def test_explain_refuses_what_is_no_target() -> None:
    """A device that is not there, and sizes off its grid or beyond its region."""
    guest = guest_of()
    with pytest.raises(Unknown):
        copy_subject(guest, "vm1")
    for target in (1, 2 * GIB, -2 * MIB):
        with pytest.raises(InvalidValue) as caught:
            copy_subject(guest, "vm0", target)
        assert caught.value.members["field"] == "target"


def test_explain_tells_when_the_driver_tries_again() -> None:
    """The retry is the guest's own: its copy has tried already."""
    guest = guest_of()
    put(guest, "pinned", pfn_of(100))
    assert explain_vm0(guest).retry is None
    guest.resize("vm0", 0)
    retry = explain_vm0(guest).retry
    assert retry is not None
    assert (retry.due_ns, retry.interval_ms) == (guest.find_device("vm0").deadline_ns, 50_000)


def test_explain_big_blocks() -> None:
    """In big block mode one page keeps a whole big block, and is told as what does."""
    module = DriverModule(parameters=ModuleParameters(force_bbm=True))
    device = DeviceSpec(size=GIB, requested_size=GIB, driver=module)
    guest = x86_guest(online="online_movable", devices=(device,))
    put(guest, "pinned", pfn_of(100, 7), label="dpdk")
    found = explain_vm0(guest)
    (stay,) = found.stays
    assert (found.unit_size, found.reached) == (128 * MIB, 128 * MIB)
    assert (stay.piece, stay.level, stay.result) == (Piece(pfn_of(64), pfn_of(128)), "big_block", Errno.EBUSY)
    assert stay.obstacle is not None
    assert (stay.obstacle.pfn, stay.nr_blockers) == (pfn_of(100, 7), 1)
