"""A guest's pages by hand: what is taken counts as backed, what copies take is their own."""

import pytest

from app.errors import RangeUnavailable
from app.guest.allocations import AllocationSpec
from app.units import MIB
from tests.guest.making import FIRST_DEVICE_PFN, x86_guest


def test_fork_takes_ranges_and_allocations_of_its_own() -> None:
    """A copy can free what it was copied with, and the first one still has it."""
    guest = x86_guest()
    guest.pages.alloc_contig_range(0x4000, 0x4200)
    row = guest.pages.allocate(AllocationSpec(kind="anon", nr_pages=100, label="heap"))
    fork = guest.fork()
    assert fork.pages.state() == guest.pages.state()
    assert fork.pages.free_contig_range(0x4000, 0x4200) == 0x200
    assert fork.pages.free(int(str(row["id"])))["remaining_pages"] == 0
    assert [row.label for row in guest.pages.allocations] == ["heap"]
    assert guest.pages.free_contig_range(0x4000, 0x4200) == 0x200
    with pytest.raises(RangeUnavailable):
        guest.pages.free_contig_range(0x4000, 0x4200)


def test_clean_pages_dropped_on_the_way_are_off_their_allocation() -> None:
    """Whoever asks for an allocation in the middle of an unplug sees what is left of it (C-4)."""
    guest = x86_guest()
    guest.plug("vm0", 256 * MIB)
    places = tuple(range(FIRST_DEVICE_PFN, FIRST_DEVICE_PFN + 64))
    guest.pages.allocate(AllocationSpec(kind="file_clean", at_pfns=places, label="cache"))
    guest.begin_resize("vm0", 0)
    while guest.node.nr_dropped == 0:
        assert not guest.settle(max_acts=1)
    assert list(guest.pages.allocations) == []
    guest.settle()
    assert guest.verify() == []
