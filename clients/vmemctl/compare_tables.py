"""A comparison of kernels as tables for a terminal of 100 columns.

A failure of the simulator is red and has an exclamation mark; what was broken only on the way stands in brackets.
Left out: CSV and pictures, which the service makes.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from clients.compare_models import Comparison, ComparisonRow
from clients.models import ObstacleGroup, Outcome
from clients.scenario_models import ScenarioEnd
from clients.sizes import format_size, round_size
from clients.vmemctl.obstacles import reason_of
from clients.vmemctl.tables import format_us, plain_table

_SHOWN_GROUPS = 4


class Resize(NamedTuple):
    """What became of a scenario's device; levels: name, bytes, and how many of its attempts failed."""

    left: int
    simulated_us: int
    levels: tuple[tuple[str, str, str], ...]


def resize_of(end: ScenarioEnd) -> Resize | None:
    """Returns what an end tells of its device; None when there is none, or it has no levels."""
    values = end.values
    levels = [name.split(".")[1] for name in values if name.startswith("by_level.")]
    if not levels:
        return None
    left = abs(int(values.get("size", 0)) - int(values.get("requested_size", 0)))
    return Resize(
        left,
        int(values.get("simulated_us", 0)),
        tuple(_tally_of(values, level) for level in dict.fromkeys(levels)),
    )


def _tally_of(values: Mapping[str, int | str], level: str) -> tuple[str, str, str]:
    counts = [int(values.get(f"by_level.{level}.{what}", 0)) for what in ("bytes", "failed", "attempts")]
    return level, round_size(counts[0]), f"{counts[1]}/{counts[2]}"


def comparison_view(comparison: Comparison) -> RenderableType:
    """Shows the rows, what was refused, and what stays."""
    if comparison.start.scenario is not None:
        return _scenario_view(comparison)
    parts: list[RenderableType] = [Text(_headline(comparison), style="bold"), outcome_rows(comparison)]
    parts += _refusals(comparison)
    if any(row.outcome and row.outcome.obstacle_groups for row in comparison.rows):
        parts.append(stay_table(comparison))
    return Group(*parts)


def outcome_rows(comparison: Comparison) -> Table:
    """Shows a line for each level of each kernel."""
    table = plain_table("policy", "level", "*bytes", "*failed", "*left", "*migrated", "*time", "broken")
    names = _names_of(comparison)
    for row, name in zip(comparison.rows, names, strict=True):
        if row.outcome is None:
            table.add_row(name, Text("refused", style="yellow"))
            continue
        left = round_size(abs(row.outcome.size - row.outcome.requested_size))
        migrated, time = str(row.outcome.migrated_pages), format_us(row.outcome.simulated_us)
        for number, (level, bytes_of_level, failed) in enumerate(_levels(row.outcome)):
            if number:
                table.add_row("", level, bytes_of_level, failed)
            else:
                table.add_row(name, level, bytes_of_level, failed, left, migrated, time, broken(row))
    return table


def stay_table(comparison: Comparison) -> Table:
    """Shows what stays, by reason, the most bytes first."""
    table = plain_table("policy", "what stays", "level", "result", "*pieces", "*bytes")
    for row, name in zip(comparison.rows, _names_of(comparison), strict=True):
        groups = row.outcome.obstacle_groups if row.outcome else ()
        for number, group in enumerate(groups[:_SHOWN_GROUPS]):
            table.add_row(name if not number else "", *_stays(group))
        if len(groups) > _SHOWN_GROUPS:
            table.add_row("", f"and {len(groups) - _SHOWN_GROUPS} reasons more")
    return table


def broken(row: ComparisonRow) -> Text:
    """Names the broken invariants of a row, and how many types were lost."""
    failures = [f"{law.id}!" for law in row.broken if law.is_failure]
    findings = [law.id for law in row.broken if not law.is_failure]
    told = [name for end in (row.played.ends if row.played else ()) for name in end.findings]
    named = {law.id for law in row.broken}
    findings += [name for name in dict.fromkeys(told) if name not in named]
    findings += [f"({name})" for name in row.broken_meanwhile]
    nr_lost = sum(row.outcome.types_lost.values()) if row.outcome else 0
    lost = f" types lost: {nr_lost}" if nr_lost else ""
    if not failures and not findings:
        return Text(f"-{lost}", style="green" if not lost else "")
    return Text.assemble((" ".join(failures), "bold red"), (" " + " ".join(findings), "yellow"), lost)


