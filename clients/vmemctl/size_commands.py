"""Commands that change a device's size, and the one that watches it: resize, plug, unplug, watch."""

import json
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.live import Live

from clients.models import Guest
from clients.vmemctl import arguments
from clients.vmemctl.operation_tables import operation_details
from clients.vmemctl.progress import until_over
from clients.vmemctl.session import (
    DeviceOption,
    ExitCode,
    GuestArgument,
    JsonOption,
    Session,
    json_of,
    open_session,
)
from clients.vmemctl.tables import add_device, device_columns

SizeArgument = Annotated[
    int,
    typer.Argument(parser=arguments.size, metavar="SIZE", help="Bytes, or as in 2GiB.", show_default=False),
]
NoWaitOption = Annotated[
    bool,
    typer.Option("--no-wait", help="Do not wait until it is over; `vmemctl operations` tells how it goes."),
]


def resize(
    context: typer.Context,
    guest: GuestArgument,
    size: SizeArgument,
    *,
    device: DeviceOption = None,
    no_wait: NoWaitOption = False,
    as_json: JsonOption = False,
) -> None:
    """Sets how much of a device the guest shall have plugged in the end."""
    session = open_session(context, as_json=as_json)
    _change(session, "resize", guest=guest, device=device, size=size, waits=not no_wait)


def plug(
    context: typer.Context,
    guest: GuestArgument,
    size: SizeArgument,
    *,
    device: DeviceOption = None,
    no_wait: NoWaitOption = False,
    as_json: JsonOption = False,
) -> None:
    """Gives the guest SIZE more."""
    session = open_session(context, as_json=as_json)
    _change(session, "plug", guest=guest, device=device, size=size, waits=not no_wait)


def unplug(
    context: typer.Context,
    guest: GuestArgument,
    size: SizeArgument,
    *,
    device: DeviceOption = None,
    no_wait: NoWaitOption = False,
    as_json: JsonOption = False,
) -> None:
    """Takes SIZE back from the guest, level by level, and tells what stopped the rest."""
    session = open_session(context, as_json=as_json)
    _change(session, "unplug", guest=guest, device=device, size=size, waits=not no_wait)


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


def _change(session: Session, verb: str, *, guest: str, device: str | None, size: int, waits: bool) -> None:
    found = session.find_device(guest, device)
    acts = {"resize": session.client.resize, "plug": session.client.plug, "unplug": session.client.unplug}
    begin = partial(acts[verb], guest, found.id, size)
    operation = until_over(session, begin) if waits else begin(wait=0)
    session.print(operation, operation_details(operation))
    if operation.is_over and operation.state != "succeeded":
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
