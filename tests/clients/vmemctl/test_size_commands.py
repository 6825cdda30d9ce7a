"""`vmemctl resize`, `plug`, `unplug` and `watch`, against a fake service."""

import json

import pytest

from clients.sizes import GIB, MIB
from tests.clients import recorded, recorded_time
from tests.clients.conftest import Vmemctl
from tests.clients.fake_service import FakeService

DEVICE_PATH = "/v1/guests/web/virtio-mem/vm0"


@pytest.mark.parametrize(
    ("verb", "route", "body"),
    [
        ("resize", f"PATCH {DEVICE_PATH}", {"requested_size": GIB}),
        ("plug", f"POST {DEVICE_PATH}/plug", {"size": GIB}),
        ("unplug", f"POST {DEVICE_PATH}/unplug", {"size": GIB}),
    ],
)
def test_each_verb_makes_its_call_on_the_only_device(
    vmemctl: Vmemctl, service: FakeService, verb: str, route: str, body: dict[str, int]
) -> None:
    """The device need not be named where there is one; the operation is shown."""
    service.answer("GET /v1/guests/web", recorded.GUEST)
    service.answer(route, recorded_time.SUCCEEDED)
    ended = vmemctl(verb, "web", "1GiB")
    assert ended.code == 0
    assert "succeeded: 128 MiB" in ended.out
    assert service.received[-1].json == body


def test_a_named_device_is_asked_for_itself(vmemctl: Vmemctl, service: FakeService) -> None:
    """--device names it, and the guest is not asked which it has."""
    service.answer(f"GET {DEVICE_PATH}", recorded.DEVICE)
    service.answer(f"POST {DEVICE_PATH}/unplug", recorded_time.SUCCEEDED)
    assert vmemctl("unplug", "web", "1GiB", "--device", "vm0").code == 0
    assert [request.path for request in service.received] == [DEVICE_PATH, f"{DEVICE_PATH}/unplug"]


def test_one_of_several_devices_must_be_named(vmemctl: Vmemctl, service: FakeService) -> None:
    """Nothing is changed where it is not clear what."""
    devices = [recorded.DEVICE, {**recorded.DEVICE, "id": "vm1"}]
    service.answer("GET /v1/guests/web", {**recorded.GUEST, "devices": devices})
    ended = vmemctl("unplug", "web", "1GiB")
    assert ended.code == 2
    assert "vm0, vm1" in ended.err
    assert len(service.received) == 1


def test_a_partial_unplug_prints_its_operation_and_tells_it_by_the_exit_code(
    vmemctl: Vmemctl, service: FakeService
) -> None:
    """Tables for people, JSON for scripts, 3 for both."""
    service.answer("GET /v1/guests/web", recorded.GUEST)
    service.answer(f"POST {DEVICE_PATH}/unplug", recorded_time.PARTIAL)
    table, data = vmemctl("unplug", "web", "128MiB"), vmemctl("unplug", "web", "128MiB", "--json")
    assert table.code == data.code == 3
    assert "unmovable" in table.out
    assert json.loads(data.out) == recorded_time.PARTIAL


def test_no_wait_returns_what_is_under_way(vmemctl: Vmemctl, service: FakeService) -> None:
    """The id is shown, by which it can be looked at; that it is not over is no failure."""
    service.answer("GET /v1/guests/web", recorded.GUEST)
    service.answer(f"PATCH {DEVICE_PATH}", recorded_time.RUNNING, status=202)
    ended = vmemctl("resize", "web", "0", "--no-wait")
    assert ended.code == 0
    assert "running: 64 MiB of 128 MiB" in ended.out
    assert "op-7" in ended.out
    assert service.received[-1].query == ()


def test_resize_of_a_guest_whose_clock_stands_is_not_waited_for(
    vmemctl: Vmemctl, service: FakeService
) -> None:
    """Nobody but a caller lets time pass there: waiting would never end."""
    service.answer("GET /v1/guests/web", recorded.GUEST)
    service.answer(f"PATCH {DEVICE_PATH}", recorded_time.RUNNING, status=202)
    service.answer("GET /v1/operations/op-7", recorded_time.RUNNING, delay_s=0.2)
    service.answer("GET /v1/guests/web/clock", {**recorded_time.CLOCK, "mode": "manual"})
    ended = vmemctl("resize", "web", "0")
    assert (ended.code, "running" in ended.out) == (0, True)
    assert "vmemctl advance web" in ended.err


def test_watch_once_shows_every_guests_devices(vmemctl: Vmemctl, service: FakeService) -> None:
    """One look, one table."""
    service.answer("GET /v1/guests", {"guests": [recorded.GUEST, {**recorded.GUEST, "name": "db"}]})
    ended = vmemctl("watch", "--once")
    assert ended.code == 0
    assert "web" in ended.out
    assert "db" in ended.out


def test_watch_prints_a_json_line_for_each_look(vmemctl: Vmemctl, service: FakeService) -> None:
    """A script reads line by line; watching ends when the guest is gone."""
    shrunk = {**recorded.GUEST, "devices": [{**recorded.DEVICE, "size": MIB}]}
    service.answer("GET /v1/guests/web", recorded.GUEST)
    service.answer("GET /v1/guests/web", shrunk)
    service.answer("GET /v1/guests/web", {"title": "gone"}, status=404)
    ended = vmemctl("watch", "web", "--json", "--interval", "0.05")
    assert ended.code == 4
    looks = [json.loads(line)["guests"][0]["devices"][0]["size"] for line in ended.out.splitlines()]
    assert looks == [2 * GIB, MIB]


def test_watch_ends_cleanly_at_ctrl_c(
    vmemctl: Vmemctl, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C is how a watch ends: no traceback, and no error."""

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupt)
    service.answer("GET /v1/guests", {"guests": [recorded.GUEST]})
    ended = vmemctl("watch")
    assert ended.code == 0
    assert "web" in ended.out
    assert "Ctrl-C" in ended.err


def test_watch_draws_one_table_again_and_again_on_a_terminal(
    vmemctl: Vmemctl, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal the table changes in place, until the guest is gone."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    service.answer("GET /v1/guests/web", recorded.GUEST)
    service.answer("GET /v1/guests/web", {"title": "gone"}, status=404)
    ended = vmemctl("watch", "web", "--interval", "0.05")
    assert ended.code == 4
    assert "vm0" in ended.out


def test_watch_refuses_an_interval_that_would_flood_the_service(vmemctl: Vmemctl) -> None:
    """Twenty looks a second are enough."""
    assert vmemctl("watch", "--interval", "0").code == 2
