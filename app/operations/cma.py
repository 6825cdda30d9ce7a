"""CMA areas of a guest: what they are, and taking and releasing pages of them for their clients."""

from typing import cast

from app.errors import CapacityError
from app.guest.cma_plan import CmaAreaSpec
from app.guest.guest import Guest
from app.operations import estimates
from app.operations.allocating import nr_pages_of
from app.operations.registry import Description
from app.operations.service import Service

__all__ = ["CmaAreaSpec", "alloc", "areas", "release"]


async def areas(service: Service, name: str) -> Description:
    """Returns the guest's CMA areas, and what their clients have.

    Raises Unknown.
    """

    def call(guest: Guest) -> Description:
        return {"cma_areas": guest.pages.cma_areas()}

    return await service.registry.read(name, call, estimate_us=lambda _: 0)


async def alloc(
    service: Service, name: str, area: str, *, nr_pages: int | None, size: int | None, align_order: int
) -> Description:
    """Takes pages of an area; exactly one of nr_pages and size (bytes) says how many. EBUSY and ENOMEM are results.

    Raises Unknown, InvalidValue, CapacityError.
    """
    limit = service.limits.max_allocations

    def call(guest: Guest) -> Description:
        if sum(len(cast("list[object]", row["allocations"])) for row in guest.pages.cma_areas()) >= limit:
            # Each is listed whenever the guest is shown.
            raise CapacityError(f"{limit} CMA allocations exist, which is the configured limit", limit=limit)
        wanted = (nr_pages or 0) if size is None else nr_pages_of(guest, size)
        return guest.pages.cma_alloc(area, wanted, align_order)

    # One call of many: how many places are busy, nobody knows.
    return await service.registry.change(name, call, estimate_us=lambda _: estimates.UNKNOWN_US)


async def release(service: Service, name: str, area: str, pfn: int) -> Description:
    """Releases what alloc() took of an area from page `pfn` on.

    Raises Unknown.
    """
    freed_pages = await service.registry.change(
        name, lambda guest: guest.pages.cma_release(area, pfn), estimate_us=estimates.walk_us
    )
    return {"pfn": pfn, "freed_pages": freed_pages}
