"""Owners in words: whoever has a page is named, with his label and since when."""

from app.guest.allocations import AllocationSpec
from app.guest.boot import RebootKind
from app.guest.cma_plan import CmaAreaSpec
from app.guest.guest import Guest
from app.guest.spec import DeviceSpec
from app.guest.why.owners import Owner, Owners, OwnerType
from app.mm.obstacles import run_at
from app.units import GIB, MIB
from tests.guest.explained import guest_of, pfn_of, put
from tests.guest.making import x86_guest


def owner_at(guest: Guest, pfn: int) -> Owner:
    """Returns whose a page is."""
    return Owners(guest.node, guest.pages).of(run_at(guest.node, pfn))


def test_owners_of_what_was_asked_for() -> None:
    """Allocations have labels, ids and ages; a range that was taken says where it is."""
    guest = guest_of()
    guest.advance(3_000_000)
    now_ns = guest.clock.now_ns
    number = put(guest, "pinned", pfn_of(200), label="dpdk")
    assert owner_at(guest, pfn_of(200)) == Owner(OwnerType.ALLOCATION, "dpdk", number, now_ns)
    guest.pages.alloc_contig_range(pfn_of(300), pfn_of(301))
    found = owner_at(guest, pfn_of(300, 5))
    assert (found.type, found.label) == (OwnerType.RANGE, f"[{pfn_of(300)}, {pfn_of(301)})")
    assert found.age_us(guest.clock.now_ns + 2000) == 2 + (guest.clock.now_ns - now_ns) // 1000
    assert Owner(OwnerType.BOOT).age_us(5) is None


def test_owners_of_memmaps_and_unplugged_memory() -> None:
    """A memmap names its memory block."""
    guest = guest_of()
    block, pfns = next(iter(guest.node.memmaps.items()))
    found = owner_at(guest, pfns[0])
    assert (found.type, found.number) == (OwnerType.MEMMAP, block)
    assert found.since_ns is not None
    assert 0 <= found.since_ns <= guest.clock.now_ns
    guest.advance(60_000_000)
    guest.reboot(RebootKind.SYSTEM_RESET)
    guest.settle()
    _, pfns = next(iter(guest.node.memmaps.items()))
    since_ns = owner_at(guest, pfns[0]).since_ns
    assert since_ns is not None
    assert since_ns > 60_000_000_000
    guest = guest_of()
    guest.resize("vm0", GIB - 2 * MIB)
    assert owner_at(guest, pfn_of(511)).type is OwnerType.VIRTIO_MEM
    assert owner_at(guest, 0).type is OwnerType.BOOT
    assert owner_at(guest, pfn_of(400)).type is OwnerType.UNKNOWN


def test_owners_of_areas_and_gigantic_pages() -> None:
    """A CMA area's client, and hugetlb pages that are larger than any free page."""
    guest = x86_guest(
        boot_size=2 * GIB,
        cma_areas=(CmaAreaSpec(name="dma", size=64 * MIB),),
        devices=(DeviceSpec(size=GIB),),
    )
    outcome = guest.pages.cma_alloc("dma", 10)
    found = owner_at(guest, int(str(outcome["pfn"])) + 3)
    assert (found.type, found.label) == (OwnerType.CMA, "dma")
    assert found.since_ns is not None
    guest.pages.allocate(AllocationSpec(kind="hugetlb", order=14, nr_pages=1 << 14, label="vm"))
    pfn = int(guest.node.owned_pfns(1 << 29 | 1)[0])
    found = owner_at(guest, pfn)
    assert (found.type, found.label, found.number) == (OwnerType.GIGANTIC, "vm", 1)
