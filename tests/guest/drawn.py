"""Small guests drawn from a seed: kernel, zones, sizes, and pages of all kinds in the way of an unplug.

Left out: what is asked of them.
"""

from app.errors import StateError
from app.guest.allocations import AllocationSpec
from app.guest.guest import Guest
from app.guest.random_stream import RandomStream
from app.guest.spec import DeviceSpec
from app.mm.owned import nr_free_for
from app.mm.page import PageKind
from app.mm.policies.policy import POLICIES
from app.units import MIB
from tests.guest.making import toy_guest

_KINDS = ("anon", "file_clean", "file_dirty", "pinned", "unmovable", "unmovable_pages", "reclaimable", "thp")
# Parts of the free memory that one allocation takes, in per cent.
_SHARES = (1, 3, 10, 30)
DEVICE_SIZE = 64 * MIB


def draw_guest(seed: int) -> Guest:
    """Returns a toy guest with a device of 64 MiB, of which a part is plugged, and allocations here and there."""
    stream = RandomStream(seed)
    policies = [name for name in POLICIES if name != "no-guard"]
    guest = toy_guest(
        policy=policies[_below(stream, len(policies))],
        online=("online_kernel", "online_movable")[_below(stream, 2)],
        boot_size=(32, 64)[_below(stream, 2)] * MIB,
        devices=(DeviceSpec(size=DEVICE_SIZE, requested_size=(16, 48, 64)[_below(stream, 3)] * MIB),),
    )
    for number in range(_below(stream, 9)):
        _allocate(guest, stream, number)
    return guest


def draw_target(seed: int, guest: Guest) -> int:
    """Returns a target for the guest's device, a multiple of its block size."""
    config = guest.find_device("vm0").device.config
    return _below(RandomStream(seed), config.region_size // config.block_size + 1) * config.block_size


def _allocate(guest: Guest, stream: RandomStream, number: int) -> None:
    kind = _KINDS[_below(stream, len(_KINDS))]
    order = guest.geometry.thp_order if kind == "thp" else int(kind == "unmovable_pages")
    free = nr_free_for(guest.node, PageKind[kind.upper()])
    nr_pages = free * _SHARES[_below(stream, len(_SHARES))] // 100 >> order << order
    if not nr_pages:
        return
    try:
        row = guest.pages.allocate(
            AllocationSpec(kind=kind, order=order, nr_pages=nr_pages, label=f"{kind} {number}")
        )
        # Holes, so that what is left lies scattered.
        guest.pages.free(int(str(row["id"])), _below(stream, 4) / 4, seed=number)
    except StateError:
        return  # no room: the guest is fuller than the others


def _below(stream: RandomStream, limit: int) -> int:
    return int(stream.below(limit, 1)[0])
