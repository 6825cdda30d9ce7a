"""How long a call on a guest will take, roughly: enough to tell what may run on the event loop.

Estimates err on the long side: a thread costs a tenth of a millisecond, a loop that stands still is felt by everybody.
They read a few counters, in microseconds. The rates are those of one core of 2024, on the slow side.
"""

from typing import cast

from app.guest.guest import Guest
from app.guest.spec import GuestSpec

# Every call pays this much for its Python.
_CALL_US = 200
# Bytes per microsecond: boot memory made, free memory walked by a driver, and memory of which every page has to move.
_BOOT_BYTES_PER_US = 200_000_000
_FREE_BYTES_PER_US = 1_000_000
_USED_BYTES_PER_US = 4_000
# A page allocated, and a page checked and taken at an exact place.
_PAGES_PER_US = 30
_PIECE_US = 10
# A call that nobody can foresee counts as long.
UNKNOWN_US = 1_000_000


def creation_us(spec: GuestSpec) -> int:
    """Making a guest: its boot memory, what its devices plug, and its workload, page by page."""
    plugged = sum(device.requested_size for device in spec.devices)
    filled = spec.boot_size + plugged if spec.workload else 0
    return _CALL_US + spec.boot_size // _BOOT_BYTES_PER_US + _walk_us(plugged, filled)


def resize_us(guest: Guest, device_id: str, requested_size: int) -> int:
    """Setting a device's target.

    Raises Unknown.
    """
    size = cast("int", guest.describe_device(device_id)["size"])
    return amount_us(guest, abs(size - requested_size))


def amount_us(guest: Guest, size: int) -> int:
    """Plugging, unplugging or taking `size` bytes: at worst, all used memory of the guest lies in the way."""
    return _CALL_US + _walk_us(size, min(size, _used(guest)))


def range_us(guest: Guest, start_pfn: int, end_pfn: int) -> int:
    """Taking pages in one range, migrating what is there, or giving them back."""
    nr_pages = min(max(end_pfn - start_pfn, 0), guest.nr_pages)
    return amount_us(guest, nr_pages * guest.geometry.page_size)


def allocation_us(nr_pages: int, nr_pieces: int) -> int:
    """Allocating pages by the buddy allocator, and pieces at exact places, which are checked one by one."""
    return _CALL_US + nr_pages // _PAGES_PER_US + nr_pieces * _PIECE_US


def walk_us(guest: Guest) -> int:
    """Looking at every run of pages of the guest: freeing a part, pageblocks, /proc files."""
    return _CALL_US + _walk_us(_total(guest), _used(guest))


def _walk_us(size: int, used: int) -> int:
    return size // _FREE_BYTES_PER_US + used // _USED_BYTES_PER_US


def _total(guest: Guest) -> int:
    return sum(zone.present for zone in guest.node.zones) * guest.geometry.page_size


def _used(guest: Guest) -> int:
    """Bytes that somebody allocated; what boot reserved never moves, and nobody walks it."""
    return sum(zone.managed - zone.nr_free for zone in guest.node.zones) * guest.geometry.page_size
