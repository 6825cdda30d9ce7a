"""A thousand guests with running workloads on one server in mode realtime: how late they are served.

Each plays a workload of ticks of a second, at scale 1; the service measures itself (GET /v1/clock), and says when it
falls behind.
"""

import time
from collections.abc import Iterable

from tests.bench.servers import Running, vmemsim
from tests.bench.subject import Effort
from tests.bench.table import Row, at_most

_NR_GUESTS = 1000
# GET /v1/clock looks so far back.
_WINDOW_S = 10.0
_FULL = [
    {"do": "grow", "label": "cache", "kind": "file", "by": "300MiB", "seconds": 0},
    {"do": "grow", "label": "heap", "by": "150MiB", "seconds": 0},
]
_LEAK = {"do": "leak", "label": "leak", "rate": "1MiB", "background": True, "restart": True}
_CHURN = {"do": "churn", "labels": ["heap", "cache"], "fraction": 0.002}
_WORKLOADS = {
    "a leak of 1 MiB/s": [*_FULL, {**_LEAK, "background": False}],
    "a leak, and churn of 0.2 %/s": [*_FULL, _LEAK, _CHURN],
}


def measure(effort: Effort) -> Iterable[Row]:
    """Yields the 99th percentile of lateness, workload by workload."""
    for what, phases in _WORKLOADS.items():
        with vmemsim() as server:
            for number in range(_NR_GUESTS // effort.divisor):
                server.ask("POST", "/v1/guests", _spec(number, phases))
            time.sleep(_WINDOW_S)
            yield _row(server, what, effort)


def _row(server: Running, what: str, effort: Effort) -> Row:
    before_s, began_s = server.processor_s(), time.monotonic()
    lags, said_behind, ticks = [], 0, 0.0
    for _ in range(effort.rounds):
        time.sleep(_WINDOW_S)
        told = server.ask("GET", "/v1/clock")
        lag = told["lag_ms"]
        assert isinstance(lag, dict)
        lags.append(float(lag["p99"]))
        said_behind += bool(told["is_behind"])
        ticks = float(str(told["ticks"]))
    share = (server.processor_s() - before_s) / (time.monotonic() - began_s)
    note = (
        f"{ticks / _WINDOW_S:.0f} ticks a second, {share:.0%} of a processor; "
        f"said to be behind in {said_behind} of {effort.rounds} rounds"
    )
    nr_guests = _NR_GUESTS // effort.divisor
    return Row(
        "realtime",
        f"{nr_guests} guests, each with {what}: lag, 99th percentile",
        "ms",
        lags,
        at_most(100),
        note,
    )


def _spec(number: int, phases: list[dict[str, object]]) -> dict[str, object]:
    return {
        "name": f"guest-{number}",
        "boot_size": "512MiB",
        "seed": number,
        "devices": [{"size": "1GiB", "requested_size": "256MiB"}],
        "clock": {"mode": "realtime"},
        "phases": phases,
    }
