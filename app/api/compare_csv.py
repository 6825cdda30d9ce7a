"""A comparison as CSV: one line for each row, every count in a column of its own, reasons as text.

A list inside a cell has semicolons between its members: "pageblock unmovable EBUSY=3; chunk unmovable EBUSY=1".
Left out: text for people (app.api.compare_text), pictures (app.api.compare_png).
"""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from app.api.compare_rows import Row, bytes_left, ends_of, laws_of, name_reason, name_results, types_lost

LEVELS = ("memory_block", "section", "chunk", "pageblock")
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
        cells = {name: row[name] for name in ("case", "policy", "refusal")}
        cells["fallback"] = ",".join(row["fallback"] or ())
        if row["refusal"] is None:
            cells |= _outcome_cells(row["outcome"]) if row["outcome"] else _played_cells(row)
            cells |= _law_cells(row)
        writer.writerow(cells)
    return file.getvalue()


def _outcome_cells(outcome: Mapping[str, Any]) -> dict[str, Any]:
    levels = {
        f"{level}_{what}": count
        for level, tally in outcome["by_level"].items()
        for what, count in tally.items()
    }
    return {
        **{name: outcome[name] for name in (*_PLAIN, *_COUNTS)},
        **levels,
        "left": bytes_left(outcome),
        "failures": _listed((_reason(group), group["count"]) for group in outcome["failures"]),
        "stays": _listed((_reason(group), group["bytes"]) for group in outcome["obstacle_groups"]),
    }


def _played_cells(row: Row) -> dict[str, Any]:
    """Returns the first end of a scenario's case, and how many there are."""
    first, *_ = ends_of(row)
    return {
        **{name: first[name] for name in _MEMORY},
        "migrated_pages": first["nr_migrated"],
        "results": name_results(first).replace(", ", "; "),
        "nr_orders": row["played"]["nr_orders"],
        "nr_ends": row["played"]["nr_ends"],
    }


def _law_cells(row: Row) -> dict[str, str]:
    laws = laws_of(row)
    return {
        "types_lost": _listed(types_lost(row).items()),
        "failed_laws": "; ".join(laws.failures),
        "findings": "; ".join(laws.findings),
        "broken_meanwhile": "; ".join(laws.meanwhile),
    }


def _reason(group: Mapping[str, Any]) -> str:
    return f"{group['level']} {name_reason(group)}"


def _listed(pairs: Iterable[tuple[str, int]]) -> str:
    return "; ".join(f"{name}={number}" for name, number in pairs)
