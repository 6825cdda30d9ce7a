"""Backed memory: touched by use, forgotten when unplugged."""

from app.guest.allocations import AllocationSpec
from app.guest.backing import BackedMemory
from app.guest.guest import Guest
from app.mm.page import PageKind
from app.units import MIB
from app.virtio_mem.device import Device
from tests.guest.making import FIRST_DEVICE_PFN, x86_guest


def backed(guest: Guest) -> tuple[BackedMemory, Device]:
    """Returns the backing and the device of the guest's only device."""
    attached = guest._devices.get("vm0")  # noqa: SLF001 - what the guest keeps is what the test looks at
    return attached.backing, attached.device


def test_look_marks_pageblocks_in_use() -> None:
    """A pageblock with one used page counts, free ones do not; nobody looks without a reason."""
    guest = x86_guest()
    guest.plug("vm0", 128 * MIB)
    backing, _ = backed(guest)
    backing.look()
    guest.node.alloc_at(FIRST_DEVICE_PFN + 5, 0, PageKind.ANON, owner=1)
    guest.node.alloc_at(FIRST_DEVICE_PFN + 700, 0, PageKind.ANON, owner=1)
    backing.look()
    assert backing.nr_touched == 0
    backing.mark_stale()
    backing.look()
    assert backing.nr_touched == 2


def test_touched_memory_stays_backed_until_unplugged() -> None:
    """Freeing changes nothing for the host; unplugging forgets it and says how many bytes it was."""
    guest = x86_guest()
    guest.plug("vm0", 128 * MIB)
    backing, device = backed(guest)
    row = guest.pages.allocate(
        AllocationSpec(kind="anon", at_pfns=(FIRST_DEVICE_PFN, FIRST_DEVICE_PFN + 1024))
    )
    guest.pages.free(int(str(row["id"])))
    assert backing.nr_touched == 2
    guest.unplug("vm0", 128 * MIB)
    assert device.plugged_size == 0
    assert backing.nr_touched == 0


def test_discard_tells_bytes_of_touched_pageblocks() -> None:
    """Only what was touched in the range is told, once."""
    guest = x86_guest()
    guest.plug("vm0", 128 * MIB)
    _, device = backed(guest)
    guest.pages.allocate(AllocationSpec(kind="anon", at_pfns=(FIRST_DEVICE_PFN, FIRST_DEVICE_PFN + 1024)))
    own = BackedMemory(guest.node, device)
    own.mark_stale()
    own.look()
    addr = device.region.addr
    assert own.discard(addr, 4 * MIB) == 2 * MIB
    assert own.discard(addr, 4 * MIB) == 0
    assert own.nr_touched == 1
    assert own.discard(addr, device.region.region_size) == 2 * MIB


def test_fork_forgets_nothing_and_shares_nothing() -> None:
    """What the host backs is the same for a copy, until one of both gives it back."""
    guest = x86_guest()
    guest.plug("vm0", 128 * MIB)
    guest.pages.allocate(AllocationSpec(kind="anon", at_pfns=(FIRST_DEVICE_PFN,)))
    fork = guest.fork()
    assert backed(fork)[0].state() == backed(guest)[0].state()
    fork.pages.free(1)
    fork.unplug("vm0", 128 * MIB)
    backing, _ = backed(guest)
    backing.look()
    assert (backing.nr_touched, backed(fork)[0].nr_touched) == (1, 0)
