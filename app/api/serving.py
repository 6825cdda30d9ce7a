"""Serving the application over TCP: ready, announced, and the end.

The service is announced once its kernels are ready, and the announcement is withdrawn before the process ends.
Left out: what is served (app.api.application), and where (app.api.place).
"""

import asyncio
import contextlib
import gc
import math
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.place import announce, url_of, withdraw
from app.operations.service import Service

# A thread that runs Python holds the interpreter lock for so long at most when the event loop wants it; the
# default of 5 ms, several times in one request, is felt by callers of other guests.
SWITCH_INTERVAL_S = 0.0005
# The garbage collector looks at all objects of all guests when it looks at the old ones: with a thousand guests for a
# second, in which every clock stands. Guests have no circles, so it is sent there a hundred times less often.
GARBAGE_THRESHOLDS = (10_000, 50, 100)


@dataclass(frozen=True, kw_only=True)
class Manner:
    """Where the service is announced, and for how long running calls may go on once its end was asked for."""

    announce: Path | None
    shutdown_grace_s: float


class Server(uvicorn.Server):
    """uvicorn, which announces the service when it is ready and gives running calls some time at the end."""

    def __init__(self, app: FastAPI, manner: Manner, on_ready: Callable[[], None]) -> None:
        """Serves `app`; `on_ready` is called once, on the loop, when the kernels are ready."""
        # uvicorn's own limit is the second line: for peers that do not read their answer, or do not end their
        # body.
        last_resort_s = math.ceil(manner.shutdown_grace_s) + 1
        super().__init__(
            uvicorn.Config(
                _Interruptible(app),
                log_level="warning",
                access_log=False,
                lifespan="on",
                server_header=False,
                timeout_graceful_shutdown=last_resort_s,
            )
        )
        self._app = app
        self._manner = manner
        self._on_ready = on_ready
        self.failure: BaseException | None = None
        self._waiting: asyncio.Task[None] | None = None

    @property
    def service(self) -> Service:
        """The service of the application, which exists once the server has started."""
        service: Service = self._app.state.service
        return service

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts to answer, and to wait for the kernels."""
        await super().startup(sockets)
        self._waiting = asyncio.create_task(self._wait_until_ready())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Takes no new connections, and lets running calls end, for as long as `manner` says."""
        if self._waiting is not None:
            self._waiting.cancel()
        # Streams would go on for ever, and long polls for a minute.
        self.service.end_waits()
        asyncio.get_running_loop().call_later(self._manner.shutdown_grace_s, self.service.stop)
        await super().shutdown(sockets)

    async def _wait_until_ready(self) -> None:
        try:
            await self.service.kernels.wait()
            self._on_ready()
        except Exception as error:  # noqa: BLE001 - whatever it was, the process must end and say it
            self.failure = error
            self.should_exit = True


class _Interruptible:
    """Ends a request quietly that uvicorn gives up at the end of the process; its peer was not listening."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            response = Response(status_code=503, headers={"Connection": "close"})
            with contextlib.suppress(Exception):
                await response(scope, receive, send)


@contextlib.contextmanager
def _process_of_a_server() -> Iterator[None]:
    """Sets what holds for the whole process, and puts it back at the end."""
    interval_s, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    # uvicorn raises the signals that it caught once more when it has ended; they have done their work by then.
    handlers = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        sys.setswitchinterval(interval_s)
        gc.set_threshold(*thresholds)


def serve(app: FastAPI, bound: socket.socket, manner: Manner, on_ready: Callable[[str], None]) -> bool:
    """Serves `app` on `bound` until SIGTERM or Ctrl-C; `on_ready` is told the URL once it is announced.

    Returns whether every thread has ended; one that works on a call, or compiles, cannot be told to stop.
    Raises what kept the kernels from getting ready, and OSError when the announcement cannot be written.
    """
    url = url_of(bound)

    def tell() -> None:
        if manner.announce is not None:
            announce(manner.announce, url)
        on_ready(url)

    server = Server(app, manner, tell)
    try:
        with _process_of_a_server():
            asyncio.run(server.serve(sockets=[bound]))
    finally:
        if manner.announce is not None:
            withdraw(manner.announce)
    if server.failure is not None:
        raise server.failure
    return server.service.is_idle
