"""`vmemctl cma list`, `cma alloc` and `cma release`, against a fake service."""

import json

import pytest

from clients.sizes import MIB
from tests.clients import recorded
from tests.clients.conftest import Vmemctl
from tests.clients.fake_service import FakeService

ALLOCATIONS = "/v1/guests/web/cma-areas/dma/allocations"


def test_list_shows_areas_and_what_is_taken(vmemctl: Vmemctl, service: FakeService) -> None:
    """One line per area; as JSON the service's own list."""
    service.answer("GET /v1/guests/web/cma-areas", {"cma_areas": [recorded.CMA_AREA]})
    ended = vmemctl("cma", "list", "web")
    assert ended.code == 0
    assert all(word in ended.out for word in ("dma", "64 MiB", "2 MiB", "0x20000+512"))
    assert json.loads(vmemctl("cma", "list", "web", "--json").out) == [recorded.CMA_AREA]


def test_list_of_a_guest_without_areas_says_how_to_have_one(vmemctl: Vmemctl, service: FakeService) -> None:
    """An empty table would tell nothing."""
    service.answer("GET /v1/guests/web/cma-areas", {"cma_areas": []})
    assert "--cma" in vmemctl("cma", "list", "web").out


@pytest.mark.parametrize(
    ("options", "body"),
    [
        (["--size", "2MiB"], {"size": 2 * MIB}),
        (["--pages", "512", "--align", "9"], {"nr_pages": 512, "align_order": 9}),
    ],
)
def test_alloc_sends_how_much_and_shows_where(
    vmemctl: Vmemctl, service: FakeService, options: list[str], body: dict[str, object]
) -> None:
    """By size or by pages; the answer tells the first page and the calls."""
    service.answer(f"POST {ALLOCATIONS}", recorded.CMA_OUTCOME)
    ended = vmemctl("cma", "alloc", "web", "dma", *options)
    assert ended.code == 0
    assert "0x20000" in ended.out
    assert service.received[0].json == body


def test_alloc_that_is_busy_ends_with_a_code_of_its_own(vmemctl: Vmemctl, service: FakeService) -> None:
    """EBUSY is an answer, with the page in the way; a script sees it by the exit code."""
    service.answer(f"POST {ALLOCATIONS}", recorded.CMA_BUSY)
    ended = vmemctl("cma", "alloc", "web", "dma", "--pages", "512")
    assert ended.code == 3
    assert "pinned at 0x20003" in ended.out


def test_release_names_the_first_page(vmemctl: Vmemctl, service: FakeService) -> None:
    """Decimal or hexadecimal."""
    service.answer(f"DELETE {ALLOCATIONS}/131072", {"pfn": 131072, "freed_pages": 512})
    for pfn in ("131072", "0x20000"):
        ended = vmemctl("cma", "release", "web", "dma", pfn)
        assert ended.code == 0
        assert "512" in ended.out


def test_what_is_no_number_sends_nothing(vmemctl: Vmemctl, service: FakeService) -> None:
    """A usage error is told before the service is asked."""
    assert vmemctl("cma", "alloc", "web", "dma", "--size", "big").code == 2
    assert vmemctl("cma", "release", "web", "dma", "here").code == 2
    assert service.received == []
