"""What the shapes of a comparison say alike of a row: its start, its broken laws, its lost types, its results.

A row has an `outcome` (a guest's or a capture's device was resized), or was `played` (a scenario's case), or neither
(it was refused).
"""

from collections import Counter
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


def resize_of(end: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns what became of the device at an end of a scenario that starts from a guest, as an outcome has it."""
    values: Mapping[str, Any] = end["values"]
    if "simulated_us" not in values:
        return None
    outcome: dict[str, Any] = {name: value for name, value in values.items() if "." not in name}
    outcome["by_level"] = {}
    for name, value in values.items():
        head, _, tail = name.partition(".")
        if head == "by_level":
            level, _, what = tail.partition(".")
            outcome["by_level"].setdefault(level, {})[what] = value
    return outcome


def outcome_of(row: Row) -> Mapping[str, Any] | None:
    """Returns what became of the device: a guest's, a capture's, or a scenario's at its first end; None without one."""
    if row["outcome"] is not None:
        outcome: Mapping[str, Any] = row["outcome"]
        return outcome
    first = next(iter(ends_of(row)), None)
    return None if first is None else resize_of(first)


def laws_of_end(row: Row, end: Mapping[str, Any]) -> Laws:
    """Sorts the invariants that are broken at one of a row's ends; what was broken on the way is of all orders."""
    failures = [law["id"] for law in end["violations"] if law["weight"] != "finding"]
    failures = list(dict.fromkeys(failures))
    findings = [name for name in end["findings"] if name not in failures]
    return Laws(failures, findings, list(row["broken_meanwhile"]))


def laws_of(row: Row) -> Laws:
    """Sorts the broken invariants of a row; a lost type is a finding where a scenario says so."""
    failures = [law["id"] for law in row["broken"] if law["weight"] != "finding"]
    findings = [law["id"] for law in row["broken"] if law["weight"] == "finding"]
    told = [name for end in ends_of(row) for name in end["findings"]]
    findings += [name for name in dict.fromkeys(told) if name not in (*failures, *findings)]
    return Laws(failures, findings, list(row["broken_meanwhile"]))


def name_laws(laws: Laws) -> str:
    """Names broken invariants: failures with an exclamation mark, what was broken on the way in brackets."""
    failures, findings, meanwhile = laws
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
    counts = [{}, *map(types_lost_at, ends_of(row))]
    return max(counts, key=lambda types: sum(types.values()))


def types_lost_at(end: Mapping[str, Any]) -> dict[str, int]:
    """Returns how many pageblocks lost their type at one end of a scenario, by "OLD->NEW"."""
    return dict(Counter(lost.partition(" ")[2] for lost in end["types_lost"]))
