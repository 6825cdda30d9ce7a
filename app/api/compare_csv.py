"""A comparison as CSV: one line for each row, every count in a column of its own, reasons as text.

A scenario's case that ended in several ways has a line for each of them, numbered; broken_meanwhile is of all orders.

A list inside a cell has semicolons between its members: "pageblock unmovable EBUSY=3; chunk unmovable EBUSY=1".
Left out: text for people (app.api.compare_text), pictures (app.api.compare_png).
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from app.api.compare_rows import (
    Laws,
    Row,
    bytes_left,
    ends_of,
    laws_of,
    laws_of_end,
    name_reason,
    name_results,
    resize_of,
    types_lost,
    types_lost_at,
)

LEVELS = ("big_block", "memory_block", "section", "chunk", "pageblock")
_PLAIN = ("state", "requested", "achieved", "requested_size", "size")
_COUNTS = ("migrated_pages", "dropped_pages", "simulated_us")
_MEMORY = ("nr_free", "nr_free_cma", "nr_free_highatomic", "nr_reserved_highatomic")
COLUMNS = (
    "case",
    "policy",
    "fallback",
    "refusal",
    *_PLAIN,
    "left",
    *(f"{level}_{what}" for level in LEVELS for what in ("bytes", "attempts", "failed")),
    *_COUNTS,
    "failures",
    "stays",
    "results",
    "nr_orders",
    "nr_ends",
    "end_nr",
    *_MEMORY,
    "types_lost",
    "failed_laws",
    "findings",
    "broken_meanwhile",
)


def as_csv(comparison: Mapping[str, Any]) -> str:
    """Returns the rows under a line of names; a refused row has its reason, and nothing else."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for row in comparison["rows"]:
        head = {name: row[name] for name in ("case", "policy", "refusal")}
        head["fallback"] = ",".join(row["fallback"] or ())
        writer.writerows(head | cells for cells in _lines(row))
    return file.getvalue()


def _lines(row: Row) -> Iterator[dict[str, Any]]:
    """Yields the cells of each of a row's lines: one, or one for each end."""
    if row["refusal"] is not None:
        yield {}
    elif row["outcome"]:
        lost = {"types_lost": _listed(types_lost(row).items())}
        yield _outcome_cells(row["outcome"]) | lost | _law_cells(laws_of(row))
    for number, end in enumerate(ends_of(row), start=1):
        yield {
            **_played_cells(row, end),
            "nr_orders": row["played"]["nr_orders"],
            "nr_ends": row["played"]["nr_ends"],
            "end_nr": number,
        }


def _outcome_cells(outcome: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **_device_cells(outcome),
        "failures": _listed((_reason(group), group["count"]) for group in outcome["failures"]),
        "stays": _listed((_reason(group), group["bytes"]) for group in outcome["obstacle_groups"]),
    }


def _device_cells(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a guest's row and that of a scenario with a device have alike."""
    levels = {
        f"{level}_{what}": count
        for level, tally in outcome["by_level"].items()
        for what, count in tally.items()
    }
    plain = {name: outcome[name] for name in (*_PLAIN, *_COUNTS)}
    return {**plain, **levels, "left": bytes_left(outcome)}


def _played_cells(row: Row, end: Mapping[str, Any]) -> dict[str, Any]:
    """Returns one end of a scenario's case."""
    outcome = resize_of(end)
    return {
        **({} if outcome is None else _device_cells(outcome)),
        **{name: end[name] for name in _MEMORY},
        "migrated_pages": end["nr_migrated"],
        "results": name_results(end).replace(", ", "; "),
        "types_lost": _listed(types_lost_at(end).items()),
        **_law_cells(laws_of_end(row, end)),
    }


def _law_cells(laws: Laws) -> dict[str, str]:
    return {
        "failed_laws": "; ".join(laws.failures),
        "findings": "; ".join(laws.findings),
        "broken_meanwhile": "; ".join(laws.meanwhile),
    }


def _reason(group: Mapping[str, Any]) -> str:
    return f"{group['level']} {name_reason(group)}"


def _listed(pairs: Iterable[tuple[str, int]]) -> str:
    return "; ".join(f"{name}={number}" for name, number in pairs)
