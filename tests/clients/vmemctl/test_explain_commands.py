"""`vmemctl explain` and `forecast`, against a fake service."""

import json
from pathlib import Path

from tests.clients import recorded
from tests.clients import recorded_explain as answers
from tests.clients.conftest import Vmemctl
from tests.clients.fake_service import FakeService

WEB = "/v1/guests/web"
EXPLAIN = f"{WEB}/virtio-mem/vm0/explain"
FORECAST = f"{WEB}/virtio-mem/vm0/forecast"


def test_explain_asks_for_the_only_device(vmemctl: Vmemctl, service: FakeService) -> None:
    """A target if one is given; a table, or the service's own answer."""
    service.answer(f"GET {WEB}", recorded.GUEST)
    service.answer(f"GET {EXPLAIN}", answers.EXPLANATION)
    ended = vmemctl("explain", "web", "--target", "1GiB")
    assert (ended.code, "could be taken back now" in ended.out) == (0, True)
    assert json.loads(vmemctl("explain", "web", "--json").out) == answers.EXPLANATION
    queries = [request.query for request in service.received if request.path == EXPLAIN]
    assert queries == [(("target", str(2**30)),), ()]


def test_explain_tells_pages(vmemctl: Vmemctl, service: FakeService) -> None:
    """--pages goes page by page, with a limit and a cursor."""
    service.answer(f"GET {WEB}/virtio-mem/vm0", recorded.DEVICE)
    service.answer(f"GET {EXPLAIN}", answers.EXPLANATION)
    ended = vmemctl("explain", "web", "-d", "vm0", "--pages", "--limit", "2", "--cursor", "4")
    assert "0x119007" in ended.out or "0x118ff7" in ended.out or "0x1190" in ended.out
    assert service.received[-1].query == (("pages", "true"), ("limit", "2"), ("cursor", "4"))


def test_explain_saves_the_picture(vmemctl: Vmemctl, service: FakeService, tmp_path: Path) -> None:
    """--png asks for the annotated map."""
    service.answer(f"GET {WEB}", recorded.GUEST)
    service.answer(f"GET {EXPLAIN}", recorded.PNG, content_type="image/png")
    file = tmp_path / "why.png"
    assert vmemctl("explain", "web", "--target", "0", "--png", str(file)).code == 0
    assert file.read_bytes() == recorded.PNG
    assert service.received[-1].headers["Accept"] == "image/png"


def test_forecast_sends_what_is_asked(vmemctl: Vmemctl, service: FakeService) -> None:
    """Only what was said; the exit code is that of a question that was answered."""
    service.answer(f"GET {WEB}", recorded.GUEST)
    service.answer(f"POST {FORECAST}", answers.FORECAST)
    ended = vmemctl("forecast", "web", "512MiB")
    assert (ended.code, "would shrink" in ended.out) == (0, True)
    assert service.received[-1].json == {"requested_size": 2**29}
    words = (
        "--policy",
        "linux-6.17",
        "--fallback",
        "memory_block,pageblock",
        "--retries",
        "2",
        "--no-limits",
        "--json",
    )
    assert json.loads(vmemctl("forecast", "web", "0", *words).out)["policy"] == "linux-5.19"
    assert service.received[-1].json == {
        "requested_size": 0,
        "policy": "linux-6.17",
        "fallback": ["memory_block", "pageblock"],
        "retries": 2,
        "limits": False,
    }
