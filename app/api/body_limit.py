"""Bodies that are too large are refused: at once when Content-Length says so, else as soon as they are.

A refused body is still read to its end, if that is not far: a client that is writing would see its
connection reset and miss the answer.
"""

from collections.abc import Mapping

from fastapi import FastAPI, HTTPException
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import BY_STATUS, problem

# How much of an unwanted body is read and thrown away.
LINGER_BYTES = 16 * 2**20


class BodyTooLarge(HTTPException):
    """The body has more bytes than are accepted here."""

    def __init__(self, limit: int) -> None:
        """Says the limit, in bytes."""
        super().__init__(413, f"the body has more than {limit} bytes")
        self.limit = limit

    def response(self, path: str) -> Response:
        """Returns the problem."""
        # The rest of the body may still be on its way, so the connection is of no further use.
        headers = {"Connection": "close"}
        return problem(
            BY_STATUS[413], self.detail, instance=path, members={"limit": self.limit}, headers=headers
        )


class BodyLimit:
    """ASGI middleware that counts the bytes of each request's body."""

    def __init__(self, app: ASGIApp, limit: int, limits_by_path: Mapping[str, int]) -> None:
        """Holds bodies to `limit` bytes, or to what `limits_by_path` says of a path."""
        self._app = app
        self._limit = limit
        self._limits_by_path = limits_by_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, unless it is too large by its own account."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        declared = headers.get("content-length")
        if declared is None and "transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        limit = self._limits_by_path.get(scope["path"], self._limit)
        body = _Body(receive, send, limit, may_linger="expect" not in headers)
        if declared is not None and declared.isdecimal() and int(declared[:20]) > limit:
            await BodyTooLarge(limit).response(scope["path"])(scope, body.receive, body.send)
        else:
            await self._app(scope, body.receive, body.send)


class _Body:
    """The body of one request: counted as it comes, and read to its end before an answer is sent."""

    def __init__(self, receive: Receive, send: Send, limit: int, *, may_linger: bool) -> None:
        self._receive = receive
        self._send = send
        self._limit = limit
        self._nr_bytes = 0
        # A client that waits to be asked for its body does not send it unasked.
        self._is_unread = may_linger

    async def receive(self) -> Message:
        """Returns the next message; raises BodyTooLarge once more than the limit came through."""
        message = await self._next()
        if self._nr_bytes > self._limit:
            raise BodyTooLarge(self._limit)
        return message

    async def send(self, message: Message) -> None:
        """Sends, after what is still to come of the body, or LINGER_BYTES of it, was read and thrown away."""
        furthest = self._nr_bytes + LINGER_BYTES
        while self._is_unread and self._nr_bytes < furthest:
            await self._next()
        self._is_unread = False
        await self._send(message)

    async def _next(self) -> Message:
        message = await self._receive()
        self._nr_bytes += len(message.get("body", b""))
        if not message.get("more_body", False):
            self._is_unread = False
        return message


async def _on_body_too_large(request: Request, error: Exception) -> Response:
    assert isinstance(error, BodyTooLarge)
    return error.response(request.url.path)


def install(app: FastAPI, limit: int, limits_by_path: Mapping[str, int]) -> None:
    """Holds the bodies of all requests to `app` to their limits."""
    app.add_middleware(BodyLimit, limit=limit, limits_by_path=limits_by_path)
    app.add_exception_handler(BodyTooLarge, _on_body_too_large)