def _names_of(comparison: Comparison) -> list[str]:
    """Names each row by its policy, and by its levels too where a policy has several rows."""
    nr_rows = Counter(row.policy for row in comparison.rows)
    return [
        f"{row.policy}\n[{', '.join(row.fallback or ())}]" if nr_rows[row.policy] > 1 else row.policy
        for row in comparison.rows
    ]


def _headline(comparison: Comparison) -> str:
    start = comparison.start.guest or f"capture of {comparison.start.kernel_release}"
    sizes = (comparison.size_before or 0, comparison.requested_size or 0)
    return f"{start}: {comparison.device} from {format_size(sizes[0])} to {format_size(sizes[1])}"


def _levels(outcome: Outcome) -> Iterator[tuple[str, str, str]]:
    """Yields level, bytes, and how many of its attempts failed."""
    for level, tally in outcome.by_level.items():
        yield level, round_size(tally.bytes), f"{tally.failed}/{tally.attempts}"


def _stays(group: ObstacleGroup) -> tuple[str, ...]:
    return reason_of(group), group.level, group.result, str(group.count), round_size(group.bytes)


def _refusals(comparison: Comparison) -> list[Text]:
    return [
        Text(f"{row.case + ', ' if row.case else ''}{row.policy}: refused: {row.refusal}", style="yellow")
        for row in comparison.rows
        if row.refusal is not None
    ]


def _scenario_view(comparison: Comparison) -> RenderableType:
    """Shows a table for each case."""
    parts: list[RenderableType] = [Text(f"scenario {comparison.start.scenario}", style="bold")]
    for case, rows in groupby(comparison.rows, key=lambda row: row.case):
        played = tuple(rows)
        has_device = any(resize_of(end) for row in played for end in _ends(row))
        table = _device_rows(played) if has_device else _played_rows(played)
        parts += [Text(f"\n{case}" if case else ""), table]
    return Group(*parts, *_refusals(comparison))


def _ends(row: ComparisonRow) -> tuple[ScenarioEnd, ...]:
    return row.played.ends if row.played else ()


def _device_rows(rows: tuple[ComparisonRow, ...]) -> Table:
    """Shows a line for each level of each end of a case that starts from a guest."""
    table = plain_table(
        "policy", "results", "level", "*bytes", "*failed", "*left", "*time", "*free", "broken"
    )
    for row in rows:
        if row.played is None:
            table.add_row(row.policy, Text("refused", style="yellow"))
        for number, end in enumerate(_ends(row)):
            head = ("" if number else row.policy, _results(end))
            tail = (str(end.nr_free), "" if number else broken(row))
            resize = resize_of(end)
            if resize is None:
                table.add_row(*head, "", "", "", "", "", *tail)
                continue
            first, *others = resize.levels
            table.add_row(*head, *first, round_size(resize.left), format_us(resize.simulated_us), *tail)
            for level in others:
                table.add_row("", "", *level)
    return table


def _results(end: ScenarioEnd) -> str:
    return ", ".join(f"{actor} {result}" for actor, result in end.results.items())


def _played_rows(rows: tuple[ComparisonRow, ...]) -> Table:
    """Shows a line for each end of a case under each kernel."""
    table = plain_table("policy", "levels", "results", "*free", "*free CMA", "broken")
    if not any(row.fallback for row in rows):
        table = plain_table("policy", "results", "*free", "*free CMA", "broken")
    has_levels = len(table.columns) > len(("policy", "results", "free", "free CMA", "broken"))
    for row in rows:
        levels = (",".join(row.fallback or ()),) if has_levels else ()
        if row.played is None:
            table.add_row(row.policy, *levels, Text("refused", style="yellow"))
            continue
        for number, end in enumerate(row.played.ends):
            head = (row.policy, *levels) if not number else ("",) * (1 + len(levels))
            tail = broken(row) if not number else ""
            table.add_row(*head, _results(end), str(end.nr_free), str(end.nr_free_cma), tail)
    return table
