"""Requests a second, against a bare FastAPI route that returns the same body.

Requests per second of the *server's processor time*: a server has one event loop, so that is its limit, and
other load on the machine does not touch it. Both servers are asked in turn.
"""

import json
from collections.abc import Iterable
from statistics import median
from typing import NamedTuple

from tests.bench.servers import Running, bare, vmemsim
from tests.bench.subject import Effort
from tests.bench.table import Row, Target, at_least
from tests.bench.wire import Connection, build, count_answers

_MIB = 2**20
_GIB = 2**30
_GUEST = "measured"
_GUEST_PATH = f"/v1/guests/{_GUEST}"
_DEVICE_PATH = f"{_GUEST_PATH}/virtio-mem/vm0"
_RANGE_PATH = f"{_GUEST_PATH}/alloc-contig-range"
_SPEC = {
    "name": _GUEST,
    "boot_size": 4 * _GIB,
    "devices": [{"size": 4 * _GIB, "requested_size": _GIB}],
}
_NR_CONNECTIONS = 8
_PAGEBLOCK_NR_PAGES = 512
# Free memory in the middle of the guest.
_FIRST_PFN = 2 * _GIB // 4096


class Call(NamedTuple):
    """What is asked: a script for each connection, and which of bare.py's functions answer it with the same bodies."""

    what: str
    scripts: list[list[bytes]]
    answered_by: list[str]
    target: Target | None


def _same(script: list[bytes]) -> list[list[bytes]]:
    return [script] * _NR_CONNECTIONS


def _take_and_give_back(number: int) -> list[bytes]:
    """Takes a pageblock that no other connection touches, and gives it back."""
    start_pfn = _FIRST_PFN + number * _PAGEBLOCK_NR_PAGES
    pfns = {"start_pfn": start_pfn, "end_pfn": start_pfn + _PAGEBLOCK_NR_PAGES}
    query = "&".join(f"{name}={pfn}" for name, pfn in pfns.items())
    return [build("POST", _RANGE_PATH, json.dumps(pfns).encode()), build("DELETE", f"{_RANGE_PATH}?{query}")]


def _resize(size: int) -> bytes:
    return build("PATCH", f"{_DEVICE_PATH}?wait=10", json.dumps({"requested_size": size}).encode())


_CALLS = [
    Call("show a guest", _same([build("GET", _GUEST_PATH)]), ["show_guest"], at_least(0.75)),
    Call(
        "show a device",
        _same([build("GET", _DEVICE_PATH)]),
        ["show_device"],
        at_least(0.75),
    ),
    Call(
        "take a pageblock, give it back",
        [_take_and_give_back(number) for number in range(_NR_CONNECTIONS)],
        ["take", "give_back"],
        at_least(0.75),
    ),
    Call(
        "plug 2 MiB, unplug 2 MiB, the driver's work included",
        _same([_resize(_GIB + 2 * _MIB), _resize(_GIB)]),
        ["resize"],
        at_least(0.75),
    ),
]


def measure(effort: Effort) -> Iterable[Row]:
    """Yields the ratio of each call."""
    with vmemsim() as ours:
        ours.ask("POST", "/v1/guests", _SPEC)
        answers = {name: answer for call in _CALLS for name, answer in _answers(ours, call)}
        with bare(answers) as theirs:
            for call in _CALLS:
                yield _row(call, ours, theirs, effort)


def _answers(ours: Running, call: Call) -> list[tuple[str, object]]:
    """Returns the body that each function of bare.py must answer."""
    connection = Connection(ours.url)
    answers = [json.loads(connection.ask(request)) for request in call.scripts[0]]
    connection.close()
    return list(zip(call.answered_by, answers, strict=False))


def _row(call: Call, ours: Running, theirs: Running, effort: Effort) -> Row:
    seconds = 1.0 / effort.divisor
    for server in (ours, theirs):
        _speed(server, call, seconds / 2)
    speeds = [(_speed(ours, call, seconds), _speed(theirs, call, seconds)) for _ in range(effort.rounds)]
    ratios = [mine / bare_one for mine, bare_one in speeds]
    mine, bare_one = (median(column) for column in zip(*speeds, strict=True))
    note = f"{mine:.0f} requests a second of processor time, bare {bare_one:.0f}"
    return Row("rest", call.what, "x bare", ratios, call.target, note)


def _speed(server: Running, call: Call, seconds: float) -> float:
    """Requests per second of the server's processor time."""
    before = server.processor_s()
    answered = count_answers(server.url, call.scripts, seconds=seconds)
    return answered / (server.processor_s() - before)
