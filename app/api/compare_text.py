"""A comparison as plain text: one line for each level of a row, and below the reasons of what stayed.

Left out: CSV (app.api.compare_csv), pictures (app.api.compare_png).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.units import format_size

_HEADS = (
    "policy",
    "level",
    "bytes",
    "attempts",
    "failed",
    "left",
    "migrated",
    "simulated",
    "types lost",
    "broken",
)
_NUMBERS = frozenset({"bytes", "attempts", "failed", "left", "migrated", "simulated", "types lost"})
Row = Mapping[str, Any]


def as_text(comparison: Mapping[str, Any]) -> str:
    """Returns the table, the reasons, and the rows that were refused."""
    lines = [_headline(comparison), "", *_columns([_HEADS, *_cells(comparison["rows"])])]
    for row in comparison["rows"]:
        lines += _reasons(row)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def bytes_left(outcome: Mapping[str, Any]) -> int:
    """Returns how far the device is from its target."""
    return abs(int(outcome["size"]) - int(outcome["requested_size"]))


def name_broken(row: Row) -> str:
    """Names the broken invariants: those that are no findings with an exclamation mark."""
    return " ".join(law["id"] + ("" if law["weight"] == "finding" else "!") for law in row["broken"])


def name_reason(group: Mapping[str, Any]) -> str:
    """Names what stood in the way, and what the kernel said."""
    return f"{group['kind'] or 'no page'} {group['result']}"


def _headline(comparison: Mapping[str, Any]) -> str:
    start = comparison["start"].get("guest") or f"a capture of {comparison['start']['kernel_release']}"
    sizes = f"{format_size(comparison['size_before'])} to {format_size(comparison['requested_size'])}"
    return f"{start}: {comparison['device']} from {sizes}"


def _cells(rows: Sequence[Row]) -> Iterator[tuple[str, ...]]:
    for row in rows:
        outcome = row["outcome"]
        if outcome is None:
            yield (row["policy"], "refused", *[""] * (len(_HEADS) - 2))
            continue
        rest = (
            format_size(bytes_left(outcome)),
            str(outcome["migrated_pages"]),
            f"{outcome['simulated_us'] / 1000:.1f} ms",
            str(sum(outcome["types_lost"].values())),
            name_broken(row) or "-",
        )
        for number, (level, tally) in enumerate(outcome["by_level"].items()):
            counts = (level, format_size(tally["bytes"]), str(tally["attempts"]), str(tally["failed"]))
            yield (row["policy"], *counts, *rest) if not number else ("", *counts, *[""] * len(rest))


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yields the rows with their cells below each other, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    for row in rows:
        cells = (
            cell.rjust(width) if head in _NUMBERS else cell.ljust(width)
            for cell, width, head in zip(row, widths, _HEADS, strict=True)
        )
        yield "  ".join(cells)


def _reasons(row: Row) -> Iterator[str]:
    name = f"{row['policy']} [{', '.join(row['fallback'])}]"
    if row["refusal"] is not None:
        yield f"\n{name}: refused: {row['refusal']}"
        return
    if row["outcome"]["obstacle_groups"]:
        yield f"\n{name}: what stays"
    for group in row["outcome"]["obstacle_groups"]:
        yield f"  {format_size(group['bytes'])} in {group['count']} of {group['level']}: {name_reason(group)}"
