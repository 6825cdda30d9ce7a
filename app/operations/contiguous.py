"""alloc_contig_range on a guest, and giving the range back."""

from app.operations import estimates
from app.operations.registry import Description
from app.operations.service import Service


async def alloc_range(service: Service, name: str, start_pfn: int, end_pfn: int) -> Description:
    """Takes the pages of [start_pfn, end_pfn) and returns the kernel's result; EBUSY is one of them.

    Raises Unknown, InvalidValue.
    """
    return await service.registry.change(
        name,
        lambda guest: guest.pages.alloc_contig_range(start_pfn, end_pfn),
        estimate_us=lambda guest: estimates.range_us(guest, start_pfn, end_pfn),
    )


async def free_range(service: Service, name: str, start_pfn: int, end_pfn: int) -> Description:
    """Gives back a range, or a part of one, that alloc_range() took.

    Raises Unknown, InvalidValue, RangeUnavailable.
    """
    freed_pages = await service.registry.change(
        name,
        lambda guest: guest.pages.free_contig_range(start_pfn, end_pfn),
        estimate_us=lambda guest: estimates.range_us(guest, start_pfn, end_pfn),
    )
    return {"start_pfn": start_pfn, "end_pfn": end_pfn, "freed_pages": freed_pages}
