"""Answers about scenarios as the service gives them, for tests that need no service."""

from typing import Any

LISTED: dict[str, Any] = {"id": "S08", "title": "A race", "cases": ["race"], "policies": ["rfc-v1"]}
SCENARIO: dict[str, Any] = {
    "id": "S08",
    "title": "A race",
    "about": "Why?",
    "cases": [],
    "file": "id: S08\ntitle: A race\n",
}
END: dict[str, Any] = {
    "order": ["A", "R", "A"],
    "results": {"A": "OK", "R": "OK"},
    "pfns": {"R": 0},
    "pages": "|M...|UUUU|",
    "nr_free": 7,
    "nr_free_cma": 7,
    "findings": ["INV-8"],
    "types_lost": [],
    "values": {},
    "steps": [],
}
DIFFERENCE: dict[str, Any] = {"what": "nr_free", "expected": "3", "found": "7", "where": "at the end"}
AGREES: dict[str, Any] = {
    "case": "race",
    "policy": "rfc-v1",
    "agrees": True,
    "is_expected": True,
    "nr_orders": 1,
    "refusal": None,
    "ends": [END],
    "differences": [],
}
DIFFERS: dict[str, Any] = {**AGREES, "policy": "linux-6.17", "agrees": False, "differences": [DIFFERENCE]}
RUN: dict[str, Any] = {"id": "S08", "title": "A race", "agrees": True, "outcomes": [AGREES]}
RUN_THAT_DIFFERS: dict[str, Any] = {**RUN, "agrees": False, "outcomes": [AGREES, DIFFERS]}
