"""HTTP over a bare socket: a load generator that costs far less per request than the service does.

A client library would be the slower side, and every service would look the same.
Left out: anything but answers with a Content-Length on a connection that stays open.
"""

import selectors
import socket
import time
from urllib.parse import urlsplit

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_RECEIVE = 1 << 16


class UnexpectedAnswerError(Exception):
    """An answer that is none of the 2xx."""


class Connection:
    """One open connection to a server."""

    def __init__(self, url: str) -> None:
        """Connects to `url`, of which host and port count."""
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""

    def ask(self, request: bytes) -> bytes:
        """Sends a request and returns the answer's body."""
        self.send(request)
        while True:
            body = self.receive()
            if body is not None:
                return body

    def send(self, request: bytes) -> None:
        """Sends a request as build() made it."""
        self.socket.sendall(request)

    def receive(self) -> bytes | None:
        """Takes what has arrived; returns the body once the answer is complete.

        Raises UnexpectedAnswerError.
        """
        piece = self.socket.recv(_RECEIVE)
        if not piece:
            raise UnexpectedAnswerError("the server closed the connection")
        self._received += piece
        head_end = self._received.find(_HEAD_END)
        if head_end < 0:
            return None
        length_at = self._received.lower().find(_LENGTH, 0, head_end) + len(_LENGTH)
        body_start = head_end + len(_HEAD_END)
        body_end = body_start + int(self._received[length_at : self._received.find(b"\r", length_at)])
        if len(self._received) < body_end:
            return None
        if not self._received.startswith(b"HTTP/1.1 2"):
            raise UnexpectedAnswerError(self._received.decode("utf-8", "replace"))
        body = self._received[body_start:body_end]
        self._received = b""
        return body

    def close(self) -> None:
        """Hangs up."""
        self.socket.close()


def build(method: str, path: str, body: bytes = b"") -> bytes:
    """Returns a request as bytes; the body, if any, is JSON."""
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def count_answers(url: str, requests: list[bytes], *, seconds: float, nr_connections: int) -> int:
    """Keeps every connection busy with `requests`, in turn, for that long; returns how many were answered."""
    connections = [Connection(url) for _ in range(nr_connections)]
    answered = 0
    sent = 0
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send(requests[sent % len(requests)])
            sent += 1
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            for key, _ in selector.select(timeout=seconds):
                connection = key.data
                if connection.receive() is None:
                    continue
                answered += 1
                connection.send(requests[sent % len(requests)])
                sent += 1
    for connection in connections:
        connection.close()
    return answered
