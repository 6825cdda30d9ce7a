"""Answers of the REST API v1, as the service gives them, for tests that need no service."""

from typing import Any

MIB = 1024 * 1024
GIB = 1024 * MIB
BASE_PFN = 4 * GIB // 4096

DEVICE: dict[str, Any] = {
    "id": "vm0",
    "addr": 4 * GIB,
    "block_size": 2 * MIB,
    "region_size": 8 * GIB,
    "usable_region_size": 2304 * MIB,
    "requested_size": 2 * GIB,
    "size": 2 * GIB,
    "node": 0,
    "mode": "sbm",
    "subblock_size": 2 * MIB,
    "big_block_size": None,
    "unplug_levels": ["memory_block", "chunk", "pageblock"],
    "driver": {
        "state": "idle",
        "retry_ms": 0,
        "is_loaded": True,
        "unplug_online": True,
        "force_bbm": False,
        "bbm_block_size": 0,
        "bbm_safe_unplug": True,
        "ignored_parameters": [],
    },
    "blocks": {
        "unused": 48,
        "plugged": 0,
        "offline": 0,
        "offline_partial": 0,
        "kernel": 15,
        "kernel_partial": 1,
        "movable": 0,
        "movable_partial": 0,
        "added": 0,
        "fake_offline": 0,
    },
}

CMA_AREA: dict[str, Any] = {
    "name": "dma",
    "base": 512 * MIB,
    "size": 64 * MIB,
    "used": 2 * MIB,
    "order_per_bit": 0,
    "allocations": [{"pfn": 131072, "nr_pages": 512}],
}

GUEST: dict[str, Any] = {
    "name": "web",
    "preset": "x86-64",
    "policy": "linux-5.19",
    "fallback": ["memory_block", "chunk", "pageblock"],
    "online": "online_kernel",
    "seed": 7,
    "boot_size": GIB,
    "numa_nodes": [GIB],
    "source": "preset",
    "boot_reserved": 0,
    "boot_used": 0,
    "auto_movable_ratio": 301,
    "auto_movable_numa_aware": True,
    "offline_max_rounds": 100,
    "simulated_us": 1500,
    "condition": {"state": "running", "reason": None, "since_us": 0},
    "memory": {"total": 3 * GIB, "managed": 3 * GIB, "free": 1234567168},
    "zones": [
        {
            "name": "Normal",
            "node": 0,
            "spanned": 6 * GIB,
            "present": 3 * GIB,
            "managed": 3 * GIB,
            "free": 1234567168,
            "min": 8 * MIB,
            "low": 10 * MIB,
            "high": 12 * MIB,
        }
    ],
    "devices": [DEVICE],
    "allocations": [{"id": 1, "kind": "unmovable", "order": 0, "nr_pages": 1, "label": "slab", "node": 0}],
    "cma_areas": [CMA_AREA],
}

CMA_OUTCOME: dict[str, Any] = {
    "result": "0",
    "pfn": 131072,
    "nr_pages": 512,
    "calls": 3,
    "step": None,
    "obstacle": None,
    "failures": [],
    "migrated_pages": 17,
    "dropped_pages": 0,
    "types_lost": {},
}
CMA_BUSY: dict[str, Any] = {
    **CMA_OUTCOME,
    "result": "EBUSY",
    "pfn": None,
    "step": "migrate",
    "obstacle": {"pfn": 131075, "kind": "pinned"},
}

OUTCOME: dict[str, Any] = {
    "device": "vm0",
    "state": "partial",
    "requested": 128 * MIB,
    "achieved": 126 * MIB,
    "requested_size": 0,
    "is_simulator_limit": False,
    "size": 2 * MIB,
    "by_level": {
        "memory_block": {"bytes": 0, "attempts": 1, "failed": 1},
        "chunk": {"bytes": 124 * MIB, "attempts": 32, "failed": 1},
        "pageblock": {"bytes": 2 * MIB, "attempts": 2, "failed": 1},
    },
    "obstacles": [
        {
            "pfn": BASE_PFN,
            "kind": "unmovable",
            "level": "pageblock",
            "result": "EBUSY",
            "cause": "page",
            "bytes": 2 * MIB,
        }
    ],
    "obstacle_count": 1,
    "obstacle_groups": [
        {
            "kind": "unmovable",
            "level": "pageblock",
            "result": "EBUSY",
            "cause": "page",
            "count": 1,
            "bytes": 2 * MIB,
        }
    ],
    "failures": [],
    "migrated_pages": 17,
    "dropped_pages": 0,
    "types_lost": {},
    "simulated_us": 2500,
}

DONE: dict[str, Any] = {
    **OUTCOME,
    "state": "done",
    "achieved": 128 * MIB,
    "size": 0,
    "obstacles": [],
    "obstacle_count": 0,
    "obstacle_groups": [],
}

IMPORTED: dict[str, Any] = {
    "guest": {**GUEST, "name": "host", "preset": "x86-64", "source": "capture"},
    "load_report": {
        "nr_pages": 6291456,
        "unknown": ["pinned pages look like any other"],
        "buddyinfo": [{"zone": "Normal", "order": 0, "captured": 12, "loaded": 11}],
    },
}

MEMORY_BLOCKS: dict[str, Any] = {
    "memory_block_size": 128 * MIB,
    "memory_blocks": [
        {"id": 0, "start_pfn": 0, "state": "online", "zone": "Normal", "node": 0, "device": None},
        {"id": 1, "start_pfn": 32768, "state": "online", "zone": "Normal", "node": 0, "device": None},
        {"id": 32, "start_pfn": BASE_PFN, "state": "offline", "zone": None, "node": 0, "device": "vm0"},
    ],
}

