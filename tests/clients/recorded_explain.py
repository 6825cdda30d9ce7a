"""Answers of the service about why and what if, as it gives them."""

from typing import Any

from tests.clients import recorded

MIB = 2**20

EXPLANATION: dict[str, Any] = {
    "device": "vm0",
    "target": 0,
    "size": 1024 * MIB,
    "unit_size": 2 * MIB,
    "above_target": 1024 * MIB,
    "obtainable": 1010 * MIB,
    "stays": 14 * MIB,
    "rest": 0,
    "result": "EBUSY",
    "hindrances": [],
    "retry": {"due_us": 81_000_000, "in_us": 40_000_000, "interval_ms": 50_000, "next_interval_ms": 100_000},
    "pieces": 7,
    "groups": [
        {
            "level": "pageblock",
            "result": "EBUSY",
            "kind": "pinned",
            "owner": {"type": "allocation", "label": "dpdk"},
            "numbers": [3, 4],
            "count": 4,
            "bytes": 8 * MIB,
            "obstacles": 5,
            "obstacle_pages": 5,
            "youngest_us": 1_000_000,
            "oldest_us": 7_000_000,
            "remedy": {
                "action": "unpin",
                "text": "let 'dpdk' (allocation 3, 4) unpin these pages, or end it",
            },
            "released_alone": 6 * MIB,
            "largest_gain": {"start_pfn": 1150976, "end_pfn": 1152000, "bytes": 4 * MIB, "obstacle_pages": 3},
        },
        {
            "level": None,
            "result": "ENOMEM",
            "kind": None,
            "owner": None,
            "numbers": [],
            "count": 3,
            "bytes": 6 * MIB,
            "obstacles": 0,
            "obstacle_pages": 0,
            "youngest_us": None,
            "oldest_us": None,
            "remedy": {"action": "add_memory", "text": "about 5 MiB more free memory"},
            "released_alone": 0,
            "largest_gain": None,
        },
    ],
    "pages": [
        {
            "pfn": 1150983,
            "kind": "pinned",
            "order": 0,
            "owner": {"type": "allocation", "label": "dpdk", "number": 3},
            "age_us": 7_000_000,
            "start_pfn": 1150976,
            "end_pfn": 1151488,
            "level": "pageblock",
            "result": "EBUSY",
            "remedy": {"action": "unpin", "text": "let 'dpdk' (allocation 3) unpin these pages, or end it"},
        },
        {
            "pfn": None,
            "kind": None,
            "order": None,
            "owner": None,
            "age_us": None,
            "start_pfn": 1100288,
            "end_pfn": 1100800,
            "level": None,
            "result": "ENOMEM",
            "remedy": {"action": "add_memory", "text": "about 5 MiB more free memory"},
        },
    ],
    "nr_pages": 8,
    "next_cursor": 2,
}
FORECAST: dict[str, Any] = {
    "device": "vm0",
    "policy": "linux-5.19",
    "fallback": ["memory_block", "pageblock"],
    "size_before": 1024 * MIB,
    "requested_size": 512 * MIB,
    "size": 514 * MIB,
    "outcome": recorded.OUTCOME,
    "retries": [{"at_us": 50_000_000, "outcome": recorded.OUTCOME}],
    "simulated_us": 33_000,
    "limits": {
        "floor": 14 * MIB,
        "floor_reason": "obstacles",
        "safe_floor": 200 * MIB,
        "free_at_safe_floor": 80 * MIB,
        "high_watermarks": 79 * MIB,
        "ceiling": 2048 * MIB,
        "ceiling_reason": "memmap",
    },
}
SNAPSHOT = {
    "id": "before",
    "at_us": 1_500_000,
    "digest": "ae56639ebdb5ac133546dd160ddbde88",
    "nr_pages": 1310720,
}
SNAPSHOTS = {"snapshots": [SNAPSHOT]}
