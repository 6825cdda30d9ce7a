"""Pages taken on a guest's behalf, and freed again."""

from dataclasses import dataclass

from app.errors import CapacityError, InvalidValue
from app.guest.allocations import AllocationSpec
from app.guest.guest import Guest
from app.operations import estimates
from app.operations.registry import Description
from app.operations.service import Service


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Pages of one kind; exactly one of nr_pages, size (bytes) and at_pfns says which."""

    kind: str
    order: int | None
    nr_pages: int | None
    size: int | None
    at_pfns: tuple[int, ...]
    label: str
    is_highatomic: bool = False
    numa_node: int = 0


async def allocate(service: Service, name: str, wanted: Wanted) -> Description:
    """Allocates what is wanted, all of it or nothing, and returns the allocation.

    Raises Unknown, InvalidValue, RangeUnavailable, GuestOutOfMemory, CapacityError.
    """
    limit = service.limits.max_allocations

    def call(guest: Guest) -> Description:
        if sum(1 for _ in guest.pages.allocations) >= limit:
            # Each is listed whenever the guest is shown.
            raise CapacityError(f"{limit} allocations exist, which is the configured limit", limit=limit)
        return guest.pages.allocate(_spec_of(wanted, guest))

    def estimate_us(guest: Guest) -> int:
        if (wanted.order or 0) > guest.geometry.max_order:
            # Ranges are emptied for gigantic pages: how many fail before, nobody knows.
            return estimates.UNKNOWN_US
        nr_pages = max(wanted.nr_pages or 0, (wanted.size or 0) // guest.geometry.page_size)
        return estimates.allocation_us(min(nr_pages, guest.nr_pages), len(wanted.at_pfns))

    return await service.registry.change(name, call, estimate_us=estimate_us)


async def free(service: Service, name: str, allocation_id: int, *, fraction: float, seed: int) -> Description:
    """Frees an allocation, or a random part of it that `seed` chooses.

    Raises Unknown.
    """
    return await service.registry.change(
        name, lambda guest: guest.pages.free(allocation_id, fraction, seed), estimate_us=estimates.walk_us
    )


def _spec_of(wanted: Wanted, guest: Guest) -> AllocationSpec:
    """Returns what the guest is asked for, in pages.

    Raises InvalidValue when the size is no whole number of pages.
    """
    return AllocationSpec(
        kind=wanted.kind,
        order=wanted.order,
        nr_pages=(wanted.nr_pages or 0) if wanted.size is None else nr_pages_of(guest, wanted.size),
        at_pfns=wanted.at_pfns,
        label=wanted.label,
        is_highatomic=wanted.is_highatomic,
        numa_node=wanted.numa_node,
    )


def nr_pages_of(guest: Guest, size: int) -> int:
    """Returns how many pages of the guest `size` bytes are.

    Raises InvalidValue when they are no whole number of pages.
    """
    nr_pages, rest = divmod(size, guest.geometry.page_size)
    if rest or not nr_pages:
        raise InvalidValue("size", size, f"a multiple of the page size ({guest.geometry.page_size}), above 0")
    return nr_pages
