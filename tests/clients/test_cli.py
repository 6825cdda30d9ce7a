"""vmemctl as a whole: its exit codes, its streams, and its global options."""

import json
import socket

import pytest

from clients.cli import make_app
from tests.clients import recorded, recorded_time
from tests.clients.conftest import Vmemctl
from tests.clients.fake_service import FakeService

UNPLUG = "POST /v1/guests/web/virtio-mem/vm0/unplug"


def test_help_tells_commands_and_exit_codes(vmemctl: Vmemctl) -> None:
    """Whoever writes a script finds in --help what each exit code means."""
    ended = vmemctl("--help")
    assert ended.code == 0
    for command in (
        "create",
        "list",
        "show",
        "resize",
        "plug",
        "unplug",
        "watch",
        "map",
        "delete",
        "capture",
    ):
        assert f" {command} " in ended.out
    for words in (
        "0  done",
        "2  the command line",
        "3  partial",
        "4  refused",
        "5  the service",
    ):
        assert words in ended.out


def test_every_command_has_help_for_itself_and_each_option(vmemctl: Vmemctl) -> None:
    """No option is left to guessing."""
    for command in make_app().registered_commands:
        assert command.name is not None
        assert command.callback is not None
        assert command.callback.__doc__
        ended = vmemctl(command.name, "--help")
        assert ended.code == 0
        assert "--help" in ended.out


def test_partial_is_exit_code_3(vmemctl: Vmemctl, service: FakeService) -> None:
    """A script tells a part from the whole without reading anything."""
    service.answer("GET /v1/guests/web", recorded.GUEST)
    service.answer(UNPLUG, recorded_time.PARTIAL)
    assert vmemctl("unplug", "web", "128MiB").code == 3


def test_done_is_exit_code_0(vmemctl: Vmemctl, service: FakeService) -> None:
    """All that was asked for went."""
    service.answer("GET /v1/guests/web", recorded.GUEST)
    service.answer(UNPLUG, recorded_time.SUCCEEDED)
    assert vmemctl("unplug", "web", "128MiB").code == 0


def test_refused_is_exit_code_4_and_the_problem_stands_on_standard_error(
    vmemctl: Vmemctl, service: FakeService
) -> None:
    """The numbers come with their units; standard output stays empty."""
    service.answer("GET /v1/guests/web", recorded.GUEST)
    service.answer(UNPLUG, recorded.PROBLEM, status=422)
    ended = vmemctl("unplug", "web", "3145729")
    assert ended.code == 4
    assert ended.out == ""
    assert "refused (422)" in ended.err
    assert "2097152 (2 MiB)" in ended.err


@pytest.mark.parametrize("arguments", [("--json", "show", "x"), ("show", "x", "--json")])
def test_refused_with_json_is_a_problem_object_on_standard_error(
    vmemctl: Vmemctl, arguments: tuple[str, ...]
) -> None:
    """--json holds for problems too, before or after the command."""
    ended = vmemctl(*arguments)
    assert ended.code == 4
    assert ended.out == ""
    assert json.loads(ended.err)["status"] == 404


def test_unreachable_is_exit_code_5(vmemctl: Vmemctl) -> None:
    """Nothing listens at the address; --url wins over the environment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        ended = vmemctl("--url", url, "list")
    assert ended.code == 5
    assert f"unreachable {url}" in ended.err


def test_another_service_is_exit_code_5(vmemctl: Vmemctl, service: FakeService) -> None:
    """Something answers at the address, but it is no vmemsim."""
    service.answer("GET /v1/guests", b"<html>", content_type="text/html")
    assert vmemctl("list").code == 5


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nonsense",),
        ("list", "--nonsense"),
        ("unplug", "web"),
        ("unplug", "web", "much"),
        ("show", ""),
        ("--url", "ftp://x", "list"),
        ("--timeout", "0", "list"),
    ],
)
def test_a_wrong_command_line_is_exit_code_2(
    vmemctl: Vmemctl, service: FakeService, arguments: tuple[str, ...]
) -> None:
    """Nothing is sent, and standard error says why."""
    ended = vmemctl(*arguments)
    assert ended.code == 2
    assert ended.err + ended.out != ""
    assert service.received == []


def test_capture_passes_its_options_on(vmemctl: Vmemctl) -> None:
    """`vmemctl capture` is clients/capture.py, --help included."""
    ended = vmemctl("capture", "--help")
    assert ended.code == 0
    assert "kpageflags" in ended.out or "capture" in ended.out


def test_a_slow_service_is_waited_for_as_long_as_told(vmemctl: Vmemctl, service: FakeService) -> None:
    """--timeout ends the wait for an answer."""
    service.answer("GET /v1/guests", {"guests": []}, delay_s=0.5)
    ended = vmemctl("--timeout", "0.1", "list")
    assert ended.code == 5
    assert "no answer in time" in ended.err
