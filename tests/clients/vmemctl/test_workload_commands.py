"""`vmemctl workload` and `metrics`, against a fake service."""

import json
from pathlib import Path

from tests.clients import recorded_workloads as recorded
from tests.clients.conftest import Vmemctl
from tests.clients.fake_service import FakeService

PATH = "/v1/guests/web/workload"


def test_start_sends_the_file(vmemctl: Vmemctl, service: FakeService, tmp_path: Path) -> None:
    """An array of phases, or an object with how they are played."""
    service.answer(f"PUT {PATH}", recorded.WORKLOAD)
    file = tmp_path / "script.json"
    phases = [{"do": "hold", "seconds": 1}]
    file.write_text(json.dumps(phases))
    assert vmemctl("workload", "start", "web", str(file)).code == 0
    file.write_text(json.dumps({"phases": phases, "repeat": True}))
    assert json.loads(vmemctl("workload", "start", "web", str(file), "--json").out) == recorded.WORKLOAD
    assert [request.json for request in service.received] == [
        {"phases": phases},
        {"phases": phases, "repeat": True},
    ]


def test_file_that_is_no_script_is_a_usage_error(
    vmemctl: Vmemctl, service: FakeService, tmp_path: Path
) -> None:
    """Nothing is sent: no file, no JSON, no phases, a member that no script has."""
    file = tmp_path / "script.json"
    for text, complaint in (
        (None, "No such file"),
        ("{", "Expecting"),
        ("{}", "no array of phases"),
        ('{"phases": [], "loop": 1}', "has loop, which no script has"),
    ):
        if text is not None:
            file.write_text(text)
        ended = vmemctl("workload", "start", "web", str(file))
        assert ended.code == 2
        assert complaint in ended.err.replace("\n", " ")
    assert service.received == []


def test_show_has_a_line_for_each_phase(vmemctl: Vmemctl, service: FakeService) -> None:
    """What it does, to what, and how far it is."""
    service.answer(f"GET {PATH}", recorded.WORKLOAD)
    shown = vmemctl("workload", "show", "web").out
    assert "running, rounds before this one: 2, killed for want of memory: 1" in shown
    assert "kind=file_clean by=1 GiB rate=10 MiB/s background" in shown
    assert "cache, web" in shown


def test_show_without_workload_tells_how_to_start_one(vmemctl: Vmemctl, service: FakeService) -> None:
    """No phases, no table."""
    service.answer(f"GET {PATH}", recorded.NONE)
    assert "no workload plays" in vmemctl("workload", "show", "web").out


def test_stop_deletes_it(vmemctl: Vmemctl, service: FakeService) -> None:
    """The script is gone, the memory stays."""
    service.answer(f"DELETE {PATH}", b"", status=204)
    assert vmemctl("workload", "stop", "web").code == 0
    assert service.received[0].method == "DELETE"


def test_metrics_are_printed_unchanged(vmemctl: Vmemctl, service: FakeService) -> None:
    """Prometheus reads them from a pipe."""
    service.answer("GET /v1/guests/web/metrics", recorded.METRICS.encode(), content_type="text/plain")
    assert vmemctl("metrics", "web").out == recorded.METRICS
