"""Operations and clocks as text and tables for a terminal. Nothing here asks the service anything."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from clients.sizes import format_size
from clients.time_models import Clock, Operation
from clients.vmemctl.tables import fact_table, format_us, outcome_details, plain_table

_STYLES = {"succeeded": "bold green", "running": "bold cyan", "waiting_retry": "bold cyan"}
_OTHER_STYLE = "bold yellow"


def operation_details(operation: Operation) -> RenderableType:
    """Shows what was asked, what was got, why the rest stays, and what each level gave."""
    headline = Text.assemble(
        _state(operation),
        f": {format_size(operation.achieved)} of {format_size(operation.requested)}",
        f"; plugged {format_size(operation.size)}, requested {format_size(operation.requested_size)}",
        f"; {operation.id}",
    )
    parts: list[RenderableType] = [headline]
    if operation.reason:
        parts.append(Text(operation.reason))
    if operation.outcome is not None:
        parts += outcome_details(operation.outcome)
    return Group(*parts)


def operation_table(operations: Sequence[Operation]) -> RenderableType:
    """Shows one line per operation."""
    if not operations:
        return "no operations; `vmemctl resize` makes one"
    table = plain_table("operation", "guest", "device", "state", "*requested", "*plugged", "*began", "why")
    for operation in operations:
        table.add_row(
            operation.id,
            operation.guest,
            operation.device,
            Text(*_state(operation)),
            format_size(operation.requested_size),
            format_size(operation.size),
            format_us(operation.begun_us),
            operation.reason or "",
        )
    return table


def clock_details(clock: Clock) -> RenderableType:
    """Shows who drives a clock, and how it stands."""
    behind = "behind by" if clock.is_behind else "late by"
    return fact_table(
        {
            "mode": clock.mode,
            "scale": f"{clock.scale:g} simulated seconds a second" if clock.mode == "realtime" else None,
            "now": format_us(clock.now_us),
            "next act": "-" if clock.next_due_us is None else format_us(clock.next_due_us),
            behind: f"{clock.lag_ms:.3g} ms" if clock.mode == "realtime" else None,
        }
    )


def _state(operation: Operation) -> tuple[str, str]:
    return operation.state, _STYLES.get(operation.state, _OTHER_STYLE)
