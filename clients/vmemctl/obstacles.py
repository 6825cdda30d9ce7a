"""What stopped the rest of an unplug: the pieces that stay, by reason.

An outcome counts all of them by reason, and tells some of them one by one, with the page in the way.
"""

from rich import box
from rich.console import RenderableType
from rich.table import Table

from clients.models import ObstacleGroup, Outcome
from clients.sizes import format_size

_SHOWN_PFNS = 4
_CAUSES = {
    "memory": "too little memory",
    "device": "the device",
    "fault_rule": "a fault rule",
    "offline_limit": "too much memory is offline",
    "region": "the region is full",
    "simulator": "the simulator gave up",
}


def obstacle_table(outcome: Outcome) -> RenderableType:
    """Shows one line per reason, with the first pages of those that the outcome tells one by one."""
    table = Table("what stays", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("level", "result"):
        table.add_column(name)
    for name in ("pieces", "bytes"):
        table.add_column(name, justify="right")
    table.add_column("first pfns")
    for group in outcome.obstacle_groups:
        table.add_row(
            reason_of(group),
            group.level,
            group.result,
            str(group.count),
            format_size(group.bytes),
            _some(pfns_of(outcome, group), group.count),
        )
    return table


def reason_of(group: ObstacleGroup) -> str:
    """Returns what stood in the way, in words: a kind of page, or what it was else."""
    return _CAUSES.get(group.cause, group.kind or "no page")


def pfns_of(outcome: Outcome, group: ObstacleGroup) -> tuple[int, ...]:
    """Returns the pages, ascending, of those obstacles of a group that the outcome tells one by one."""
    reason = (group.kind, group.level, group.result)
    return tuple(
        sorted(
            obstacle.pfn
            for obstacle in outcome.obstacles
            if obstacle.pfn is not None and (obstacle.kind, obstacle.level, obstacle.result) == reason
        )
    )


def _some(pfns: tuple[int, ...], count: int) -> str:
    shown = " ".join(f"{pfn:#x}" for pfn in pfns[:_SHOWN_PFNS])
    return f"{shown} ..." if count > min(len(pfns), _SHOWN_PFNS) else shown
