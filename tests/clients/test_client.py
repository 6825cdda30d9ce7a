"""The blocking client against a real HTTP server."""

import inspect
import socket
from collections.abc import Iterator

import pytest

from clients import wait
from clients.client import Client
from clients.errors import Conflict, DeadlinePassed, Invalid, NotFound, Unintelligible, Unreachable
from clients.sizes import GIB
from clients.specs import DeviceSpec, GuestSpec, ImportSpec, Upload
from tests.clients import recorded, recorded_time
from tests.clients.call_tables import MODULES, builders
from tests.clients.fake_service import FakeService

UNPLUG = "POST /v1/guests/web/virtio-mem/vm0/unplug"
DEVICE = "GET /v1/guests/web/virtio-mem/vm0"


@pytest.fixture
def client(service: FakeService) -> Iterator[Client]:
    """Connects to the fake service."""
    with Client(service.url, timeout_s=5) as connected:
        yield connected


def free_port_url() -> str:
    """Returns an address at which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_client_offers_every_call_of_the_table() -> None:
    """No call is known to the table and not to the client; each tells its own arguments."""
    for module in MODULES:
        for name, build in builders(module).items():
            method = inspect.signature(getattr(Client, name))
            assert list(method.parameters)[1:] == list(inspect.signature(build).parameters)


def test_client_sends_json_and_returns_a_typed_answer(client: Client, service: FakeService) -> None:
    """A guest is asked for and comes back."""
    service.answer("POST /v1/guests", recorded.GUEST, status=201)
    guest = client.create_guest(GuestSpec(boot_size=GIB, devices=[DeviceSpec(size=8 * GIB)]))
    assert guest.name == "web"
    (request,) = service.received
    assert request.json["devices"] == [{"size": 8 * GIB}]
    assert request.headers["Content-Type"] == "application/json"


def test_client_waits_until_a_resize_is_over(client: Client, service: FakeService) -> None:
    """It asks again until then; that a guest could give only a part is no error."""
    service.answer(UNPLUG, recorded_time.RUNNING, status=202)
    service.answer("GET /v1/operations/op-7", recorded_time.WAITING)
    service.answer("GET /v1/operations/op-7", recorded_time.PARTIAL)
    operation = client.unplug("web", "vm0", GIB)
    assert operation.state == "partial"
    assert operation.outcome is not None
    assert [request.query for request in service.received] == [(("wait", "2.0"),)] * 3


def test_client_that_does_not_wait_asks_once(client: Client, service: FakeService) -> None:
    """The operation is under way, and is returned as it is."""
    service.answer(UNPLUG, recorded_time.RUNNING, status=202)
    assert client.unplug("web", "vm0", GIB, wait=0).state == "running"
    assert [request.query for request in service.received] == [()]


def test_client_follows_events_as_they_come(client: Client, service: FakeService) -> None:
    """An iterator of events; a refusal is raised at the first."""
    route = "GET /v1/guests/web/events"
    service.answer(route, recorded_time.EVENTS, content_type="text/event-stream")
    assert [event.id for event in client.follow("web", after=0)] == [5, 6]
    assert service.received[0].headers["Accept"] == "text/event-stream"
    with pytest.raises(NotFound):
        next(client.follow("nobody"))
    service.answer(
        "GET /v1/guests/db/events", b"id: x\nevent: a\ndata: {}\n\n", content_type="text/event-stream"
    )
    with pytest.raises(Unintelligible):
        list(client.follow("db"))
    with Client(free_port_url()) as lost, pytest.raises(Unreachable):
        next(lost.follow("web"))


def test_client_raises_what_the_problem_says(client: Client, service: FakeService) -> None:
    """404, 409 and 422 are errors of different classes."""
    service.answer(UNPLUG, recorded.PROBLEM, status=422)
    service.answer("POST /v1/guests", {"title": "The name is taken", "detail": "web exists"}, status=409)
    with pytest.raises(Invalid, match="3145729"):
        client.unplug("web", "vm0", 3145729)
    with pytest.raises(Conflict, match="web exists"):
        client.create_guest(GuestSpec(boot_size=GIB, name="web"))
    with pytest.raises(NotFound):
        client.show_guest("nobody")


def test_client_streams_an_upload_piece_by_piece(client: Client, service: FakeService) -> None:
    """Without a size the body is chunked; with one it is announced; both arrive whole."""
    service.answer("POST /v1/guests/import", recorded.IMPORTED, status=201)
    client.import_guest(Upload(iter([b"abc", b"de"])), ImportSpec(name="host"))
    imported = client.import_guest(Upload([b"abcde"], 5), ImportSpec())
    chunked, sized = service.received
    assert chunked.headers["Transfer-Encoding"] == "chunked"
    assert sized.headers["Content-Length"] == "5"
    assert chunked.body == sized.body == b"abcde"
    assert chunked.query == (("name", "host"),)
    assert imported.guest.source == "capture"


def test_client_gives_bytes_and_text_back_unchanged(client: Client, service: FakeService) -> None:
    """An image and a /proc file are not JSON."""
    service.answer("GET /v1/guests/web/map.png", recorded.PNG, content_type="image/png")
    service.answer("GET /v1/guests/web/proc/meminfo", b"MemTotal: 1 kB\n", content_type="text/plain")
    assert client.map_png("web") == recorded.PNG
    assert client.proc("web", "meminfo") == "MemTotal: 1 kB\n"


def test_client_says_that_nothing_listens() -> None:
    """A wrong address shows at the first call, in one sentence."""
    with Client(free_port_url()) as client, pytest.raises(Unreachable, match="refused"):
        client.version()


def test_client_says_that_a_host_does_not_exist() -> None:
    """A name that cannot be resolved is an unreachable service."""
    with Client("http://nowhere.invalid:1", timeout_s=5) as client, pytest.raises(Unreachable):
        client.version()


def test_client_does_not_wait_longer_than_told(service: FakeService) -> None:
    """A service that never answers counts as unreachable."""
    service.answer("GET /version", {}, delay_s=0.5)
    with Client(service.url, timeout_s=0.05) as client, pytest.raises(Unreachable, match="no answer in time"):
        client.version()


def test_client_tells_another_service_from_this_one(client: Client, service: FakeService) -> None:
    """Something that answers, but not in the promised shape, is not vmemsim."""
    service.answer("GET /v1/guests", b"<html>", content_type="text/html")
    with pytest.raises(Unintelligible):
        client.list_guests()


def test_client_ignores_a_proxy_for_the_loopback(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy of the environment cannot reach this machine's own loopback."""
    monkeypatch.setenv("HTTP_PROXY", free_port_url())
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    service.answer("GET /version", {"name": "vmemsim", "version": "1"})
    with Client(service.url) as client:
        assert client.version().name == "vmemsim"


def test_client_runs_a_procedure(client: Client, service: FakeService) -> None:
    """Waiting asks again until the size is reached, and bears a service that is not ready yet."""
    service.answer("GET /readyz", {"title": "not ready"}, status=503)
    service.answer("GET /readyz", {"status": "ready"})
    service.answer(DEVICE, {**recorded.DEVICE, "size": 0})
    service.answer(DEVICE, recorded.DEVICE)
    client.run(wait.until_ready(timeout_s=5))
    assert client.run(wait.until_size("web", "vm0", 2 * GIB, timeout_s=5)).size == 2 * GIB
    assert len(service.received) == 4


def test_client_stops_a_procedure_at_its_deadline(client: Client, service: FakeService) -> None:
    """A size that never comes is waited for no longer than told."""
    service.answer(DEVICE, recorded.DEVICE)
    with pytest.raises(DeadlinePassed, match="last seen: 2 GiB"):
        client.run(wait.until_size("web", "vm0", 0, timeout_s=0.05))
