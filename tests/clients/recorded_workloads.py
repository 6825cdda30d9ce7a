"""Answers of the service about workloads over time, as it gives them."""

WORKLOAD = {
    "phases": [
        {
            "do": "grow",
            "label": "cache",
            "kind": "file_clean",
            "by": 1073741824,
            "rate": 10485760,
            "background": True,
        },
        {"do": "churn", "labels": ["cache", "web"], "fraction": 0.02, "seconds": 600.0},
        {"do": "hold", "seconds": 5.0},
    ],
    "repeat": True,
    "tick_ms": 1000,
    "seed": None,
    "state": "running",
    "rounds": 2,
    "progress": [
        {"state": "done", "elapsed_us": 0},
        {"state": "running", "elapsed_us": 61000000},
        {"state": "waiting", "elapsed_us": 0},
    ],
    "oom_kills": 1,
}
NONE = {
    "phases": [],
    "repeat": False,
    "tick_ms": None,
    "seed": None,
    "state": "none",
    "rounds": 0,
    "progress": [],
    "oom_kills": 0,
}
METRICS = "# HELP host_load1 Load average over a minute.\n# TYPE host_load1 gauge\nhost_load1 0.5\n"
