"""The command that tells what happens in a guest: events."""

import json
from typing import Annotated

import typer

from clients.event_models import Event
from clients.vmemctl import arguments
from clients.vmemctl.session import GuestArgument, JsonOption, open_session
from clients.vmemctl.tables import format_us

_ENVELOPE = ("id", "simulated_us", "type")


def events(
    context: typer.Context,
    guest: GuestArgument,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what happens from now on.")
    ] = False,
    types: Annotated[
        str, typer.Option(metavar="TYPE,...", help="Only events of these types.", show_default="all")
    ] = "",
    after: Annotated[
        int | None,
        typer.Option(
            help="Begin behind this event.", show_default="the oldest that is kept; the newest with -f"
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tells what happened in a guest, one line each, as far as the service keeps it; --follow until Ctrl-C."""
    session = open_session(context, as_json=as_json)
    wanted = arguments.comma_list(types)
    client = session.client
    found = (
        client.follow(guest, after=after, types=wanted)
        if follow
        else client.events(guest, after=0 if after is None else after, types=wanted)
    )
    try:
        for event in found:
            typer.echo(_json_line(event) if session.options.as_json else event_line(event))
    except KeyboardInterrupt:
        session.note("followed until Ctrl-C")


def event_line(event: Event) -> str:
    """Returns an event as a line of text: number, time, type, and what else there is to tell."""
    moment = "" if event.simulated_us is None else format_us(event.simulated_us)
    told = " ".join(f"{name}={value}" for name, value in event.fields.items() if name not in _ENVELOPE)
    return f"{event.id:>8}  {moment:>9}  {event.type}  {told}".rstrip()


def _json_line(event: Event) -> str:
    return json.dumps({"id": event.id, "type": event.type, **event.fields})
