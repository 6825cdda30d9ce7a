"""Commands on a guest's clock: clock, advance."""

from typing import Annotated

import typer
from rich.console import Group

from clients.vmemctl import arguments
from clients.vmemctl.operation_tables import clock_details
from clients.vmemctl.session import ExitCode, GuestArgument, JsonOption, open_session
from clients.vmemctl.tables import format_us, outcome_table


def clock(
    context: typer.Context,
    guest: GuestArgument,
    *,
    mode: Annotated[
        str | None,
        typer.Option(
            help="Who drives it from now on: instant, manual or realtime.", metavar="MODE", show_default=False
        ),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(help="Simulated seconds a second, in mode realtime.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Shows a guest's clock, or lets somebody else drive it."""
    session = open_session(context, as_json=as_json)
    if mode is None and scale is None:
        found = session.client.show_clock(guest)
    else:
        found = session.client.change_clock(guest, mode=mode, scale=scale)
    session.print(found, clock_details(found))


def advance(
    context: typer.Context,
    guest: GuestArgument,
    duration: Annotated[
        int | None,
        typer.Argument(
            parser=arguments.duration_us, metavar="[SECONDS]", help="Simulated seconds.", show_default=False
        ),
    ] = None,
    *,
    steps: Annotated[
        int | None, typer.Option(help="Instead: so many acts of drivers and programs.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Lets simulated time pass: a driver that waits tries again. Exit code 3 when its last try was partial."""
    session = open_session(context, as_json=as_json)
    if (duration is None) == (steps is None):
        raise typer.BadParameter("either SECONDS or --steps says how far")
    advanced = session.client.advance(guest, duration, steps=steps)
    tries = [outcome_table(outcome) for outcome in advanced.outcomes]
    session.print(advanced, Group(f"the guest's clock is at {format_us(advanced.now_us)}", *tries))
    if advanced.outcomes and advanced.outcomes[-1].state == "partial":
        raise typer.Exit(ExitCode.PARTIAL)
