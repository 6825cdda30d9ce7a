"""HTTP over a bare socket: a load generator that costs far less per request than the service does.

A client library would be the slower side, and every service would look the same.
Left out: anything but answers with a Content-Length on a connection that stays open.
"""

import selectors
import socket
import time
from collections.abc import Sequence
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


class _Player:
    """Plays a script on a connection of its own, over and over."""

    def __init__(self, url: str, script: Sequence[bytes]) -> None:
        self.connection = Connection(url)
        self._script = script
        self._sent = 0

    @property
    def is_at_end(self) -> bool:
        """Whether everything that the script began is ended by now."""
        return self._sent % len(self._script) == 0

    def send(self) -> None:
        """Sends the next request."""
        self.connection.send(self._script[self._sent % len(self._script)])
        self._sent += 1


def count_answers(url: str, scripts: Sequence[Sequence[bytes]], *, seconds: float) -> int:
    """Plays the scripts at once for that long, each to an end of its own; returns how many answers came."""
    answered = 0
    with selectors.DefaultSelector() as selector:
        for script in scripts:
            player = _Player(url, script)
            selector.register(player.connection.socket, selectors.EVENT_READ, player)
            player.send()
        end = time.perf_counter() + seconds
        while selector.get_map():
            for key, _ in selector.select(timeout=seconds):
                player = key.data
                if player.connection.receive() is None:
                    continue
                answered += 1
                if time.perf_counter() < end or not player.is_at_end:
                    player.send()
                    continue
                selector.unregister(player.connection.socket)
                player.connection.close()
    return answered
