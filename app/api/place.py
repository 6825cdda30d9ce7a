"""Where the service is found: the port that it takes, its URL, and the announcement of both.

Left out: serving (app.api.serving), which takes long to import; a port that is taken is said at once.
"""

import json
import os
import socket
from pathlib import Path

_BACKLOG = 2048


def bind(host: str, port: int) -> socket.socket:
    """Returns a socket that is bound to `host` and `port`.

    Raises OSError.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    bound = socket.socket(family, kind, protocol)
    try:
        # A port that a stopped service leaves behind may be taken at once.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        # Listening now: two services on one port would otherwise be seen only later.
        bound.listen(_BACKLOG)
    except OSError:
        bound.close()
        raise
    return bound


def url_of(bound: socket.socket) -> str:
    """Returns a URL under which the socket can be reached from this machine."""
    host, port = bound.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def announce(file: Path, url: str) -> None:
    """Writes {"url", "pid"} to `file`, whole or not at all."""
    text = json.dumps({"url": url, "pid": os.getpid()}) + "\n"
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)


def withdraw(file: Path) -> None:
    """Removes the announcement, if it is still this process's."""
    try:
        if json.loads(file.read_text(encoding="utf-8")).get("pid") == os.getpid():
            file.unlink()
    except (OSError, ValueError):
        # Gone already, or somebody else's.
        return
