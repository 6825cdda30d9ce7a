"""Commands on faults: fault add, fault list, fault change, fault remove, fault kinds."""

import json
from typing import Annotated

import typer
from rich.table import Table

from clients.fault_models import Fault, FaultKind
from clients.vmemctl.session import GuestArgument, JsonOption, Session, open_session

KindArgument = Annotated[
    str,
    typer.Argument(metavar="KIND", help="Such as device_busy: `fault kinds` lists them.", show_default=False),
]
IdArgument = Annotated[int, typer.Argument(metavar="ID", help="Number of the rule.", show_default=False)]
MembersArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME=VALUE]...",
        help="What the rule says, such as count=3; what is matched with match. before it: match.request=plug.",
        show_default=False,
    ),
]
_MATCH = "match."


def make_app() -> typer.Typer:
    """Returns the group of commands."""
    app = typer.Typer(
        name="fault",
        no_args_is_help=True,
        help="Faults: adds rules that make things fail, and takes them away.",
    )
    app.command("add")(add)
    app.command("list")(list_faults)
    app.command("change")(change)
    app.command("remove")(remove)
    app.command("kinds")(kinds)
    return app


def add(
    context: typer.Context,
    guest: GuestArgument,
    kind: KindArgument,
    members: MembersArgument = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Adds a fault rule: `vmemctl fault add web device_busy match.request=plug count=3`."""
    session = open_session(context, as_json=as_json)
    _show(session, session.client.add_fault(guest, kind, **read_members(members or [])))


def list_faults(context: typer.Context, guest: GuestArgument, *, as_json: JsonOption = False) -> None:
    """Lists a guest's fault rules, and how often each was asked and struck."""
    session = open_session(context, as_json=as_json)
    faults = session.client.list_faults(guest)
    session.print(faults, fault_table(faults))


def change(
    context: typer.Context,
    guest: GuestArgument,
    fault: IdArgument,
    members: MembersArgument = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Lets a rule say something else; NAME=null means the default, and a match is replaced as a whole."""
    session = open_session(context, as_json=as_json)
    _show(session, session.client.change_fault(guest, fault, **read_members(members or [])))


def remove(context: typer.Context, guest: GuestArgument, fault: IdArgument) -> None:
    """Removes a fault rule; what it had begun is over."""
    session = open_session(context)
    session.client.remove_fault(guest, fault)
    session.note(f"removed fault {fault} of {guest}")


def kinds(context: typer.Context, *, as_json: JsonOption = False) -> None:
    """Lists the kinds of faults, and what their rules may say."""
    session = open_session(context, as_json=as_json)
    found = session.client.fault_kinds()
    session.print(found, kind_table(found))


def read_members(texts: list[str]) -> dict[str, object]:
    """Returns the members of `NAME=VALUE` texts; a value is JSON where it can be, else a text.

    Raises typer.BadParameter.
    """
    members: dict[str, object] = {}
    match: dict[str, object] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        place, name = (match, name.removeprefix(_MATCH)) if name.startswith(_MATCH) else (members, name)
        if not name or not equals:
            raise typer.BadParameter(f"{text!r} is no NAME=VALUE, such as count=3")
        if name in place:
            raise typer.BadParameter(f"{text!r}: {name} is said twice")
        place[name] = _value(value)
    return members | ({"match": match} if match else {})


def fault_table(faults: tuple[Fault, ...]) -> Table:
    """Shows rules, one line each."""
    table = Table("id", "kind", "match", "says", "seen", "hits", "in force", box=None, pad_edge=False)
    for fault in faults:
        table.add_row(
            str(fault.id),
            fault.kind,
            _words(fault.match) or "any",
            _words(_said(fault)),
            str(fault.seen),
            str(fault.hits),
            "yes" if fault.is_in_force else "no",
        )
        for warning in fault.warnings:
            table.add_row("", "", f"warning: {warning}")
    return table


def kind_table(found: tuple[FaultKind, ...]) -> Table:
    """Shows kinds, one line each."""
    table = Table("kind", "what happens", "match", "says", box=None, pad_edge=False)
    for kind in found:
        table.add_row(
            kind.kind,
            kind.about,
            ", ".join(member.name for member in kind.match) or "-",
            ", ".join(f"{member.name}{'!' * member.is_required}" for member in kind.members),
        )
    return table


def _show(session: Session, fault: Fault) -> None:
    session.print(fault, fault_table((fault,)))


def _said(fault: Fault) -> dict[str, object]:
    """Returns the members that a rule has beside those that every row shows."""
    shown = {"id", "kind", "match", "seen", "hits", "is_in_force", "warnings"}
    return {
        name: value for name, value in fault.model_dump().items() if name not in shown and value is not None
    }


def _words(members: object) -> str:
    assert isinstance(members, dict) or hasattr(members, "items")
    return " ".join(f"{name}={value}" for name, value in members.items())


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text
