"""A comparison as a picture: what each row obtained at which level and what stays, how long it took, what broke.

    linux-5.15   ▇▇▇▇▇▇▇▇▇▇▇▇▇▇░░░░░░░░   ▇▇▇▇▇  1.2 s    3 types lost  INV-8
    linux-6.17   ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇░░░░   ▇▇▇    0.8 s
    levels of the fallback, and the rest   simulated time    marks

matplotlib is imported with this module, so whoever wants no picture does not wait for it.
Left out: where matplotlib keeps its caches (app.api.compare_answer).
"""

import io
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from app.api.compare_text import bytes_left
from app.units import GIB, MIB

Row = Mapping[str, Any]
# Of levels, the largest first; what came without one (offline memory, a plug); and what stays.
_LEVEL_COLOURS = {
    "memory_block": "#1f4e79",
    "section": "#4b86c2",
    "chunk": "#5aa469",
    "pageblock": "#e0b04b",
    "without a level": "#8f8fa3",
}
_LEFT_COLOUR = "#e3e3e3"
_TIME_COLOUR = "#7a6c9d"
_FAILURE_COLOUR, _FINDING_COLOUR, _NOTE_COLOUR = "#c62828", "#c77700", "#555555"
_WIDTH_IN, _ROW_IN, _FRAME_IN, _DPI = 12.0, 0.52, 1.55, 100
_LABEL_WIDTH = 34
_BAR_HEIGHT = 0.62


def draw(comparison: Mapping[str, Any]) -> bytes:
    """Returns the comparison as a PNG file."""
    rows: Sequence[Row] = comparison["rows"]
    figure = Figure(figsize=(_WIDTH_IN, _FRAME_IN + _ROW_IN * len(rows)), dpi=_DPI, layout="constrained")
    obtained, times, marks = figure.subplots(1, 3, sharey=True, width_ratios=(6, 2.2, 2.4))
    _draw_bytes(obtained, rows)
    _draw_times(times, rows)
    _draw_marks(marks, rows)
    obtained.set_yticks(range(len(rows)), [_label(row) for row in rows], fontsize=9)
    obtained.set_ylim(len(rows) - 0.5, -0.5)
    figure.suptitle(_title(comparison), fontsize=11, x=0.01, ha="left")
    handles, labels = obtained.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=6, fontsize=8, frameon=False)
    file = io.BytesIO()
    # A figure without pyplot has a canvas of its own, which draws PNG by Agg: nothing is shared between two pictures.
    figure.savefig(file, format="png")
    return file.getvalue()


def _title(comparison: Mapping[str, Any]) -> str:
    start = comparison["start"].get("guest") or f"capture of {comparison['start']['kernel_release']}"
    before, wanted = comparison["size_before"], comparison["requested_size"]
    unit, name = _unit(max(before, wanted))
    return f"{start}, {comparison['device']}: {before / unit:g} to {wanted / unit:g} {name}"


def _label(row: Row) -> str:
    """Returns the policy, and below it the levels, in short words."""
    # Between switches, where a line may end.
    policy = row["policy"].replace("+", " +").replace(",", ", ")
    lines = textwrap.wrap(policy, _LABEL_WIDTH, max_lines=2, placeholder=" ...", break_on_hyphens=False)
    levels = " > ".join(level.replace("memory_block", "block") for level in row["fallback"])
    return "\n".join([*lines, levels])


def _unit(size: int) -> tuple[int, str]:
    return (GIB, "GiB") if size >= GIB else (MIB, "MiB")


def _amounts(row: Row) -> dict[str, int]:
    """Returns the bytes that a row obtained, by level."""
    if row["outcome"] is None:
        return {}
    outcome = row["outcome"]
    amounts = {level: tally["bytes"] for level, tally in outcome["by_level"].items()}
    return amounts | {"without a level": max(outcome["achieved"] - sum(amounts.values()), 0)}


