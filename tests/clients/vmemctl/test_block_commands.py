"""`vmemctl block`, against a fake service."""

import json

from tests.clients import recorded
from tests.clients.conftest import Vmemctl
from tests.clients.fake_service import FakeService

BLOCK = "/v1/guests/web/memory-blocks/32"


def test_block_sends_the_state_and_shows_what_it_took(vmemctl: Vmemctl, service: FakeService) -> None:
    """Words as sysfs has them."""
    service.answer(f"PATCH {BLOCK}", recorded.CHANGED_MEMORY_BLOCK)
    ended = vmemctl("block", "web", "32", "offline")
    assert ended.code == 0
    assert all(word in ended.out for word in ("32", "offline", "vm0", "417"))
    assert service.received[0].json == {"state": "offline"}
    assert json.loads(vmemctl("block", "web", "32", "offline", "--json").out) == recorded.CHANGED_MEMORY_BLOCK


def test_block_that_stays_ends_with_the_problem(vmemctl: Vmemctl, service: FakeService) -> None:
    """Exit code 4, and the kernel's reason on standard error."""
    problem = {
        "type": "/problems/memory-block-unchanged",
        "title": "The memory block stays as it is",
        "status": 409,
        "detail": "memory block 32 stays online: a page in it cannot move (page 1048576: unmovable)",
        "errno": "EBUSY",
    }
    service.answer(f"PATCH {BLOCK}", problem, status=409)
    ended = vmemctl("block", "web", "32", "offline")
    assert ended.code == 4
    assert "cannot move" in ended.err
