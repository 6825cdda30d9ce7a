"""The worst wait of other guests' callers while one guest is busy with an operation of about a second.

One caller asks for another guest again and again, every few milliseconds, and keeps the longest wait; the same
without the operation is the machine's own share in it.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple, Self

from tests.bench.servers import Running, vmemsim
from tests.bench.subject import Effort
from tests.bench.table import Row, at_most
from tests.bench.wire import Connection, build

_MIB = 2**20
_GIB = 2**30
_PAUSE_S = 0.002
_OTHER = "/v1/guests/other"
_PROBES = [
    build("GET", _OTHER),
    build("PATCH", f"{_OTHER}/virtio-mem/vm0", json.dumps({"requested_size": 2 * _MIB}).encode()),
    build("PATCH", f"{_OTHER}/virtio-mem/vm0", json.dumps({"requested_size": 0}).encode()),
]


class Waits(NamedTuple):
    """What the caller saw during one operation: its longest wait, and how long the operation took."""

    longest_ms: float
    operation_s: float


def measure(effort: Effort) -> Iterable[Row]:
    """Yields the longest wait while nothing happens, then while another guest is busy in three ways."""
    with vmemsim() as server:
        device = {"size": _GIB}
        server.ask("POST", "/v1/guests", {"name": "other", "boot_size": _GIB, "devices": [device]})
        yield _row("nothing (the machine's own share)", [_watch(server, _idle) for _ in range(effort.rounds)])
        for what, operation in (
            ("unplug that moves every page", _unplug_full),
            ("unplug of an idle tebibyte", _unplug_idle),
            ("creation with a workload", _create_fragmented),
        ):
            yield _row(what, [operation(server, effort) for _ in range(effort.rounds)])


def _row(what: str, rounds: list[Waits]) -> Row:
    seconds = sorted(waits.operation_s for waits in rounds)[len(rounds) // 2]
    target = None if what.startswith("nothing") else at_most(20)
    return Row(
        "latency", f"during: {what}", "ms", [waits.longest_ms for waits in rounds], target, f"{seconds:.2f} s"
    )


def _unplug_full(server: Running, effort: Effort) -> Waits:
    """Unplugs a device that single anonymous pages fill."""
    size = 16 * _GIB // effort.divisor
    with _Busy(server, {"boot_size": 24 * _GIB, "devices": [{"size": size, "requested_size": size}]}) as busy:
        server.ask("POST", f"{busy.path}/allocations", {"kind": "anon", "order": 0, "size": size})
        return _watch(server, lambda: busy.unplug(size))


def _unplug_idle(server: Running, effort: Effort) -> Waits:
    """Unplugs a large device of which nothing is used: the most Python per millisecond."""
    size = 1024 * _GIB // effort.divisor
    with _Busy(server, {"boot_size": 32 * _GIB, "devices": [{"size": size, "requested_size": size}]}) as busy:
        return _watch(server, lambda: busy.unplug(size))


def _create_fragmented(server: Running, effort: Effort) -> Waits:
    """Makes a guest whose memory is filled and freed page by page."""
    body = {"name": "busy", "boot_size": 4 * _GIB // effort.divisor, "workload": "fragmented"}
    waits = _watch(server, lambda: server.ask("POST", "/v1/guests", body))
    _delete(server, "/v1/guests/busy")
    return waits


class _Busy:
    """A guest for as long as a block lasts."""

    path = "/v1/guests/busy"

    def __init__(self, server: Running, spec: dict[str, object]) -> None:
        self._server = server
        self._spec = spec

    def __enter__(self) -> Self:
        self._server.ask("POST", "/v1/guests", {"name": "busy", **self._spec})
        return self

    def __exit__(self, *_: object) -> None:
        _delete(self._server, self.path)

    def unplug(self, size: int) -> None:
        """Takes all of the device back."""
        outcome = self._server.ask("POST", f"{self.path}/virtio-mem/vm0/unplug", {"size": size})
        assert outcome["state"] == "done", outcome


def _delete(server: Running, path: str) -> None:
    connection = Connection(server.url)
    connection.send(build("DELETE", path))
    connection.socket.recv(4096)
    connection.close()


def _idle() -> None:
    time.sleep(1.0)


def _watch(server: Running, operation: Callable[[], object]) -> Waits:
    """Runs the operation in a thread, and asks for the other guest until it ends."""
    connection = Connection(server.url)
    connection.ask(_PROBES[0])
    start = time.perf_counter()
    thread = threading.Thread(target=operation)
    thread.start()
    longest = 0.0
    asked = 0
    while thread.is_alive():
        sent = time.perf_counter()
        connection.ask(_PROBES[asked % len(_PROBES)])
        longest = max(longest, time.perf_counter() - sent)
        asked += 1
        time.sleep(_PAUSE_S)
    thread.join()
    connection.close()
    return Waits(longest * 1000, time.perf_counter() - start)