PAGEBLOCKS: dict[str, Any] = {
    "pageblock_nr_pages": 512,
    "runs": [
        {
            "start_pageblock": 0,
            "nr_pageblocks": 3,
            "migratetype": "Movable",
            "zone": "Normal",
            "node": 0,
            "pages": {"free": 512},
        },
        {
            "start_pageblock": 3,
            "nr_pageblocks": 1,
            "migratetype": "Unmovable",
            "zone": "Normal",
            "node": 0,
            "pages": {"free": 511, "unmovable": 1},
        },
        {
            "start_pageblock": 2048,
            "nr_pageblocks": 64,
            "migratetype": "Movable",
            "zone": "Movable",
            "node": 0,
            "pages": {"anon": 400, "free": 112},
        },
    ],
}

VIOLATION: dict[str, Any] = {
    "id": "INV-4",
    "where": "zone Normal",
    "expected": "12",
    "found": "13",
    "weight": "failure",
}
FINDING: dict[str, Any] = VIOLATION | {"id": "INV-8", "weight": "finding"}

PROBLEM: dict[str, Any] = {
    "type": "/problems/invalid-value",
    "title": "A value is not acceptable",
    "status": 422,
    "detail": "requested_size is 3145729; accepted: a multiple of block_size (2097152)",
    "instance": "/v1/guests/web/virtio-mem/vm0",
    "field": "requested_size",
    "value": 3145729,
    "accepted": "a multiple of block_size (2097152)",
    "block_size": 2097152,
}

SWITCH = {"name": "merge_rule", "values": ["old", "new"], "meaning": "Which free pages merge (B-5)."}

POLICIES: dict[str, Any] = {
    "switches": [SWITCH],
    "policies": [
        {"name": "linux-5.15", "switches": {"merge_rule": "old", "sizes": ["a", "b"]}},
        {"name": "linux-6.12", "switches": {"merge_rule": "new", "split_on_free": True}},
    ],
}

QUANTITIES: dict[str, Any] = {
    "preset": "x86-64",
    "policy": "linux-5.15",
    "page_size": 4096,
    "contig_align": 4 * MIB,
    "cma_align": 4 * MIB,
    "dma_contiguous_align": 4 * MIB,
    "fadump_align": 4 * MIB,
    "phys_contig_order": 10,
    "device_block_size": 256 * MIB,
    "subblock_size": 256 * MIB,
    "mode": "big-block",
    "big_block_size": 256 * MIB,
}

PRESETS: dict[str, Any] = {
    "presets": [
        {
            "name": "x86-64",
            "page_size": 4096,
            "max_order": 10,
            "pageblock_order": 9,
            "section_size": 128 * MIB,
            "memory_block_size": 128 * MIB,
        }
    ]
}

PNG = b"\x89PNG\r\n\x1a\n-and-so-on"

COMPARISON: dict[str, Any] = {
    "start": {"guest": "web"},
    "device": "vm0",
    "size_before": GIB,
    "requested_size": 0,
    "rows": [
        {
            "case": None,
            "policy": "rfc-v1",
            "fallback": ["memory_block", "pageblock"],
            "refusal": None,
            "outcome": {**OUTCOME, "types_lost": {"UNMOVABLE->MOVABLE": 3}},
            "played": None,
            "broken": [
                {"id": "INV-8", "weight": "finding", "count": 1, "where": "", "expected": "", "found": ""}
            ],
            "broken_meanwhile": [],
        },
        {
            "case": None,
            "policy": "linux-5.15",
            "fallback": ["memory_block", "chunk"],
            "refusal": "vm0 has 2 MiB of a sub-block of 4 MiB plugged",
            "outcome": None,
            "played": None,
            "broken": [],
            "broken_meanwhile": [],
        },
    ],
}
_END: dict[str, Any] = {"order": ["A"], "results": {"A": "OK"}, "nr_free": 24, "nr_free_cma": 8}
DEVICE_VALUES: dict[str, Any] = {
    "device": "vm0",
    "requested_size": 0,
    "size": 4 * MIB,
    "by_level.memory_block.bytes": 0,
    "by_level.memory_block.attempts": 1,
    "by_level.memory_block.failed": 1,
    "by_level.chunk.bytes": 124 * MIB,
    "by_level.chunk.attempts": 32,
    "by_level.chunk.failed": 1,
    "simulated_us": 6286,
}

PLAYED: dict[str, Any] = {
    "start": {"scenario": "S08"},
    "rows": [
        {
            "case": "a race",
            "policy": "rfc-v1",
            "fallback": None,
            "refusal": None,
            "outcome": None,
            "played": {
                "case": "a race",
                "policy": "rfc-v1",
                "agrees": True,
                "ends": [_END | {"findings": ["INV-8"]}, _END | {"results": {"A": "EBUSY@test"}}],
            },
            "broken": [],
            "broken_meanwhile": ["INV-10"],
        },
        {"case": "a race", "policy": "linux-5.15", "refusal": "turn 1 never comes"},
    ],
}
CHANGED_MEMORY_BLOCK: dict[str, Any] = {
    "id": 32,
    "start_pfn": 1048576,
    "state": "offline",
    "zone": None,
    "node": 0,
    "device": "vm0",
    "migrated_pages": 417,
    "simulated_us": 2035,
}
