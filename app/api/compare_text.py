"""A comparison as plain text: a line for each level of a row, or for each end of a scenario, and the reasons below.

Left out: CSV (app.api.compare_csv), pictures (app.api.compare_png).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.api.compare_rows import (
    Row,
    bytes_left,
    ends_of,
    name_laws,
    name_reason,
    name_results,
    name_start,
    types_lost,
)
from app.units import format_size

# A column whose name begins with "*" holds numbers.
_OUTCOME_HEADS = (
    "policy",
    "level",
    "*bytes",
    "*attempts",
    "*failed",
    "*left",
    "*migrated",
    "*simulated",
    "*types lost",
    "broken",
)
_PLAYED_HEADS = ("case", "policy", "results", "*free", "*free CMA", "*migrated", "*types lost", "broken")


def as_text(comparison: Mapping[str, Any]) -> str:
    """Returns the table, the reasons, and the rows that were refused."""
    rows = comparison["rows"]
    is_scenario = bool(comparison["start"].get("scenario"))
    heads, cells = (_PLAYED_HEADS, _played_cells) if is_scenario else (_OUTCOME_HEADS, _outcome_cells)
    lines = [name_start(comparison), "", *_columns(heads, [cell for row in rows for cell in cells(row)])]
    for row in rows:
        lines += _reasons(row)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _outcome_cells(row: Row) -> Iterator[list[str]]:
    """Yields a line for each level."""
    outcome = row["outcome"]
    if outcome is None:
        yield [row["policy"], "refused"]
        return
    rest = [
        format_size(bytes_left(outcome)),
        str(outcome["migrated_pages"]),
        f"{outcome['simulated_us'] / 1000:.1f} ms",
        str(sum(types_lost(row).values())),
        name_laws(row) or "-",
    ]
    for number, (level, tally) in enumerate(outcome["by_level"].items()):
        counts = [level, format_size(tally["bytes"]), str(tally["attempts"]), str(tally["failed"])]
        yield ["", *counts] if number else [row["policy"], *counts, *rest]


def _played_cells(row: Row) -> Iterator[list[str]]:
    """Yields a line for each end."""
    if row["played"] is None:
        yield [row["case"], _name_policy(row), "refused"]
    for number, end in enumerate(ends_of(row)):
        counts = [str(end[name]) for name in ("nr_free", "nr_free_cma", "nr_migrated")]
        rest = [str(sum(types_lost(row).values())), name_laws(row) or "-"]
        head = ["", ""] if number else [row["case"], _name_policy(row)]
        yield [*head, name_results(end), *counts, *([] if number else rest)]


def _name_policy(row: Row) -> str:
    levels = f" [{', '.join(row['fallback'])}]" if row["fallback"] else ""
    return f"{row['policy']}{levels}"


def _columns(heads: Sequence[str], rows: Sequence[list[str]]) -> Iterator[str]:
    """Yields heads and rows with their cells below each other, numbers to the right."""
    named = [head.removeprefix("*") for head in heads]
    padded = [row + [""] * (len(heads) - len(row)) for row in (named, *rows)]
    widths = [max(len(row[column]) for row in padded) for column in range(len(heads))]
    for row in padded:
        cells = (
            cell.rjust(width) if head.startswith("*") else cell.ljust(width)
            for cell, width, head in zip(row, widths, heads, strict=True)
        )
        yield "  ".join(cells)


def _reasons(row: Row) -> Iterator[str]:
    """Yields why a row was refused, or what stayed."""
    name = f"{row['case']}, {_name_policy(row)}" if row["case"] else _name_policy(row)
    if row["refusal"] is not None:
        yield f"\n{name}: refused: {row['refusal']}"
    elif row["outcome"] and row["outcome"]["obstacle_groups"]:
        yield f"\n{name}: what stays"
        for group in row["outcome"]["obstacle_groups"]:
            yield f"  {format_size(group['bytes'])} in {group['count']} of {group['level']}: {name_reason(group)}"
