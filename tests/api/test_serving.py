"""Serving: announced when ready, ended by a signal, and a process that is as it was before."""

import gc
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from app.api.place import bind
from app.api.serving import Manner, serve
from app.main import create_app
from app.operations.warm_up import Kernels
from app.settings import Settings


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_is_announced_and_ends_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    """The URL is told once the service is ready; after the signal nothing is left, handlers included."""
    file = tmp_path / "announced.json"
    told: list[str] = []
    before = (signal.getsignal(number), sys.getswitchinterval(), gc.get_threshold())

    def on_ready(url: str) -> None:
        told.append(url)
        assert json.loads(file.read_text())["url"] == url
        os.kill(os.getpid(), number)

    with bind("127.0.0.1", 0) as bound:
        manner = Manner(announce=file, shutdown_grace_s=1)
        assert serve(create_app(Settings()), bound, manner, on_ready)
    assert len(told) == 1
    assert not file.exists()
    assert (signal.getsignal(number), sys.getswitchinterval(), gc.get_threshold()) == before
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{told[0]}/healthz")


def test_serve_ends_streams_and_long_polls_at_once(tmp_path: Path) -> None:
    """A reader of events, and one who waits a minute, do not hold up the end."""
    began: list[float] = []
    ended: list[str] = []

    def ask(url: str, path: str) -> None:
        ended.append(httpx.get(f"{url}{path}", timeout=30).text)

    def on_ready(url: str) -> None:
        threading.Thread(target=prepare, args=(url,)).start()

    def prepare(url: str) -> None:
        body = {
            "name": "web",
            "boot_size": "512MiB",
            "devices": [{"size": "1GiB"}],
            "clock": {"mode": "manual"},
        }
        httpx.post(f"{url}/v1/guests", json=body).raise_for_status()
        begun = httpx.patch(f"{url}/v1/guests/web/virtio-mem/vm0", json={"requested_size": "128MiB"})
        for path in ("/v1/guests/web/events", f"{begun.headers['location']}?wait=60"):
            threads.append(threading.Thread(target=ask, args=(url, path)))
            threads[-1].start()
        time.sleep(0.3)
        began.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGTERM)

    threads: list[threading.Thread] = []
    with bind("127.0.0.1", 0) as bound:
        manner = Manner(announce=None, shutdown_grace_s=5)
        assert serve(create_app(Settings()), bound, manner, on_ready)
    for thread in threads:
        thread.join(10)
    assert time.monotonic() - began[0] < 3
    assert len(ended) == 2
    assert any('"state":"running"' in text for text in ended)


def test_serve_with_kernels_that_fail_ends_with_the_reason() -> None:
    """A service that can never be ready says why, and does not go on."""

    def fail(nr_done: int, nr_steps: int, where: str) -> None:
        raise OSError(28, f"no room at {nr_done} of {nr_steps}, {where}")

    kernels = Kernels()
    kernels.begin(fail)
    manner = Manner(announce=None, shutdown_grace_s=1)
    with bind("127.0.0.1", 0) as bound, pytest.raises(OSError, match="no room"):
        serve(create_app(Settings(), kernels), bound, manner, pytest.fail)


def test_serve_that_cannot_announce_ends_with_the_reason(tmp_path: Path) -> None:
    """Whoever waits for the announcement would wait for ever."""
    manner = Manner(announce=tmp_path / "nowhere" / "file", shutdown_grace_s=1)
    with bind("127.0.0.1", 0) as bound, pytest.raises(FileNotFoundError):
        serve(create_app(Settings()), bound, manner, pytest.fail)
