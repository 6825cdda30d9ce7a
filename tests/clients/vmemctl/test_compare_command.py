"""`vmemctl compare` against a fake service: one start, one request, and the shape that was asked for."""

from pathlib import Path

import pytest

from clients.sizes import GIB
from tests.clients import recorded
from tests.clients.conftest import Vmemctl
from tests.clients.fake_service import FakeService

COMPARE, CAPTURE = "POST /v1/compare", "POST /v1/compare/capture"


def test_guest_is_compared_as_asked(vmemctl: Vmemctl, service: FakeService) -> None:
    """Policies and levels may be repeated; sizes have units; findings are no failure of the program."""
    service.answer(COMPARE, recorded.COMPARISON)
    ended = vmemctl(
        *("compare", "web", "-d", "vm0", "--unplug", "1GiB", "--policy", "rfc-v1", "--policy", "linux-5.15"),
        *("--fallback", "memory_block,pageblock", "--fallback", "pageblock"),
    )
    assert ended.code == 0, ended.err
    assert "rfc-v1" in ended.out
    assert service.received[-1].json == {
        "guest": "web",
        "device": "vm0",
        "unplug": GIB,
        "policies": ["rfc-v1", "linux-5.15"],
        "fallbacks": [["memory_block", "pageblock"], ["pageblock"]],
    }


def test_scenario_is_compared_without_a_request(vmemctl: Vmemctl, service: FakeService) -> None:
    """Nothing is asked of a device."""
    service.answer(COMPARE, recorded.PLAYED)
    ended = vmemctl("compare", "--scenario", "S08")
    assert (ended.code, service.received[-1].json) == (0, {"scenario": "S08"})
    assert "a race" in ended.out


def test_failure_of_the_simulator_is_told_by_the_exit_code(vmemctl: Vmemctl, service: FakeService) -> None:
    """A law that no kernel breaks so: 1, in JSON too."""
    row = recorded.COMPARISON["rows"][0] | {"broken": [{"id": "INV-3", "weight": "failure"}]}
    service.answer(COMPARE, recorded.COMPARISON | {"rows": [row]})
    assert vmemctl("compare", "web", "--to", "0").code == 1
    data = vmemctl("compare", "web", "--to", "0", "--json")
    assert (data.code, '"INV-3"' in data.out) == (1, True)


def test_csv_and_picture_come_from_the_service(
    vmemctl: Vmemctl, service: FakeService, tmp_path: Path
) -> None:
    """Each is asked for by its media type, and given on as it is."""
    service.answer(COMPARE, b"case,policy\n", content_type="text/csv")
    service.answer(COMPARE, recorded.PNG, content_type="image/png")
    assert vmemctl("compare", "web", "--to", "0", "--csv").out == "case,policy\n"
    assert service.received[-1].headers["Accept"] == "text/csv"
    file = tmp_path / "out.png"
    ended = vmemctl("compare", "web", "--to", "0", "--png", str(file))
    assert (ended.code, file.read_bytes()) == (0, recorded.PNG)
    assert service.received[-1].headers["Accept"] == "image/png"
    assert "saved" in ended.err
    assert vmemctl("compare", "web", "--to", "0", "--png", str(tmp_path / "no" / "out.png")).code == 2


def test_capture_is_streamed_with_what_is_asked_in_the_query(
    vmemctl: Vmemctl, service: FakeService, tmp_path: Path
) -> None:
    """The file is the body; a picture of it can be had as well."""
    file = tmp_path / "machine.vmem"
    file.write_bytes(b"capture")
    service.answer(CAPTURE, recorded.COMPARISON)
    service.answer(CAPTURE, recorded.PNG, content_type="image/png")
    words = ("compare", "--capture", str(file), "--to", "0", "--memory", "zone:Movable", "--policy", "rfc-v1")
    assert vmemctl(*words).code == 0
    assert service.received[-1].body == b"capture"
    assert service.received[-1].query == (
        ("requested_size", "0"),
        ("memory", "zone:Movable"),
        ("policies", "rfc-v1"),
    )
    assert vmemctl(*words, "--png", str(tmp_path / "out.png")).code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("--to", "0"),
        ("web", "--scenario", "S08"),
        ("--scenario", "S08", "--capture", "x.vmem"),
        ("--capture", "missing.vmem", "--to", "0"),
        ("web", "--to", "many"),
        ("web", "--to", "0", "--csv", "--json"),
        ("web", "--to", "0", "--png", "out.png", "--json"),
        ("web", "--to", "0", "--csv", "--json", "--png", "-"),
    ],
)
def test_no_start_or_several_of_what_is_one_is_a_wrong_command_line(
    vmemctl: Vmemctl, service: FakeService, words: tuple[str, ...]
) -> None:
    """Nothing is sent."""
    assert vmemctl("compare", *words).code == 2
    assert service.received == []
