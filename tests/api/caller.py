"""Calls the application in this process, without a socket, from tests that are not async themselves.

The application's event loop runs in a thread of its own, so that several calls can be under way at once.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Self

import httpx
from fastapi import FastAPI

from app.main import create_app
from app.operations.service import Service
from app.settings import Settings

JSON = Any  # whatever the service answers


class Caller:
    """A client of one application."""

    def __init__(self, app: FastAPI, loop: asyncio.AbstractEventLoop) -> None:
        """Calls `app`, whose lifespan runs on `loop`."""
        self.app = app
        self._loop = loop
        # What the application raises beyond its answer is in the log; here the answer counts.
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://service")

    @classmethod
    @contextmanager
    def serving(cls, settings: Settings | None = None) -> Iterator[Self]:
        """Starts an application, and stops it at the end."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="application")
        thread.start()
        app = create_app(settings or Settings())
        lifespan = app.router.lifespan_context(app)
        caller = cls(app, loop)
        try:
            caller.wait_for(lifespan.__aenter__())
            yield caller
            caller.wait_for(lifespan.__aexit__(None, None, None))
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    @property
    def service(self) -> Service:
        """The service behind the application."""
        service: Service = self.app.state.service
        return service

    def wait_for(self, awaitable: Any) -> Any:  # noqa: ANN401 - whatever it gives
        """Runs a coroutine on the application's loop."""
        return asyncio.run_coroutine_threadsafe(awaitable, self._loop).result(120)

    def start(self, method: str, path: str, **options: Any) -> "Future[httpx.Response]":  # noqa: ANN401 - httpx's
        """Begins a call, and does not wait for it."""
        return asyncio.run_coroutine_threadsafe(self._client.request(method, path, **options), self._loop)

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's
        """Makes a call."""
        return self.start(method, path, **options).result(120)

    def get(self, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's
        """Gets."""
        return self.call("GET", path, **options)

    def post(self, path: str, body: object = None, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's
        """Posts JSON."""
        return self.call("POST", path, json=body, **options)

    def make_guest(self, **changes: object) -> JSON:
        """Makes a small guest with a device of 1 GiB, and returns its description."""
        body = {"boot_size": "512MiB", "devices": [{"size": "1GiB"}]} | changes
        answer = self.post("/v1/guests", body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def digests(self) -> Mapping[str, tuple[str, str]]:
        """Returns state digest and event digest of every guest."""
        guests = {entry.name: entry.guest for entry in self.service.registry.entries()}
        return {name: (guest.digest(), guest.event_digest()) for name, guest in guests.items()}


async def in_pieces(content: bytes, size: int) -> AsyncIterator[bytes]:
    """Yields `content` in pieces: a body whose length is not announced."""
    for start in range(0, len(content), size):
        yield content[start : start + size]
