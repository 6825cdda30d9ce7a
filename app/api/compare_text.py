"""A comparison as plain text: a line for each level of a row, or for each end of a scenario, and the reasons below.

Left out: CSV (app.api.compare_csv), pictures (app.api.compare_png).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from app.api.compare_rows import (
    Row,
    bytes_left,
    ends_of,
    laws_of,
    laws_of_end,
    name_laws,
    name_reason,
    name_results,
    name_start,
    outcome_of,
    resize_of,
    types_lost,
    types_lost_at,
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
# Where a scenario starts from a guest.
_DEVICE_HEADS = (*_PLAYED_HEADS[:3], *_OUTCOME_HEADS[1:6], "*simulated", *_PLAYED_HEADS[3:])


def as_text(comparison: Mapping[str, Any]) -> str:
    """Returns the table, the reasons, and the rows that were refused."""
    rows = comparison["rows"]
    heads: Sequence[str] = _OUTCOME_HEADS
    cells: Callable[[Row], Iterator[list[str]]] = _outcome_cells
    if comparison["start"].get("scenario"):
        has_device = any(outcome_of(row) for row in rows)
        heads, cells = (_DEVICE_HEADS, _device_cells) if has_device else (_PLAYED_HEADS, _played_cells)
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
        _name_time(outcome),
        str(sum(types_lost(row).values())),
        name_laws(laws_of(row)) or "-",
    ]
    for number, counts in enumerate(_level_cells(outcome)):
        yield ["", *counts] if number else [row["policy"], *counts, *rest]


def _level_cells(outcome: Mapping[str, Any]) -> Iterator[list[str]]:
    for level, tally in outcome["by_level"].items():
        yield [level, format_size(tally["bytes"]), str(tally["attempts"]), str(tally["failed"])]


def _name_time(outcome: Mapping[str, Any]) -> str:
    return f"{outcome['simulated_us'] / 1000:.1f} ms"


def _played_cells(row: Row) -> Iterator[list[str]]:
    """Yields a line for each end."""
    if row["played"] is None:
        yield [row["case"], _name_policy(row), "refused"]
    for number, end in enumerate(ends_of(row)):
        head = ["", ""] if number else [row["case"], _name_policy(row)]
        yield [*head, name_results(end), *_end_cells(row, end)]


def _device_cells(row: Row) -> Iterator[list[str]]:
    """Yields a line for each level of each end; an end without a device has one."""
    for end, cells in zip_longest(ends_of(row), _played_cells(row)):
        head, tail = cells[:3], cells[3:]
        outcome = None if end is None else resize_of(end)
        if outcome is None:
            yield [*head, *[""] * (len(_DEVICE_HEADS) - len(_PLAYED_HEADS)), *tail] if tail else head
            continue
        amounts = [format_size(bytes_left(outcome)), _name_time(outcome)]
        for number, counts in enumerate(_level_cells(outcome)):
            yield ["", "", "", *counts] if number else [*head, *counts, *amounts, *tail]


def _end_cells(row: Row, end: Mapping[str, Any]) -> list[str]:
    """Returns counters and marks of one end; what broke in the middle of any order stands at each."""
    counts = [str(end[name]) for name in ("nr_free", "nr_free_cma", "nr_migrated")]
    return [*counts, str(sum(types_lost_at(end).values())), name_laws(laws_of_end(row, end)) or "-"]


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
