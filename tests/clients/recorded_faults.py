"""Answers of the REST API v1 about faults, as the service gives them."""

from typing import Any

FAULT: dict[str, Any] = {
    "id": 1,
    "kind": "device_busy",
    "match": {"device": "vm0", "request": "plug"},
    "probability": 1.0,
    "count": 3,
    "skip": 0,
    "seed": 2177342782468422677,
    "delay_us": 0,
    "seen": 5,
    "hits": 3,
    "is_in_force": True,
    "warnings": [],
}

USELESS: dict[str, Any] = {
    "id": 2,
    "kind": "guest_slow",
    "after_us": 0,
    "duration_us": None,
    "factor": 2.0,
    "seen": 1,
    "hits": 1,
    "is_in_force": False,
    "warnings": ["no device is named 'vm9'; there are: vm0"],
}

KIND: dict[str, Any] = {
    "kind": "guest_slow",
    "about": "All that the guest does takes so many times as long.",
    "opportunity": None,
    "match": [],
    "members": [
        {
            "name": "factor",
            "about": "by which all costs are multiplied",
            "accepted": "0.001 to 10000",
            "is_required": True,
            "default": None,
        }
    ],
}
