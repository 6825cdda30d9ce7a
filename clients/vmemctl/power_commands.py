"""`vmemctl reboot`, `suspend` and `resume`: a guest booted anew, put to sleep, and woken."""

from typing import Annotated

import typer

from clients.models import Guest
from clients.vmemctl.session import GuestArgument, JsonOption, Session, open_session
from clients.vmemctl.tables import guest_details

KindArgument = Annotated[str, typer.Argument(help="s2idle, s3 or hibernate.", show_default=False)]


def reboot(
    context: typer.Context,
    guest: GuestArgument,
    *,
    kexec: Annotated[
        bool,
        typer.Option("--kexec", help="Into another kernel, without a reset: devices keep what is plugged."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Boots a guest anew, be it alive, asleep, hung or dead; its memory is gone, its targets stay."""
    session = open_session(context, as_json=as_json)
    _print(session, session.client.reboot(guest, "kexec" if kexec else "system_reset"))


def suspend(
    context: typer.Context, guest: GuestArgument, kind: KindArgument, *, as_json: JsonOption = False
) -> None:
    """Lets a guest sleep, unless the driver of a device refuses."""
    session = open_session(context, as_json=as_json)
    _print(session, session.client.suspend(guest, kind))


def resume(context: typer.Context, guest: GuestArgument, *, as_json: JsonOption = False) -> None:
    """Wakes a guest that sleeps."""
    session = open_session(context, as_json=as_json)
    _print(session, session.client.resume(guest))


def _print(session: Session, guest: Guest) -> None:
    session.print(guest, guest_details(guest))
