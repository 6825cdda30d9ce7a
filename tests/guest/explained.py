"""Guests with known obstacles, and what is told of them.

Left out: what the tests expect.
"""

from app.guest.allocations import AllocationSpec
from app.guest.guest import Guest
from app.guest.spec import DeviceSpec
from app.guest.why.explain import Explanation, Stay, copy_subject, explain
from app.mm.page import PageKind
from app.units import GIB
from tests.guest.making import FIRST_DEVICE_PFN, x86_guest

PAGEBLOCK = 512


def guest_of(nr_gib: int = 1, **changes: object) -> Guest:
    """Returns an x86-64 guest with a device of so many GiB, all of them plugged, in a kernel zone."""
    size = nr_gib * GIB
    members: dict[str, object] = {
        "online": "online_kernel",
        "devices": (DeviceSpec(size=size, requested_size=size),),
    }
    return x86_guest(**(members | changes))


def pfn_of(pageblock: int, page: int = 0) -> int:
    """Returns a page of the device's pageblock with that number."""
    return FIRST_DEVICE_PFN + pageblock * PAGEBLOCK + page


def put(guest: Guest, kind: str, *pfns: int, label: str = "", order: int | None = None) -> int:
    """Allocates runs at these pages, and returns the allocation's id."""
    spec = AllocationSpec(kind=kind, order=order, at_pfns=pfns, label=label)
    return int(str(guest.pages.allocate(spec)["id"]))


def explain_vm0(guest: Guest, target: int | None = 0) -> Explanation:
    """Returns why vm0 has more than the target plugged, and checks that the guest did not change."""
    digest = guest.digest()
    explanation = explain(copy_subject(guest, "vm0", target))
    assert guest.digest() == digest, "an explanation changed the guest"
    return explanation


def programs_stays(explanation: Explanation) -> list[Stay]:
    """Returns the pieces that stay, without those that hold memmaps: the first blocks of a kernel zone always do."""
    return [
        stay
        for stay in explanation.stays
        if stay.obstacle is None or stay.obstacle.kind is not PageKind.UNMOVABLE_PAGES
    ]
