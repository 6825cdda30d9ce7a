"""A comparison as a picture: what each row obtained at which level and what stays, how long it took, what broke.

    linux-5.15   ▇▇▇▇▇▇▇▇▇▇▇▇▇▇░░░░░░░░   ▇▇▇▇▇  1.2 s    INV-8, types lost: 3
    linux-6.17   ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇░░░░   ▇▇▇    0.8 s    none
    levels of the fallback, and the rest   simulated time    marks

Of a scenario without a device: the actors' results, free pages, and the marks.
matplotlib is imported with this module, so whoever wants no picture does not wait for it.
Left out: where matplotlib keeps its caches (app.api.compare_answer).
"""

import io
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from app.api.compare_rows import (
    Row,
    bytes_left,
    ends_of,
    laws_of,
    name_results,
    name_start,
    outcome_of,
    types_lost,
)
from app.units import GIB, MIB

# Of levels, the largest first; what came without one (offline memory, a plug); and what stays.
_LEVEL_COLOURS = {
    "big_block": "#12233f",
    "memory_block": "#1f4e79",
    "section": "#4b86c2",
    "chunk": "#5aa469",
    "pageblock": "#e0b04b",
    "without a level": "#8f8fa3",
}
_LEFT_COLOUR = "#e3e3e3"
_TIME_COLOUR = "#7a6c9d"
# Free pages of a scenario: all of them, and those of CMA.
_FREE_COLOUR, _CMA_COLOUR = "#9fb8ad", "#2f6f5e"
_FAILURE_COLOUR, _FINDING_COLOUR, _SOUND_COLOUR, _NOTE_COLOUR = "#c62828", "#c77700", "#2e7d32", "#555555"
_WIDTH_IN, _ROW_IN, _FRAME_IN, _DPI = 12.0, 0.52, 1.55, 100
_LABEL_WIDTH = 34
_TEXT_WIDTH = 88
_BAR_HEIGHT = 0.62


def draw(comparison: Mapping[str, Any]) -> bytes:
    """Returns the comparison as a PNG file."""
    rows: Sequence[Row] = comparison["rows"]
    figure = Figure(figsize=(_WIDTH_IN, _FRAME_IN + _ROW_IN * len(rows)), dpi=_DPI, layout="constrained")
    left, middle, marks = figure.subplots(1, 3, sharey=True, width_ratios=(6, 2.2, 2.4))
    # A case whose start is a picture has no bars beside those that have a device.
    if comparison["start"].get("scenario") and not any(map(outcome_of, rows)):
        _write_results(left, rows)
        _draw_free(middle, rows)
    else:
        _draw_bytes(left, rows)
        _draw_times(middle, rows)
    _write_refusals(left, rows)
    _write_marks(marks, rows)
    cases = short_names([row["case"] or "" for row in rows])
    labels = [_label(row, case) for row, case in zip(rows, cases, strict=True)]
    left.set_yticks(range(len(rows)), labels, fontsize=9)
    left.set_ylim(len(rows) - 0.5, -0.5)
    figure.suptitle(name_start(comparison), fontsize=11, x=0.01, ha="left")
    handles, labels = (left if left.get_legend_handles_labels()[0] else middle).get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=6, fontsize=8, frameon=False)
    file = io.BytesIO()
    # A figure without pyplot has a canvas of its own, which draws PNG by Agg: nothing is shared between two pictures.
    figure.savefig(file, format="png")
    return file.getvalue()


def short_names(names: Sequence[str]) -> list[str]:
    """Returns names that fit a label; those that would be cut to the same words keep their end as well."""
    cut = {name: textwrap.shorten(name, _LABEL_WIDTH, placeholder=" ...") for name in names}
    half = _LABEL_WIDTH // 2 - 2
    twins = {name for name in cut if sum(other == cut[name] for other in cut.values()) > 1}
    cut |= {name: f"{name[:half].rpartition(' ')[0]} ... {name[-half:].partition(' ')[2]}" for name in twins}
    still = [name for name in twins if sum(other == cut[name] for other in cut.values()) > 1]
    cut |= {name: f"{number}: {cut[name]}" for number, name in enumerate(sorted(still), start=1)}
    return [cut[name] for name in names]


def _label(row: Row, case: str) -> str:
    """Returns the policy, and below it the case, and the levels in short words."""
    # Between switches, where a line may end.
    policy = row["policy"].replace("+", " +").replace(",", ", ")
    lines = textwrap.wrap(policy, _LABEL_WIDTH, max_lines=2, placeholder=" ...", break_on_hyphens=False)
    levels = " > ".join(level.replace("memory_block", "block") for level in row["fallback"] or ())
    below = [case, textwrap.shorten(levels, _LABEL_WIDTH, placeholder=" ...")]
    return "\n".join([*lines, *filter(None, below)])


def _unit(size: int) -> tuple[int, str]:
    return (GIB, "GiB") if size >= GIB else (MIB, "MiB")


def _amounts(row: Row) -> dict[str, int]:
    """Returns the bytes that a row obtained, by level."""
    outcome = outcome_of(row)
    if outcome is None:
        return {}
    amounts = {level: tally["bytes"] for level, tally in outcome["by_level"].items()}
    return amounts | {"without a level": max(outcome["achieved"] - sum(amounts.values()), 0)}


