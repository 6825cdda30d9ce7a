"""`vmemctl alloc` and `free`, against a fake service."""

import json

import pytest

from clients.sizes import MIB
from tests.clients import recorded
from tests.clients.conftest import Vmemctl
from tests.clients.fake_service import FakeService

ALLOCATED = {"id": 4, "kind": "unmovable", "order": 0, "nr_pages": 1, "label": "slab"}
FREED = {"id": 4, "freed_pages": 1, "remaining_pages": 0}


@pytest.mark.parametrize(
    ("options", "body"),
    [
        (["--size", "4MiB"], {"size": 4 * MIB}),
        (["--pages", "3", "--order", "1"], {"nr_pages": 3, "order": 1}),
        (["--at", "0x100000", "--at", "7"], {"at_pfns": [recorded.BASE_PFN, 7]}),
        (["--pages", "1", "--label", "slab"], {"nr_pages": 1, "label": "slab"}),
        (["--pages", "8", "--order", "3", "--highatomic"], {"nr_pages": 8, "order": 3, "highatomic": True}),
    ],
)
def test_alloc_sends_how_much_or_where(
    vmemctl: Vmemctl, service: FakeService, options: list[str], body: dict[str, object]
) -> None:
    """A size, a number of pages, or exact pages."""
    service.answer("POST /v1/guests/web/allocations", ALLOCATED, status=201)
    ended = vmemctl("alloc", "web", "unmovable", *options)
    assert ended.code == 0
    assert "4" in ended.out
    assert service.received[0].json == {"kind": "unmovable", **body}


def test_free_sends_the_part_and_shows_what_is_left(vmemctl: Vmemctl, service: FakeService) -> None:
    """Without --fraction, all of it."""
    service.answer("DELETE /v1/guests/web/allocations/4", FREED)
    assert "freed pages" in vmemctl("free", "web", "4").out
    assert json.loads(vmemctl("free", "web", "4", "--fraction", "0.5", "--seed", "3", "--json").out) == FREED
    assert [request.query for request in service.received] == [(), (("fraction", "0.5"), ("seed", "3"))]


@pytest.mark.parametrize(
    "arguments",
    [("alloc", "web", "anon", "--size", "x"), ("alloc", "web", "anon", "--at", "here"), ("free", "web", "x")],
)
def test_what_is_no_number_sends_nothing(
    vmemctl: Vmemctl, service: FakeService, arguments: tuple[str, ...]
) -> None:
    """A usage error is told before the service is asked."""
    assert vmemctl(*arguments).code == 2
    assert service.received == []
