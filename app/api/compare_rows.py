"""What the shapes of a comparison say alike of a row: its start, its broken laws, its lost types, its results.

A row has an `outcome` (a guest's or a capture's device was resized), or was `played` (a scenario's case), or neither
(it was refused).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from app.units import format_size

Row = Mapping[str, Any]


class Laws(NamedTuple):
    """Ids of broken invariants: of our own defects, of what this policy's kernels break, and only on the way."""

    failures: list[str]
    findings: list[str]
    meanwhile: list[str]


def name_start(comparison: Mapping[str, Any]) -> str:
    """Names where all rows start, and what is asked."""
    start = comparison["start"]
    if start.get("scenario"):
        return f"scenario {start['scenario']}"
    name = start.get("guest") or f"a capture of {start['kernel_release']}"
    sizes = f"{format_size(comparison['size_before'])} to {format_size(comparison['requested_size'])}"
    return f"{name}: {comparison['device']} from {sizes}"


def bytes_left(outcome: Mapping[str, Any]) -> int:
    """Returns how far the device is from its target."""
    return abs(int(outcome["size"]) - int(outcome["requested_size"]))


def laws_of(row: Row) -> Laws:
    """Sorts the broken invariants of a row; a lost type is a finding where a scenario says so."""
    failures = [law["id"] for law in row["broken"] if law["weight"] != "finding"]
    findings = [law["id"] for law in row["broken"] if law["weight"] == "finding"]
    told = [name for end in ends_of(row) for name in end["findings"]]
    findings += [name for name in dict.fromkeys(told) if name not in (*failures, *findings)]
    return Laws(failures, findings, list(row["broken_meanwhile"]))


def name_laws(row: Row) -> str:
    """Names the broken invariants: failures with an exclamation mark, what was broken on the way in brackets."""
    failures, findings, meanwhile = laws_of(row)
    return " ".join([*(f"{name}!" for name in failures), *findings, *(f"({name})" for name in meanwhile)])


def name_reason(group: Mapping[str, Any]) -> str:
    """Names what stood in the way, and what the kernel said."""
    return f"{group['kind'] or 'no page'} {group['result']}"


def ends_of(row: Row) -> list[Mapping[str, Any]]:
    """Returns how a scenario's case ended, in one way or several; none for a guest."""
    return list(row["played"]["ends"]) if row["played"] else []


def name_results(end: Mapping[str, Any]) -> str:
    """Names what the actors of a scenario came to."""
    return ", ".join(f"{actor} {result}" for actor, result in end["results"].items())


def types_lost(row: Row) -> dict[str, int]:
    """Returns how many pageblocks lost their type, by "OLD->NEW"; of several ends, in the one where it is most."""
    if row["outcome"] is not None:
        return dict(row["outcome"]["types_lost"])
    most: dict[str, int] = {}
    for end in ends_of(row):
        counts: dict[str, int] = {}
        for lost in end["types_lost"]:
            name = lost.partition(" ")[2]
            counts[name] = counts.get(name, 0) + 1
        most = max(most, counts, key=lambda types: sum(types.values()))
    return most
