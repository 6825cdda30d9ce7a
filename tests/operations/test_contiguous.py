"""alloc_contig_range through the registry: taken, given back, refused."""

import pytest

from app.errors import InvalidValue, RangeUnavailable
from app.operations import contiguous
from app.operations.creating import GuestSpec, create
from app.operations.service import Service
from tests.operations.stage import play

START, END = 65536, 66560


@pytest.mark.parametrize("inline_us", [0, 10**9])
def test_range_is_taken_and_given_back_in_parts(inline_us: int) -> None:
    """What was taken can be given back in two parts, and not a third time."""

    async def scene(service: Service) -> None:
        await create(service, GuestSpec(name="web", boot_size=2**29))
        assert (await contiguous.alloc_range(service, "web", START, END))["result"] == "0"
        for start, end in ((START, START + 512), (START + 512, END)):
            given = await contiguous.free_range(service, "web", start, end)
            assert given == {"start_pfn": start, "end_pfn": end, "freed_pages": 512}
        with pytest.raises(RangeUnavailable):
            await contiguous.free_range(service, "web", START, END)
        with pytest.raises(InvalidValue):
            await contiguous.alloc_range(service, "web", END, START)

    play(scene, inline_us=inline_us)