def _draw_bytes(axes: Axes, rows: Sequence[Row]) -> None:
    """Stacks what was obtained at each level, and behind it what stays."""
    amounts = [_amounts(row) for row in rows]
    left = [0 if row["outcome"] is None else bytes_left(row["outcome"]) for row in rows]
    unit, name = _unit(
        max((sum(its.values()) + more for its, more in zip(amounts, left, strict=True)), default=0)
    )
    places = range(len(rows))
    offsets = [0.0] * len(rows)
    for level, colour in _LEVEL_COLOURS.items():
        widths = [its.get(level, 0) / unit for its in amounts]
        if any(widths):
            axes.barh(places, widths, _BAR_HEIGHT, offsets, color=colour, label=level.replace("_", " "))
        offsets = [offset + width for offset, width in zip(offsets, widths, strict=True)]
    rest = [more / unit for more in left]
    axes.barh(
        places,
        rest,
        _BAR_HEIGHT,
        offsets,
        color=_LEFT_COLOUR,
        edgecolor="#a0a0a0",
        hatch="////",
        label="stays",
    )
    for place, row in enumerate(rows):
        if row["refusal"] is not None:
            axes.text(
                0.01,
                place,
                _wrapped(f"refused: {row['refusal']}", 88),
                va="center",
                fontsize=8,
                color=_NOTE_COLOUR,
                transform=axes.get_yaxis_transform(),
            )
    axes.set_xlabel(f"obtained at each level, and what stays [{name}]", fontsize=9)
    _tidy(axes)


def _draw_times(axes: Axes, rows: Sequence[Row]) -> None:
    """Draws simulated time, with its number beside each bar."""
    seconds = [0.0 if row["outcome"] is None else row["outcome"]["simulated_us"] / 1e6 for row in rows]
    bars = axes.barh(range(len(rows)), seconds, _BAR_HEIGHT, color=_TIME_COLOUR)
    texts = [
        "" if row["outcome"] is None else f"{second:.3g} s" for row, second in zip(rows, seconds, strict=True)
    ]
    axes.bar_label(bars, texts, padding=3, fontsize=8)
    axes.set_xlim(0, max([*seconds, 0.001]) * 1.4)
    axes.set_xlabel("simulated time [s]", fontsize=9)
    _tidy(axes)


def _draw_marks(axes: Axes, rows: Sequence[Row]) -> None:
    """Writes what broke: failures in red, findings in orange, and below them lost types and migrated pages."""
    axes.axis("off")
    axes.set_title("broken invariants", fontsize=9, loc="left")
    for place, row in enumerate(rows):
        if row["outcome"] is None:
            continue
        failures = [law["id"] for law in row["broken"] if law["weight"] != "finding"]
        findings = [law["id"] for law in row["broken"] if law["weight"] == "finding"]
        words = " ".join([*failures, *findings]) or "none"
        colour = _FAILURE_COLOUR if failures else _FINDING_COLOUR if findings else "#2e7d32"
        axes.text(
            0,
            place - 0.16,
            textwrap.shorten(words, 36, placeholder=" ..."),
            va="center",
            fontsize=9,
            color=colour,
            fontweight="bold" if row["broken"] else "normal",
        )
        axes.text(0, place + 0.2, _counts(row["outcome"]), va="center", fontsize=7.5, color=_NOTE_COLOUR)


def _counts(outcome: Mapping[str, Any]) -> str:
    nr_failed = sum(tally["failed"] for tally in outcome["by_level"].values())
    nr_attempts = sum(tally["attempts"] for tally in outcome["by_level"].values())
    nr_lost = sum(outcome["types_lost"].values())
    lost = f", {nr_lost} types lost" if nr_lost else ""
    return f"{nr_failed} of {nr_attempts} attempts failed{lost}"


def _wrapped(text: str, width: int) -> str:
    return "\n".join(textwrap.wrap(text, width))


def _tidy(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
