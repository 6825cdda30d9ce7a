"""Requests a second, against a bare FastAPI route that returns the same body.

Requests per second of the *server's processor time*: a server has one event loop, so that is its limit, and
other load on the machine does not touch it. Both servers are asked in turn.
"""

import json
from collections.abc import Iterable
from typing import NamedTuple

from tests.bench.servers import Running, bare, vmemsim
from tests.bench.subject import Effort
from tests.bench.table import Row, at_least
from tests.bench.wire import build, count_answers

_MIB = 2**20
_GIB = 2**30
_GUEST = "measured"
_GUEST_PATH = f"/v1/guests/{_GUEST}"
_DEVICE_PATH = f"{_GUEST_PATH}/virtio-mem/vm0"
_SPEC = {
    "name": _GUEST,
    "boot_size": 4 * _GIB,
    "devices": [{"size": 4 * _GIB, "requested_size": _GIB}],
}
_NR_CONNECTIONS = 8


class Call(NamedTuple):
    """What is asked: requests in turn, and the bare route that answers them with the same body."""

    what: str
    bare_route: str
    requests: list[bytes]


_CALLS = [
    Call("show a guest", "GET /v1/guests/{guest}", [build("GET", _GUEST_PATH)]),
    Call("show a device", "GET /v1/guests/{guest}/virtio-mem/{device}", [build("GET", _DEVICE_PATH)]),
    Call(
        "plug and unplug 2 MiB in turn",
        "PATCH /v1/guests/{guest}/virtio-mem/{device}",
        [
            build("PATCH", _DEVICE_PATH, json.dumps({"requested_size": size}).encode())
            for size in (_GIB + 2 * _MIB, _GIB)
        ],
    ),
]


def measure(effort: Effort) -> Iterable[Row]:
    """Yields the ratio of each call."""
    with vmemsim() as ours:
        answers = _answers(ours)
        with bare({call.bare_route: answers[call.what] for call in _CALLS}) as theirs:
            for call in _CALLS:
                yield _row(call, ours, theirs, effort)


def _answers(ours: Running) -> dict[str, object]:
    """Makes the guest and returns what each call answers."""
    ours.ask("POST", "/v1/guests", _SPEC)
    return {
        "show a guest": ours.ask("GET", _GUEST_PATH),
        "show a device": ours.ask("GET", _DEVICE_PATH),
        "plug and unplug 2 MiB in turn": ours.ask("PATCH", _DEVICE_PATH, {"requested_size": _GIB}),
    }


def _row(call: Call, ours: Running, theirs: Running, effort: Effort) -> Row:
    seconds = 2.0 / effort.divisor
    for server in (ours, theirs):
        _speed(server, call, seconds / 2)
    speeds = [(_speed(ours, call, seconds), _speed(theirs, call, seconds)) for _ in range(effort.rounds)]
    ratios = [mine / bare_one for mine, bare_one in speeds]
    mine, bare_one = speeds[len(speeds) // 2]
    note = f"{mine:.0f} requests a second of processor time, bare {bare_one:.0f}"
    return Row("rest", call.what, "x bare", ratios, at_least(0.75), note)


def _speed(server: Running, call: Call, seconds: float) -> float:
    """Requests per second of the server's processor time."""
    before = server.processor_s()
    answered = count_answers(server.url, call.requests, seconds=seconds, nr_connections=_NR_CONNECTIONS)
    return answered / (server.processor_s() - before)
