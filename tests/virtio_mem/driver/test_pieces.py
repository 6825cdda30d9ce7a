"""The order of plugged pieces is that in which an unplug of everything asks for them."""

from app.guest.guest import Guest
from app.guest.spec import DeviceSpec
from app.trace.events import UnplugAttempted
from app.units import GIB, MIB
from app.virtio_mem.driver.options import DriverModule, ModuleParameters
from app.virtio_mem.driver.pieces import Piece, pieces_of_runs, plugged_pieces
from tests.guest.making import FIRST_DEVICE_PFN, x86_guest

_MEMORY_BLOCK = 128 * MIB // 4096


def guest_of(policy: str, *, force_bbm: bool = False) -> Guest:
    """Returns a guest with 512 MiB plugged, of which 2 MiB of the second memory block are missing."""
    module = DriverModule(parameters=ModuleParameters(force_bbm=force_bbm))
    device = DeviceSpec(size=GIB, requested_size=GIB // 2, driver=module)
    return x86_guest(policy=policy, online="online_movable", fallback=None, devices=(device,))


def starts(guest: Guest) -> list[int]:
    """Returns the first pages of the pieces, in memory blocks of the device and pages of these."""
    book = guest.find_device("vm0").driver.book
    return [piece.start_pfn - FIRST_DEVICE_PFN for piece in plugged_pieces(book)]


def test_pieces_come_from_the_top_down() -> None:
    """Full memory blocks of one state are told whole, the highest first."""
    guest = guest_of("linux-5.19")
    found = starts(guest)
    assert len(found) == GIB // 2 // (2 * MIB)
    assert found == sorted(found, reverse=True)


def test_pieces_of_partly_plugged_blocks_come_first() -> None:
    """D-10: what is partly plugged goes before what is full, offline memory before both."""
    guest = guest_of("linux-5.19")
    guest.resize("vm0", GIB // 2 - 2 * MIB)
    guest.resize("vm0", GIB // 2 - 4 * MIB)
    found = starts(guest)
    assert found[0] == 4 * _MEMORY_BLOCK - 3 * 512
    assert [pfn // _MEMORY_BLOCK for pfn in found[:62]] == [3] * 62
    assert found[62] == 3 * _MEMORY_BLOCK - 512


def test_pieces_are_in_the_order_of_tries() -> None:
    """With sub-blocks as the only level, an unplug of everything tries the pieces in their order."""
    guest = guest_of("linux-6.17").fork(fallback=["pageblock"], event_ring_capacity=4096)
    expected = starts(guest)
    guest.resize("vm0", 0)
    tried = [
        row.event.start_pfn - FIRST_DEVICE_PFN
        for row in guest.events.read(0, 4096)
        if isinstance(row.event, UnplugAttempted)
    ]
    assert tried == expected


def test_pieces_of_big_blocks() -> None:
    """A big block is one piece; those in ZONE_MOVABLE go from the top down."""
    guest = guest_of("linux-6.17", force_bbm=True)
    assert starts(guest) == [3 * _MEMORY_BLOCK, 2 * _MEMORY_BLOCK, _MEMORY_BLOCK, 0]


def test_pieces_of_runs_that_no_driver_knows() -> None:
    """From the top down; what is no multiple of a piece is smaller."""
    runs = [(0, 1024), (4096, 4352)]
    assert list(pieces_of_runs(runs, 512)) == [Piece(4096, 4352), Piece(512, 1024), Piece(0, 512)]
