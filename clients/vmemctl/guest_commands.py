"""Commands on whole guests that exist: list, show, delete."""

import json
from typing import Annotated

import typer

from clients.vmemctl.session import GuestArgument, JsonOption, open_session
from clients.vmemctl.tables import guest_details, guest_table

GuestsArgument = Annotated[
    list[str], typer.Argument(metavar="GUEST...", help="Names of the guests.", show_default=False)
]


def list_guests(context: typer.Context, *, as_json: JsonOption = False) -> None:
    """Lists the guests."""
    session = open_session(context, as_json=as_json)
    guests = session.client.list_guests()
    session.print(guests, guest_table(guests))


def show(context: typer.Context, guest: GuestArgument, *, as_json: JsonOption = False) -> None:
    """Shows a guest: zones, devices, allocations."""
    session = open_session(context, as_json=as_json)
    found = session.client.show_guest(guest)
    session.print(found, guest_details(found))


def delete(context: typer.Context, guests: GuestsArgument, *, as_json: JsonOption = False) -> None:
    """Deletes guests."""
    session = open_session(context, as_json=as_json)
    for guest in guests:
        session.client.delete_guest(guest)
        if not session.options.as_json:
            session.out.print(f"deleted {guest}")
    if session.options.as_json:
        typer.echo(json.dumps({"deleted": guests}))
