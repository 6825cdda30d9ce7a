"""A real HTTP server in a thread that gives recorded answers, and remembers what it was asked."""

import json
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

PROBLEM_TYPE = "application/problem+json"


class Received(NamedTuple):
    """A request as it arrived."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever was sent
        """The body, parsed."""
        return json.loads(self.body)


class Recorded(NamedTuple):
    """An answer, given after `delay_s`."""

    status: int
    body: bytes
    content_type: str
    delay_s: float


class FakeService:
    """Answers each route from its own queue; the last answer of a queue stays."""

    def __init__(self, url: str) -> None:
        """Knows no route yet: each is a 404 problem."""
        self.url = url
        self.received: list[Received] = []
        self.most_at_once = 0
        self._in_flight = 0
        self._lock = Lock()
        self._answers: dict[tuple[str, str], list[Recorded]] = defaultdict(list)

    def answer(
        self, route: str, body: object, *, status: int = 200, content_type: str = "", delay_s: float = 0
    ) -> None:
        """Appends an answer to the queue of a route such as "GET /v1/guests"; bytes go out as they are."""
        method, path = route.split(" ")
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        media_type = content_type or ("application/json" if status < 400 else PROBLEM_TYPE)
        self._answers[method, path].append(Recorded(status, raw, media_type, delay_s))

    def take(self, request: Received) -> Recorded:
        """Remembers a request and returns its answer."""
        self.received.append(request)
        queue = self._answers[request.method, request.path]
        if not queue:
            problem = {"title": "Nothing has that name", "status": 404, "detail": f"no {request.path}"}
            return Recorded(404, json.dumps(problem).encode(), PROBLEM_TYPE, 0)
        recorded = queue.pop(0) if len(queue) > 1 else queue[0]
        if recorded.delay_s:
            with self._counted():
                time.sleep(recorded.delay_s)
        return recorded

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Counts the requests that are being answered at the same time."""
        with self._lock:
            self._in_flight += 1
            self.most_at_once = max(self.most_at_once, self._in_flight)
        yield
        with self._lock:
            self._in_flight -= 1


@contextmanager
def run_service() -> Iterator[FakeService]:
    """Runs a fake service on a free port of the loopback, until the end of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_class())
    server.daemon_threads = True
    service = FakeService(f"http://127.0.0.1:{server.server_address[1]}")
    server.RequestHandlerClass.service = service  # type: ignore[attr-defined]  # set on the class made just above
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler_class() -> type[BaseHTTPRequestHandler]:
    """Returns a class of its own for each server, so that two services do not share one."""

    class Handler(BaseHTTPRequestHandler):
        service: FakeService

        def _serve(self) -> None:
            address = urlsplit(self.path)
            query = tuple(parse_qsl(address.query, keep_blank_values=True))
            request = Received(self.command, address.path, query, dict(self.headers), _read_body(self))
            recorded = self.service.take(request)
            self.send_response(recorded.status)
            self.send_header("Content-Type", recorded.content_type)
            self.send_header("Content-Length", str(len(recorded.body)))
            self.end_headers()
            # A client that does not wait any longer has gone.
            with suppress(ConnectionError):
                self.wfile.write(recorded.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the names that http.server calls

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the overridden name
            """Keeps quiet."""

    return Handler


def _read_body(handler: BaseHTTPRequestHandler) -> bytes:
    if handler.headers.get("Transfer-Encoding") != "chunked":
        return handler.rfile.read(int(handler.headers.get("Content-Length", "0")))
    pieces = []
    while size := int(handler.rfile.readline(), 16):
        pieces.append(handler.rfile.read(size))
        handler.rfile.readline()
    handler.rfile.readline()
    return b"".join(pieces)
