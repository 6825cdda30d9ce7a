"""What stopped the rest of an unplug: obstacles that are alike, together.

An outcome holds at most so many obstacles and says how many there were; the table says what it does not show.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table

from clients.models import Obstacle, Outcome
from clients.sizes import format_size

_SHOWN_PFNS = 4


class ObstacleGroup(NamedTuple):
    """Obstacles of one kind of page, at one level, with one result."""

    kind: str
    level: str
    result: str
    pieces: int
    bytes: int
    pfns: tuple[int, ...]


def group_obstacles(obstacles: Sequence[Obstacle]) -> list[ObstacleGroup]:
    """Returns the obstacles by kind, level and result; the group that holds most bytes first."""
    ordered = sorted(obstacles, key=_sort_key)
    groups = [_as_group(list(members)) for _, members in groupby(ordered, key=_sort_key)]
    return sorted(groups, key=lambda group: -group.bytes)


def obstacle_table(outcome: Outcome) -> RenderableType:
    """Shows one line per group, with the first pages of each, and how many obstacles the answer left out."""
    table = Table("what stays", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("level", "result"):
        table.add_column(name)
    for name in ("pieces", "bytes"):
        table.add_column(name, justify="right")
    table.add_column("first pfns")
    for group in group_obstacles(outcome.obstacles):
        table.add_row(
            group.kind,
            group.level,
            group.result,
            str(group.pieces),
            format_size(group.bytes),
            _some(group.pfns),
        )
    left_out = outcome.obstacle_count - len(outcome.obstacles)
    return (
        Group(table, f"and {left_out} more pieces, which the answer does not list") if left_out > 0 else table
    )


def _sort_key(obstacle: Obstacle) -> tuple[str, str, str]:
    return (obstacle.kind or "a shortage, no page", obstacle.level, obstacle.result)


def _as_group(members: Sequence[Obstacle]) -> ObstacleGroup:
    kind, level, result = _sort_key(members[0])
    pfns = tuple(sorted(member.pfn for member in members if member.pfn is not None))
    return ObstacleGroup(kind, level, result, len(members), sum(member.bytes for member in members), pfns)


def _some(pfns: Sequence[int]) -> str:
    shown = " ".join(f"{pfn:#x}" for pfn in pfns[:_SHOWN_PFNS])
    return f"{shown} ..." if len(pfns) > _SHOWN_PFNS else shown
