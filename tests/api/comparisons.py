"""A comparison for tests of its shapes: a row that ran, one that broke laws, one that was refused."""

from typing import Any

from app.units import GIB, MIB

OUTCOME: dict[str, Any] = {
    "device": "vm0",
    "state": "partial",
    "requested": 2 * GIB,
    "achieved": 2 * GIB - 6 * MIB,
    "requested_size": 0,
    "size": 6 * MIB,
    "by_level": {
        "memory_block": {"bytes": GIB, "attempts": 10, "failed": 2},
        "pageblock": {"bytes": GIB - 6 * MIB, "attempts": 600, "failed": 3},
    },
    "obstacles": [],
    "obstacle_count": 3,
    "obstacle_groups": [
        {
            "kind": "unmovable",
            "level": "pageblock",
            "result": "EBUSY",
            "cause": "page",
            "count": 2,
            "bytes": 4 * MIB,
        },
        {
            "kind": None,
            "level": "pageblock",
            "result": "ENOMEM",
            "cause": "memory",
            "count": 1,
            "bytes": 2 * MIB,
        },
    ],
    "failures": [{"kind": "unmovable", "level": "pageblock", "result": "EBUSY", "count": 4}],
    "migrated_pages": 77,
    "dropped_pages": 5,
    "types_lost": {"UNMOVABLE->MOVABLE": 3, "RECLAIMABLE->MOVABLE": 1},
    "simulated_us": 1_234_567,
}
BROKEN = [
    {"id": "INV-8", "weight": "finding", "count": 1, "where": "zone Normal", "expected": "1", "found": "2"},
    {"id": "INV-3", "weight": "failure", "count": 2, "where": "zone Normal", "expected": "1", "found": "2"},
]
_GUEST_ROW: dict[str, Any] = {"case": None, "played": None, "broken_meanwhile": []}
ROWS: list[dict[str, Any]] = [
    {
        **_GUEST_ROW,
        "policy": "linux-6.17",
        "fallback": ["memory_block", "pageblock"],
        "refusal": None,
        "outcome": OUTCOME,
        "broken": [],
    },
    {
        **_GUEST_ROW,
        "policy": "rfc-v1",
        "fallback": ["memory_block", "pageblock"],
        "refusal": None,
        "outcome": OUTCOME,
        "broken": BROKEN,
    },
    {
        **_GUEST_ROW,
        "policy": "linux-5.15+cma_align=pageblock,allow_unsafe=yes",
        "fallback": ["memory_block", "chunk"],
        "refusal": "vm0 has 2 MiB of a sub-block of 4 MiB plugged, which a driver of linux-5.15 cannot hold",
        "outcome": None,
        "broken": [],
    },
]
COMPARISON: dict[str, Any] = {
    "start": {"guest": "web-1"},
    "device": "vm0",
    "size_before": 2 * GIB,
    "requested_size": 0,
    "rows": ROWS,
}

_END: dict[str, Any] = {
    "order": ["a", "b"],
    "results": {"a": "OK", "b": "EBUSY@isolate"},
    "pfns": {},
    "pages": "|........|........|",
    "types": "MM",
    "lists": ["4@0 MOVABLE"],
    "nr_free": 24,
    "nr_free_cma": 8,
    "nr_free_highatomic": 0,
    "nr_reserved_highatomic": 0,
    "nr_migrated": 4,
    "findings": [],
    "violations": [],
    "types_lost": [],
    "values": {},
    "steps": [],
}
_PLAYED: dict[str, Any] = {
    "case": "two at once",
    "policy": "linux-6.17",
    "agrees": True,
    "is_expected": True,
    "nr_orders": 6,
    "nr_ends": 1,
    "ends": [_END],
    "differences": [],
}
_CASE_ROW: dict[str, Any] = {
    "case": "two at once",
    "fallback": None,
    "refusal": None,
    "outcome": None,
    "broken": [],
    "broken_meanwhile": [],
}
PLAYED_ROWS: list[dict[str, Any]] = [
    {**_CASE_ROW, "policy": "linux-6.17", "played": _PLAYED},
    {
        **_CASE_ROW,
        "policy": "rfc-v1",
        "played": _PLAYED
        | {
            "nr_ends": 2,
            "ends": [
                _END,
                _END
                | {
                    "results": {"a": "EBUSY@test", "b": "OK"},
                    "findings": ["INV-8", "INV-14"],
                    "violations": BROKEN[:1],
                    "types_lost": ["0 CMA->MOVABLE", "1 CMA->MOVABLE"],
                },
            ],
        },
        "broken": BROKEN[:1],
        "broken_meanwhile": ["INV-10"],
    },
    {**_CASE_ROW, "policy": "linux-5.15", "played": None, "refusal": "schedule, turn 2: a has ended"},
]
# The report of a device's resize, as an end of a scenario has it.
DEVICE_VALUES: dict[str, Any] = {
    **{
        name: OUTCOME[name] for name in ("device", "state", "requested", "achieved", "requested_size", "size")
    },
    **{
        f"by_level.{level}.{what}": number
        for level, tally in OUTCOME["by_level"].items()
        for what, number in tally.items()
    },
    **{name: OUTCOME[name] for name in ("migrated_pages", "dropped_pages", "simulated_us")},
    "calls": 610,
    "driver": "waiting_retry",
}
DEVICE_END: dict[str, Any] = _END | {"values": DEVICE_VALUES, "results": {"H": "EBUSY"}, "nr_migrated": 77}
DEVICE_ROW: dict[str, Any] = {
    **_CASE_ROW,
    "policy": "linux-6.17",
    "fallback": ["memory_block", "pageblock"],
    "played": _PLAYED | {"ends": [DEVICE_END]},
}
# A case with a device, one without, and one that was refused.
DEVICE_PLAYED: dict[str, Any] = {
    "start": {"scenario": "S28"},
    "device": None,
    "size_before": None,
    "requested_size": None,
    "rows": [DEVICE_ROW, PLAYED_ROWS[0], PLAYED_ROWS[2]],
}
PLAYED: dict[str, Any] = {
    "start": {"scenario": "S10"},
    "device": None,
    "size_before": None,
    "requested_size": None,
    "rows": PLAYED_ROWS,
}
