"""`vmemctl map`, `blocks`, `verify` and `proc`, against a fake service."""

import json
from pathlib import Path

from tests.clients import recorded
from tests.clients.conftest import Vmemctl
from tests.clients.fake_service import FakeService


def test_map_draws_on_the_terminal(vmemctl: Vmemctl, service: FakeService) -> None:
    """Letters, and colours where there are any; JSON is the service's own answer."""
    service.answer("GET /v1/guests/web/pageblocks", recorded.PAGEBLOCKS)
    assert "...!" in vmemctl("map", "web").out
    assert json.loads(vmemctl("map", "web", "--json").out) == recorded.PAGEBLOCKS


def test_map_saves_the_image(vmemctl: Vmemctl, service: FakeService, tmp_path: Path) -> None:
    """--png writes what the service draws, with the scale and legend that were asked for."""
    service.answer("GET /v1/guests/web/map.png", recorded.PNG, content_type="image/png")
    path = tmp_path / "map.png"
    ended = vmemctl("map", "web", "--png", str(path), "--scale", "2", "--no-legend")
    assert ended.code == 0
    assert ended.out == ""
    assert path.read_bytes() == recorded.PNG
    assert service.received[0].query == (("scale", "2"), ("legend", "false"))


def test_map_that_cannot_be_saved_is_a_usage_error(
    vmemctl: Vmemctl, service: FakeService, tmp_path: Path
) -> None:
    """A folder that is not there is told as such."""
    service.answer("GET /v1/guests/web/map.png", recorded.PNG, content_type="image/png")
    ended = vmemctl("map", "web", "--png", str(tmp_path / "none" / "map.png"))
    assert ended.code == 2
    assert "No such file" in ended.err


def test_blocks_shows_memory_blocks(vmemctl: Vmemctl, service: FakeService) -> None:
    """Runs of blocks that are alike; JSON has each of them."""
    service.answer("GET /v1/guests/web/memory-blocks", recorded.MEMORY_BLOCKS)
    assert "offline" in vmemctl("blocks", "web").out
    assert json.loads(vmemctl("blocks", "web", "--json").out) == recorded.MEMORY_BLOCKS


def test_verify_of_a_sound_guest_is_exit_code_0(vmemctl: Vmemctl, service: FakeService) -> None:
    """No invariant is broken."""
    service.answer("POST /v1/guests/web/verify", {"violations": []})
    ended = vmemctl("verify", "web")
    assert ended.code == 0
    assert "sound" in ended.out


def test_verify_of_a_broken_guest_is_exit_code_1(vmemctl: Vmemctl, service: FakeService) -> None:
    """Each broken law is printed."""
    service.answer("POST /v1/guests/web/verify", {"violations": [recorded.VIOLATION]})
    ended = vmemctl("verify", "web")
    assert ended.code == 1
    assert "INV-4" in ended.out
    assert json.loads(vmemctl("verify", "web", "--json").out) == {"violations": [recorded.VIOLATION]}


def test_verify_of_a_guest_that_breaks_what_its_kernel_breaks_is_exit_code_0(
    vmemctl: Vmemctl, service: FakeService
) -> None:
    """Findings are what the simulator is for: they are printed, and no failure."""
    service.answer("POST /v1/guests/web/verify", {"violations": [recorded.FINDING]})
    ended = vmemctl("verify", "web")
    assert ended.code == 0
    assert "INV-8" in ended.out


def test_proc_prints_the_text_unchanged(vmemctl: Vmemctl, service: FakeService) -> None:
    """A parser of the real file reads it from a pipe."""
    text = b"Node 0, zone   Normal      1      2\n"
    service.answer("GET /v1/guests/web/proc/buddyinfo", text, content_type="text/plain")
    assert vmemctl("proc", "web", "buddyinfo").out.encode() == text
