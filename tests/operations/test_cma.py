"""CMA areas through the registry: shown, taken from, released, and no more pieces than configured."""

import pytest

from app.errors import CapacityError, InvalidValue, Unknown
from app.operations import cma
from app.operations.creating import GuestSpec, create
from app.operations.service import Service
from tests.operations.stage import play

AREA = cma.CmaAreaSpec(name="dma", size=8 * 2**20)
SPEC = GuestSpec(name="web", boot_size=2**29, cma_areas=(AREA,))


@pytest.mark.parametrize("inline_us", [0, 10**9])
def test_pages_are_taken_by_size_or_number_and_released(inline_us: int) -> None:
    """The area tells what is taken until it is released, and not twice."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        by_size = await cma.alloc(service, "web", "dma", nr_pages=None, size=2**20, align_order=0)
        by_number = await cma.alloc(service, "web", "dma", nr_pages=3, size=None, align_order=0)
        assert (by_size["result"], by_size["nr_pages"]) == (by_number["result"], 256) == ("0", 256)
        shown = (await cma.areas(service, "web"))["cma_areas"]
        assert isinstance(shown, list)
        assert [area["used"] for area in shown] == [259 * 4096]
        pfn = int(str(by_size["pfn"]))
        assert await cma.release(service, "web", "dma", pfn) == {"pfn": pfn, "freed_pages": 256}
        with pytest.raises(Unknown):
            await cma.release(service, "web", "dma", pfn)

    play(scene, inline_us=inline_us)


def test_what_cannot_be_is_refused() -> None:
    """Sizes that are no pages, areas that are not there, and more pieces than the limit (10 on this stage)."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        with pytest.raises(InvalidValue, match="size"):
            await cma.alloc(service, "web", "dma", nr_pages=None, size=4097, align_order=0)
        with pytest.raises(Unknown):
            await cma.alloc(service, "web", "gpu", nr_pages=1, size=None, align_order=0)
        for _ in range(10):
            await cma.alloc(service, "web", "dma", nr_pages=1, size=None, align_order=0)
        with pytest.raises(CapacityError):
            await cma.alloc(service, "web", "dma", nr_pages=1, size=None, align_order=0)

    play(scene)
