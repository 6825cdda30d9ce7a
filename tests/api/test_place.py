"""The place: sockets, addresses, and announcements that are whole, and withdrawn only by who made them."""

import json
import os
import socket
from pathlib import Path

import pytest

from app.api.place import announce, bind, url_of, withdraw


def test_bind_on_port_0_takes_a_free_one() -> None:
    """The URL names the port that was taken."""
    with bind("127.0.0.1", 0) as bound:
        port = bound.getsockname()[1]
        assert port
        assert url_of(bound) == f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(("host", "said"), [("0.0.0.0", "127.0.0.1"), ("localhost", "127.0.0.1")])  # noqa: S104 - the point of the test
def test_url_of_any_address_can_be_reached(host: str, said: str) -> None:
    """An address that means "all" is announced as one that a client can use."""
    with bind(host, 0) as bound:
        assert url_of(bound) in {
            f"http://{said}:{bound.getsockname()[1]}",
            f"http://[::1]:{bound.getsockname()[1]}",
        }
        address = url_of(bound).removeprefix("http://").rpartition(":")
        socket.create_connection((address[0].strip("[]"), int(address[2]))).close()


def test_bind_on_a_taken_port_is_an_error() -> None:
    """Two services never share a port."""
    with bind("127.0.0.1", 0) as taken, pytest.raises(OSError, match="in use"):
        bind("127.0.0.1", taken.getsockname()[1])


def test_announcement_is_written_and_withdrawn(tmp_path: Path) -> None:
    """The file holds URL and pid, nothing else is left in its folder, and it goes."""
    file = tmp_path / "announced.json"
    announce(file, "http://127.0.0.1:1")
    assert json.loads(file.read_text()) == {"url": "http://127.0.0.1:1", "pid": os.getpid()}
    assert list(tmp_path.iterdir()) == [file]
    withdraw(file)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ['{"url": "http://127.0.0.1:2", "pid": 1}', "no json", None])
def test_announcement_of_somebody_else_stays(tmp_path: Path, content: str | None) -> None:
    """A file that another process wrote meanwhile is not touched; a file that is gone is no error."""
    file = tmp_path / "announced.json"
    if content is not None:
        file.write_text(content)
    withdraw(file)
    assert (file.read_text() if file.exists() else None) == content
