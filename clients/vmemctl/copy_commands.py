"""Commands on copies of guests: fork, snapshot, snapshots, restore."""

from typing import Annotated

import typer

from clients.vmemctl import arguments
from clients.vmemctl.explain_commands import FallbackOption, PolicyOption
from clients.vmemctl.explain_tables import snapshot_table
from clients.vmemctl.session import GuestArgument, JsonOption, open_session
from clients.vmemctl.tables import guest_details

NameArgument = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", help="The next free name, when left out.", show_default=False),
]


def fork(
    context: typer.Context,
    guest: GuestArgument,
    name: NameArgument = None,
    *,
    policy: PolicyOption = None,
    fallback: FallbackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Makes a guest in the same state, which lives for itself from now on."""
    session = open_session(context, as_json=as_json)
    levels = None if fallback is None else arguments.comma_list(fallback)
    copy = session.client.fork(guest, name, policy=policy, fallback=levels)
    session.print(copy, guest_details(copy))


def snapshot(
    context: typer.Context, guest: GuestArgument, name: NameArgument = None, *, as_json: JsonOption = False
) -> None:
    """Keeps a guest as it is now, to be restored to it."""
    session = open_session(context, as_json=as_json)
    taken = session.client.take_snapshot(guest, name)
    session.print(taken, snapshot_table((taken,)))


def snapshots(
    context: typer.Context,
    guest: GuestArgument,
    *,
    delete: Annotated[
        str | None, typer.Option(metavar="NAME", help="Forget this one first.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Lists a guest's snapshots."""
    session = open_session(context, as_json=as_json)
    if delete is not None:
        session.client.delete_snapshot(guest, delete)
    found = session.client.list_snapshots(guest)
    session.print(found, snapshot_table(found))


def restore(
    context: typer.Context,
    guest: GuestArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which snapshot.", show_default=False)],
    *,
    as_json: JsonOption = False,
) -> None:
    """Makes a guest what it was when a snapshot was taken; resizes that are under way end as cancelled."""
    session = open_session(context, as_json=as_json)
    found = session.client.restore(guest, name)
    session.print(found, guest_details(found))
