"""Commands that change a device's size, and the one that watches it: resize, plug, unplug, advance, watch."""

import json
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.live import Live

from clients.models import Guest, Outcome
from clients.vmemctl import arguments
from clients.vmemctl.progress import run_watched
from clients.vmemctl.session import (
    DeviceOption,
    ExitCode,
    GuestArgument,
    JsonOption,
    Session,
    json_of,
    open_session,
)
from clients.vmemctl.tables import add_device, device_columns, format_us, outcome_table

SizeArgument = Annotated[
    int,
    typer.Argument(parser=arguments.size, metavar="SIZE", help="Bytes, or as in 2GiB.", show_default=False),
]


def resize(
    context: typer.Context,
    guest: GuestArgument,
    size: SizeArgument,
    *,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sets how much of a device the guest shall have plugged in the end."""
    _change(open_session(context, as_json=as_json), "resize", guest=guest, device=device, size=size)


def plug(
    context: typer.Context,
    guest: GuestArgument,
    size: SizeArgument,
    *,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Gives the guest SIZE more."""
    _change(open_session(context, as_json=as_json), "plug", guest=guest, device=device, size=size)


def unplug(
    context: typer.Context,
    guest: GuestArgument,
    size: SizeArgument,
    *,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Takes SIZE back from the guest, level by level, and tells what stopped the rest."""
    _change(open_session(context, as_json=as_json), "unplug", guest=guest, device=device, size=size)


def advance(
    context: typer.Context,
    guest: GuestArgument,
    duration: Annotated[
        int,
        typer.Argument(
            parser=arguments.duration_us, metavar="SECONDS", help="Simulated seconds.", show_default=False
        ),
    ],
    *,
    as_json: JsonOption = False,
) -> None:
    """Lets simulated time pass: a driver that waits tries again. Exit code 3 when its last try was partial."""
    session = open_session(context, as_json=as_json)
    advanced = session.client.advance(guest, duration)
    tries = [outcome_table(outcome) for outcome in advanced.outcomes]
    session.print(advanced, Group(f"the guest's clock is at {format_us(advanced.simulated_us)}", *tries))
    if advanced.outcomes and advanced.outcomes[-1].state == "partial":
        raise typer.Exit(ExitCode.PARTIAL)


def watch(
    context: typer.Context,
    guest: Annotated[
        str | None, typer.Argument(help="Guest; all of them, when left out.", show_default=False)
    ] = None,
    *,
    interval: Annotated[
        float, typer.Option(parser=arguments.seconds, metavar="SECONDS", help="Time between two looks.")
    ] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Look once.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Shows the devices' sizes as they change, until Ctrl-C. With --json: one line for each look."""
    session = open_session(context, as_json=as_json)
    looks = _looks(session, guest, interval=None if once else interval)
    try:
        if session.options.as_json:
            for guests in looks:
                typer.echo(json.dumps({"guests": json_of(guests)}))
        elif once or not session.out.is_terminal:
            for guests in looks:
                session.out.print(watch_table(guests))
        else:
            _show_live(session, looks)
    except KeyboardInterrupt:
        session.note("watched until Ctrl-C")


def watch_table(guests: Sequence[Guest]) -> RenderableType:
    """Shows the devices of all guests, one line each."""
    table = device_columns(with_guest=True)
    for guest in guests:
        for device in guest.devices:
            add_device(table, device, guest=guest.name)
    return table


def _change(session: Session, verb: str, *, guest: str, device: str | None, size: int) -> None:
    found = session.find_device(guest, device)
    acts = {"resize": session.client.resize, "plug": session.client.plug, "unplug": session.client.unplug}
    outcome: Outcome = run_watched(
        session,
        partial(acts[verb], guest, found.id, size),
        device=found,
        look=partial(session.client.show_device, guest, found.id),
    )
    session.print(outcome, outcome_table(outcome))
    if outcome.state == "partial":
        raise typer.Exit(ExitCode.PARTIAL)


def _looks(session: Session, guest: str | None, *, interval: float | None) -> Iterator[Sequence[Guest]]:
    """Yields what there is to see, again and again; once, when there is no interval."""
    while True:
        yield session.client.list_guests() if guest is None else (session.client.show_guest(guest),)
        if interval is None:
            return
        time.sleep(interval)


def _show_live(session: Session, looks: Iterator[Sequence[Guest]]) -> None:
    with Live(console=session.out, auto_refresh=False) as live:
        for guests in looks:
            live.update(watch_table(guests), refresh=True)
