"""CMA areas in requests: names, sizes, and exactly one amount."""

import pytest
from pydantic import ValidationError

from app.api.schemas import cma as schemas
from app.guest import cma_clients, cma_plan


@pytest.mark.parametrize(("amount", "read"), [({"nr_pages": 1}, (1, None)), ({"size": "4KiB"}, (None, 4096))])
def test_allocation_takes_one_amount(amount: dict[str, object], read: tuple[int | None, int | None]) -> None:
    """By pages or by size; unaligned when nothing else is said."""
    body = schemas.CmaAllocationIn.model_validate(amount)
    assert (body.nr_pages, body.size, body.align_order) == (*read, 0)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"nr_pages": 1, "size": 4096},
        {"nr_pages": 0},
        {"nr_pages": 2**53},
        {"nr_pages": 1, "align_order": -1},
        {"nr_pages": 1, "align_order": 31},
        {"nr_pages": 1, "kind": "anon"},
    ],
)
def test_allocation_of_no_amount_or_two_is_refused(body: dict[str, object]) -> None:
    """None, two, too much, an alignment beyond all memory, a field that there is not."""
    with pytest.raises(ValidationError):
        schemas.CmaAllocationIn.model_validate(body)


@pytest.mark.parametrize(
    "body",
    [
        {"name": "dma"},
        {"name": "", "size": 4096},
        {"name": "Dma", "size": 4096},
        {"name": "a/b", "size": 4096},
        {"name": "dma", "size": -1},
        {"name": "dma", "size": 4096, "order_per_bit": -1},
        {"name": "dma", "size": 4096, "end": 1},
    ],
)
def test_area_that_cannot_be_written_is_refused(body: dict[str, object]) -> None:
    """A name that fits a path, and a size, are needed."""
    with pytest.raises(ValidationError):
        schemas.CmaAreaIn.model_validate(body)


def test_limits_are_the_guest_s_own() -> None:
    """What the schema refuses, the guest would have refused."""
    assert schemas.MOST_AREAS == cma_plan.LARGEST_NR_AREAS
    assert schemas.LARGEST_ALIGN_ORDER == cma_clients.LARGEST_ALIGN_ORDER
