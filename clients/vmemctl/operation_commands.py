"""Commands on operations, which are resizes that were asked for: operations, cancel."""

from typing import Annotated

import typer

from clients.vmemctl.operation_tables import operation_details, operation_table
from clients.vmemctl.session import JsonOption, open_session

_STATES = "running, waiting_retry, succeeded, partial, superseded or cancelled"
OperationArgument = Annotated[str, typer.Argument(help="Id of the operation.", show_default=False)]


def operations(
    context: typer.Context,
    operation: Annotated[
        str | None, typer.Argument(help="One of them, with all that is known.", show_default=False)
    ] = None,
    *,
    guest: Annotated[str | None, typer.Option(help="Only those of a guest.", show_default=False)] = None,
    state: Annotated[
        str | None, typer.Option(help=f"Only those that are {_STATES}.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Lists what was asked of devices, and what has become of it."""
    session = open_session(context, as_json=as_json)
    if operation is not None:
        found = session.client.show_operation(operation)
        session.print(found, operation_details(found))
        return
    listed = session.client.list_operations(guest=guest, state=state)
    session.print(listed, operation_table(listed))


def cancel(context: typer.Context, operation: OperationArgument, *, as_json: JsonOption = False) -> None:
    """Cancels an operation: the device's present size becomes its target."""
    session = open_session(context, as_json=as_json)
    cancelled = session.client.cancel_operation(operation)
    session.print(cancelled, operation_details(cancelled))
