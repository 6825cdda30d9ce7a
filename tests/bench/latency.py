"""The worst wait of other guests' callers while one guest is busy with an operation of about a second.

One caller asks for another guest again and again, every few milliseconds, and keeps the longest wait. In turn
with it, a bare server that does nothing else is asked: its longest wait is the machine's own share.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from statistics import median
from typing import NamedTuple

from tests.bench.servers import Running, bare, vmemsim
from tests.bench.subject import Effort
from tests.bench.table import Row, at_most
from tests.bench.wire import Connection, build

_MIB = 2**20
_GIB = 2**30
_PAUSE_S = 0.002
_OTHER = "/v1/guests/other"
_BUSY = "/v1/guests/busy"
_PROBES = [
    build("GET", _OTHER),
    build("PATCH", f"{_OTHER}/virtio-mem/vm0", json.dumps({"requested_size": 2 * _MIB}).encode()),
    build("PATCH", f"{_OTHER}/virtio-mem/vm0", json.dumps({"requested_size": 0}).encode()),
]


class Waits(NamedTuple):
    """What the caller saw during one operation, and how long that took."""

    longest_ms: float
    longest_bare_ms: float
    operation_s: float


class Servers(NamedTuple):
    """The service, and the bare server beside it."""

    ours: Running
    control: Running


def measure(effort: Effort) -> Iterable[Row]:
    """Yields the longest wait while pages migrate, while a driver walks, and while a guest is made and filled."""
    with vmemsim() as ours, bare({"show_guest": {}}) as control:
        device = {"size": _GIB}
        ours.ask("POST", "/v1/guests", {"name": "other", "boot_size": _GIB, "devices": [device]})
        servers = Servers(ours, control)
        for what, operate in (
            ("unplug that moves every page", _unplug_full),
            ("unplug of an idle tebibyte", _unplug_idle),
            ("creation with a workload", _create_fragmented),
        ):
            yield _row(what, [operate(servers, effort) for _ in range(effort.rounds)])


def _row(what: str, rounds: list[Waits]) -> Row:
    longest = [waits.longest_ms for waits in rounds]
    bare_ms = median(waits.longest_bare_ms for waits in rounds)
    seconds = median(waits.operation_s for waits in rounds)
    note = f"operation of {seconds:.2f} s; the bare server's caller waited {bare_ms:.1f} ms"
    return Row("latency", f"during: {what}", "ms", longest, at_most(20), note)


def _unplug_full(servers: Servers, effort: Effort) -> Waits:
    """Unplugs a device that single anonymous pages fill."""
    size = 16 * _GIB // effort.divisor
    with _busy_guest(servers.ours, size, boot_size=24 * _GIB):
        servers.ours.ask("POST", f"{_BUSY}/allocations", {"kind": "anon", "order": 0, "size": size})
        return _watch(servers, lambda: _unplug(servers.ours, size))


def _unplug_idle(servers: Servers, effort: Effort) -> Waits:
    """Unplugs a large device of which nothing is used: the most Python per millisecond."""
    size = 1024 * _GIB // effort.divisor
    with _busy_guest(servers.ours, size, boot_size=32 * _GIB):
        return _watch(servers, lambda: _unplug(servers.ours, size))


def _create_fragmented(servers: Servers, effort: Effort) -> Waits:
    """Makes a guest whose memory is filled and freed page by page."""
    body = {"name": "busy", "boot_size": 4 * _GIB // effort.divisor, "workload": "fragmented"}
    waits = _watch(servers, lambda: servers.ours.ask("POST", "/v1/guests", body))
    _delete(servers.ours)
    return waits


@contextmanager
def _busy_guest(server: Running, size: int, *, boot_size: int) -> Iterator[None]:
    """Makes a guest with a device of `size` bytes, all of it plugged, for as long as the block lasts."""
    device = {"size": size, "requested_size": size}
    server.ask("POST", "/v1/guests", {"name": "busy", "boot_size": boot_size, "devices": [device]})
    yield
    _delete(server)


def _unplug(server: Running, size: int) -> None:
    operation = server.ask("POST", f"{_BUSY}/virtio-mem/vm0/unplug?wait=60", {"size": size})
    assert operation["state"] == "succeeded", operation


def _delete(server: Running) -> None:
    with closing(Connection(server.url)) as connection:
        connection.send(build("DELETE", _BUSY))
        connection.socket.recv(4096)


def _watch(servers: Servers, operation: Callable[[], object]) -> Waits:
    """Runs the operation in a thread, and asks both servers in turn until it ends."""
    with closing(Connection(servers.ours.url)) as ours, closing(Connection(servers.control.url)) as control:
        ours.ask(_PROBES[0])
        control.ask(_PROBES[0])
        start = time.perf_counter()
        thread = threading.Thread(target=operation)
        thread.start()
        longest = longest_bare = 0.0
        asked = 0
        while thread.is_alive():
            longest = max(longest, _wait_s(ours, _PROBES[asked % len(_PROBES)]))
            longest_bare = max(longest_bare, _wait_s(control, _PROBES[0]))
            asked += 1
            time.sleep(_PAUSE_S)
        thread.join()
        return Waits(longest * 1000, longest_bare * 1000, time.perf_counter() - start)


def _wait_s(connection: Connection, request: bytes) -> float:
    sent = time.perf_counter()
    connection.ask(request)
    return time.perf_counter() - sent
