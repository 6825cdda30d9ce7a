"""Commands on drivers: driver load, driver unload."""

from typing import Annotated

import typer
from rich.console import Group, RenderableType

from clients.models import Device
from clients.sizes import format_size
from clients.vmemctl import arguments
from clients.vmemctl.session import GuestArgument, JsonOption, Session, open_session
from clients.vmemctl.tables import device_table, fact_table

DeviceArgument = Annotated[str, typer.Argument(metavar="DEVICE", help="Its id, such as vm0.")]
ParametersArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME=VALUE]...",
        help="Module parameters: unplug_online, force_bbm, bbm_block_size, bbm_safe_unplug.",
        show_default=False,
    ),
]


def make_app() -> typer.Typer:
    """Returns the group of commands."""
    app = typer.Typer(
        name="driver",
        no_args_is_help=True,
        help="Drivers: loads and unloads the module of a device's driver.",
    )
    app.command("load")(load)
    app.command("unload")(unload)
    return app


def load(
    context: typer.Context,
    guest: GuestArgument,
    device: DeviceArgument,
    parameters: ParametersArgument = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Loads a driver: `vmemctl driver load web vm0 force_bbm=yes bbm_block_size=256MiB`."""
    session = open_session(context, as_json=as_json)
    given = arguments.driver_parameters(parameters or ())
    _print(session, session.client.load_driver(guest, device, given))


def unload(
    context: typer.Context, guest: GuestArgument, device: DeviceArgument, *, as_json: JsonOption = False
) -> None:
    """Unloads a driver; the memory that it added stays, and then no driver can be loaded again."""
    session = open_session(context, as_json=as_json)
    _print(session, session.client.unload_driver(guest, device))


def driver_details(device: Device) -> RenderableType:
    """Shows a device with its driver's mode, and with the parameters that changed nothing."""
    size = device.subblock_size or device.big_block_size or 0
    unit = "sub-blocks" if device.mode == "sbm" else "big blocks"
    ignored = () if device.driver is None else device.driver.ignored_parameters
    facts = {"mode": f"{unit} of {format_size(size)}", "parameters ignored": ", ".join(ignored) or None}
    return Group(fact_table(facts), device_table([device]))


def _print(session: Session, device: Device) -> None:
    session.print(device, driver_details(device))
