"""A comparison as CSV: one line for each row, every count in a column of its own, reasons as text.

A list inside a cell has semicolons between its members: "pageblock EBUSY unmovable=3; chunk EBUSY unmovable=1".
Left out: text for people (app.api.compare_text), pictures (app.api.compare_png).
"""

import csv
import io
from collections.abc import Mapping
from typing import Any

from app.api.compare_text import bytes_left

LEVELS = ("memory_block", "section", "chunk", "pageblock")
_PLAIN = ("state", "requested", "achieved", "requested_size", "size")
_COUNTS = ("migrated_pages", "dropped_pages", "simulated_us")
COLUMNS = (
    "policy",
    "fallback",
    "refusal",
    *_PLAIN,
    "left",
    *(f"{level}_{what}" for level in LEVELS for what in ("bytes", "attempts", "failed")),
    *_COUNTS,
    "failures",
    "stays",
    "types_lost",
    "findings",
    "failed_laws",
)


def as_csv(comparison: Mapping[str, Any]) -> str:
    """Returns the rows under a line of names; a refused row has its reason, and nothing else."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for row in comparison["rows"]:
        cells = {"policy": row["policy"], "fallback": ",".join(row["fallback"]), "refusal": row["refusal"]}
        if row["outcome"] is not None:
            cells |= _outcome_cells(row["outcome"]) | _law_cells(row["broken"])
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
        "types_lost": _listed(outcome["types_lost"].items()),
    }


def _law_cells(broken: list[dict[str, Any]]) -> dict[str, str]:
    findings = [law["id"] for law in broken if law["weight"] == "finding"]
    return {
        "findings": "; ".join(findings),
        "failed_laws": "; ".join(law["id"] for law in broken if law["id"] not in findings),
    }


def _reason(group: Mapping[str, Any]) -> str:
    return f"{group['level']} {group['result']} {group['kind'] or 'no page'}"


def _listed(pairs: Any) -> str:  # noqa: ANN401 - any pairs of a name and a number
    return "; ".join(f"{name}={number}" for name, number in pairs)
