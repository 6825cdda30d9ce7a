"""The asyncio client against a real HTTP server."""

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import pytest

from clients import wait
from clients.async_client import AsyncClient
from clients.client import Client
from clients.errors import Invalid, NotFound, Unreachable
from clients.sizes import GIB
from clients.specs import ImportSpec, Upload
from tests.clients import recorded, recorded_time
from tests.clients.call_tables import MODULES
from tests.clients.fake_service import FakeService

T = TypeVar("T")
UNPLUG = "POST /v1/guests/web/virtio-mem/vm0/unplug"


def run(url: str, act: Callable[[AsyncClient], Awaitable[T]], *, timeout_s: float = 5) -> T:
    """Runs `act` with a connected client on a loop of its own."""

    async def connected() -> T:
        async with AsyncClient(url, timeout_s=timeout_s) as client:
            return await act(client)

    return asyncio.run(connected())


def test_both_clients_offer_the_same_methods() -> None:
    """What one can ask, the other can, with the same arguments."""
    for name in (name for module in MODULES for name in module.ROUTES):
        one, other = getattr(Client, name), getattr(AsyncClient, name)
        assert inspect.signature(one) == inspect.signature(other)
        # Events are iterated over, everything else is awaited.
        assert inspect.iscoroutinefunction(other) is (name != "follow")


def test_async_client_returns_typed_answers(service: FakeService) -> None:
    """The same call as the blocking client's, awaited."""
    service.answer(UNPLUG, recorded_time.RUNNING, status=202)
    service.answer("GET /v1/operations/op-7", recorded_time.PARTIAL)
    assert run(service.url, lambda client: client.unplug("web", "vm0", GIB)).achieved == 126 * 1024 * 1024
    assert service.received[0].json == {"size": GIB}


def test_async_client_follows_events(service: FakeService) -> None:
    """As the blocking client does; a refusal is the same error."""
    route = "GET /v1/guests/web/events"
    service.answer(route, recorded_time.EVENTS, content_type="text/event-stream")

    async def follow(client: AsyncClient) -> list[int]:
        return [event.id async for event in client.follow("web")]

    async def follow_nobody(client: AsyncClient) -> None:
        await anext(client.follow("nobody"))

    assert run(service.url, follow) == [5, 6]
    with pytest.raises(NotFound):
        run(service.url, follow_nobody)


def test_async_client_raises_what_the_problem_says(service: FakeService) -> None:
    """Refusals and lost connections are the same errors as the blocking client's."""
    service.answer(UNPLUG, recorded.PROBLEM, status=422)
    with pytest.raises(Invalid):
        run(service.url, lambda client: client.unplug("web", "vm0", 3))
    with pytest.raises(Unreachable):
        run("http://127.0.0.1:1", lambda client: client.version())


def test_async_client_reads_an_upload_off_the_loop(service: FakeService) -> None:
    """A slow disk holds up a thread, not everybody on the loop; the body arrives whole and in order."""
    threads: set[int] = set()

    def chunks() -> Iterator[bytes]:
        for chunk in (b"abc", b"de", b"f"):
            threads.add(threading.get_ident())
            yield chunk

    service.answer("POST /v1/guests/import", recorded.IMPORTED, status=201)
    run(service.url, lambda client: client.import_guest(Upload(chunks()), ImportSpec(name="host")))
    assert service.received[0].body == b"abcdef"
    assert threading.get_ident() not in threads


def test_async_client_serves_many_at_once(service: FakeService) -> None:
    """Calls of one client do not wait for each other."""
    service.answer("GET /version", {"name": "vmemsim"}, delay_s=0.3)

    async def many(client: AsyncClient) -> None:
        await asyncio.gather(*(client.version() for _ in range(5)))

    run(service.url, many)
    assert service.most_at_once > 1


def test_async_client_runs_a_procedure(service: FakeService) -> None:
    """The same waiting as the blocking client's, without blocking."""
    service.answer("GET /readyz", {"title": "not ready"}, status=503)
    service.answer("GET /readyz", {"status": "ready"})
    run(service.url, lambda client: client.run(wait.until_ready(timeout_s=5)))
    assert len(service.received) == 2