def _draw_bytes(axes: Axes, rows: Sequence[Row]) -> None:
    """Stacks what was obtained at each level, and behind it what stays."""
    amounts = [_amounts(row) for row in rows]
    left = [bytes_left(outcome) if outcome else 0 for outcome in map(outcome_of, rows)]
    unit, name = _unit(max(sum(its.values()) + more for its, more in zip(amounts, left, strict=True)))
    offsets = [0.0] * len(rows)
    for level, colour in _LEVEL_COLOURS.items():
        widths = [its.get(level, 0) / unit for its in amounts]
        if any(widths):
            label = level.replace("_", " ")
            axes.barh(range(len(rows)), widths, _BAR_HEIGHT, offsets, color=colour, label=label)
        offsets = [offset + width for offset, width in zip(offsets, widths, strict=True)]
    rest: dict[str, Any] = {"color": _LEFT_COLOUR, "edgecolor": "#a0a0a0", "hatch": "////", "label": "stays"}
    axes.barh(range(len(rows)), [more / unit for more in left], _BAR_HEIGHT, offsets, **rest)
    axes.set_xlabel(f"obtained at each level, and what stays [{name}]", fontsize=9)
    _tidy(axes)


def _draw_times(axes: Axes, rows: Sequence[Row]) -> None:
    """Draws simulated time, with its number beside each bar."""
    outcomes = [outcome_of(row) for row in rows]
    seconds = [outcome["simulated_us"] / 1e6 if outcome else 0.0 for outcome in outcomes]
    bars = axes.barh(range(len(rows)), seconds, _BAR_HEIGHT, color=_TIME_COLOUR)
    texts = [f"{time:.3g} s" if outcome else "" for outcome, time in zip(outcomes, seconds, strict=True)]
    axes.bar_label(bars, texts, padding=3, fontsize=8)
    axes.set_xlim(0, max([*seconds, 0.001]) * 1.4)
    axes.set_xlabel("simulated time [s]", fontsize=9)
    _tidy(axes)


def _write_results(axes: Axes, rows: Sequence[Row]) -> None:
    """Writes what the actors of a scenario came to; of several ends, the first two."""
    axes.set_xticks([])
    axes.set_xlabel("results", fontsize=9)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    for place, row in enumerate(rows):
        ends = list(dict.fromkeys(name_results(end) for end in ends_of(row)))
        more = f" ... {len(ends)} ends" if len(ends) > 1 else ""
        text = textwrap.shorten(" | ".join(ends), _TEXT_WIDTH - len(more), placeholder=" ...") + more
        axes.text(0.01, place, text, va="center", fontsize=9, transform=axes.get_yaxis_transform())


def _draw_free(axes: Axes, rows: Sequence[Row]) -> None:
    """Draws the free pages that the counters tell at the first end, those of CMA inside."""
    counts = [next(iter(ends_of(row)), {"nr_free": 0, "nr_free_cma": 0}) for row in rows]
    places = range(len(rows))
    free, cma = ([count[name] for count in counts] for name in ("nr_free", "nr_free_cma"))
    bars = axes.barh(places, free, _BAR_HEIGHT, color=_FREE_COLOUR, label="free pages, as counted")
    axes.barh(places, cma, _BAR_HEIGHT / 2, color=_CMA_COLOUR, label="of these CMA")
    axes.bar_label(
        bars,
        ["" if row["played"] is None else str(pages) for row, pages in zip(rows, free, strict=True)],
        padding=3,
        fontsize=8,
    )
    axes.set_xlim(0, max([*free, *cma, 1]) * 1.4)
    axes.set_xlabel("free pages", fontsize=9)
    _tidy(axes)


def _write_refusals(axes: Axes, rows: Sequence[Row]) -> None:
    style: dict[str, Any] = {"va": "center", "fontsize": 8, "color": _NOTE_COLOUR}
    for place, row in enumerate(rows):
        if row["refusal"] is not None:
            lines = textwrap.wrap(f"refused: {row['refusal']}", _TEXT_WIDTH, max_lines=3, placeholder=" ...")
            axes.text(0.01, place, "\n".join(lines), transform=axes.get_yaxis_transform(), **style)


def _write_marks(axes: Axes, rows: Sequence[Row]) -> None:
    """Writes what broke: failures in red, findings in orange, and below it attempts and lost types."""
    axes.axis("off")
    axes.set_title("broken invariants (on the way)", fontsize=9, loc="left")
    for place, row in enumerate(rows):
        if row["refusal"] is not None:
            continue
        failures, findings, meanwhile = laws_of(row)
        words = " ".join([*failures, *findings, *(f"({name})" for name in meanwhile)]) or "none"
        colour = _FAILURE_COLOUR if failures else _FINDING_COLOUR if findings or meanwhile else _SOUND_COLOUR
        weight = "normal" if colour == _SOUND_COLOUR else "bold"
        text = textwrap.shorten(words, 34, placeholder=" ...")
        axes.text(0, place - 0.16, text, va="center", fontsize=9, color=colour, fontweight=weight)
        axes.text(0, place + 0.2, _note(row), va="center", fontsize=7.5, color=_NOTE_COLOUR)


def _note(row: Row) -> str:
    """Returns the results of a scenario with a device, how many attempts failed, pages migrated, types were lost."""
    outcome = outcome_of(row)
    if outcome is not None:
        tallies = outcome["by_level"].values()
        counts = [sum(tally[name] for tally in tallies) for name in ("failed", "attempts")]
        results = "".join(f"{name_results(end)}; " for end in ends_of(row)[:1])
        note = f"{results}{counts[0]} of {counts[1]} attempts failed"
    else:
        note = f"{max(end['nr_migrated'] for end in ends_of(row))} pages migrated"
    nr_lost = sum(types_lost(row).values())
    return note + (f", types lost: {nr_lost}" if nr_lost else "")


def _tidy(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
