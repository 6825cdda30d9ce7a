"""Ranges and allocations in requests: exactly one amount, bounded lists, bounded page numbers."""

import pytest
from pydantic import ValidationError

from app.api.schemas.pages import MOST_PFNS, AllocationIn, RangeIn


@pytest.mark.parametrize("amount", [{"nr_pages": 1}, {"size": "4KiB"}, {"at_pfns": [1, 2]}])
def test_allocation_takes_one_amount(amount: dict[str, object]) -> None:
    """Each way of saying how much reaches the operation."""
    wanted = AllocationIn.model_validate({"kind": "anon", "label": "x", **amount}).to_wanted()
    said = {"nr_pages": wanted.nr_pages, "size": wanted.size, "at_pfns": list(wanted.at_pfns) or None}
    assert [name for name, value in said.items() if value] == list(amount)
    assert (wanted.kind, wanted.order, wanted.label) == ("anon", None, "x")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"nr_pages": 1, "at_pfns": [1]},
        {"nr_pages": 0},
        {"nr_pages": 2**48 + 1},
        {"at_pfns": []},
        {"at_pfns": list(range(MOST_PFNS + 1))},
        {"at_pfns": [2**53]},
        {"nr_pages": 1, "order": -1},
        {"nr_pages": 1, "kind": "x" * 33},
    ],
)
def test_allocation_of_no_amount_or_two_is_refused(body: dict[str, object]) -> None:
    """None, two, too much, too many."""
    with pytest.raises(ValidationError):
        AllocationIn.model_validate({"kind": "anon", **body})


def test_range_takes_page_numbers_that_json_can_carry() -> None:
    """Page numbers end at 2^53 - 1."""
    assert RangeIn.model_validate({"start_pfn": 0, "end_pfn": 2**53 - 1}).end_pfn
    with pytest.raises(ValidationError):
        RangeIn.model_validate({"start_pfn": 0, "end_pfn": 2**53})
