"""Answers about operations, clocks and events, as the service gives them."""

from typing import Any

from tests.clients import recorded

MIB = recorded.MIB

PARTIAL: dict[str, Any] = {
    "id": "op-7",
    "guest": "web",
    "device": "vm0",
    "kind": "resize",
    "state": "partial",
    "is_over": True,
    "requested_size": 0,
    "size_before": 128 * MIB,
    "size": 2 * MIB,
    "requested": 128 * MIB,
    "achieved": 126 * MIB,
    "begun_us": 1500,
    "ended_us": 4000,
    "retry": None,
    "superseded_by": None,
    "reason": "2 MiB stay plugged: 1 piece (2 MiB) held by unmovable (pageblock, EBUSY)",
    "outcome": recorded.OUTCOME,
}

SUCCEEDED: dict[str, Any] = {
    **PARTIAL,
    "state": "succeeded",
    "size": 0,
    "achieved": 128 * MIB,
    "reason": None,
    "outcome": recorded.DONE,
}

RUNNING: dict[str, Any] = {
    **PARTIAL,
    "state": "running",
    "is_over": False,
    "size": 64 * MIB,
    "achieved": 64 * MIB,
    "ended_us": None,
    "reason": None,
    "outcome": None,
}

WAITING: dict[str, Any] = {
    **PARTIAL,
    "state": "waiting_retry",
    "is_over": False,
    "ended_us": None,
    "retry": {"interval_ms": 50_000, "due_us": 50_004_000, "count": 1},
}

CLOCK: dict[str, Any] = {
    "mode": "realtime",
    "scale": 60.0,
    "now_us": 61_000_000,
    "next_due_us": 62_000_000,
    "lag_ms": 0.25,
    "is_behind": False,
}

CLOCKS: dict[str, Any] = {
    "realtime_guests": 1000,
    "window_s": 10.0,
    "ticks": 20_000,
    "lag_ms": {"p50": 0.5, "p99": 12.0, "max": 30.0},
    "is_behind": False,
}

EVENTS = (
    b": nothing new\n\n"
    b'id: 5\nevent: dropped\ndata: {"from":1,"to":5,"count":5}\n\n'
    b"id: 6\nevent: memory_block_changed\n"
    b'data: {"memory_block":32,"state":"online","zone":"Movable","id":6,"simulated_us":1370,'
    b'"type":"memory_block_changed"}\n\n'
)
