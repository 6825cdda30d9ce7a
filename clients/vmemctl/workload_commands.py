"""Commands on workloads over time: workload start, workload show, workload stop, metrics."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group, RenderableType

from clients.sizes import format_size
from clients.vmemctl import arguments
from clients.vmemctl.session import GuestArgument, JsonOption, open_session
from clients.vmemctl.tables import format_us, plain_table
from clients.workload_models import Workload

FileArgument = Annotated[
    Path,
    typer.Argument(
        metavar="FILE.json",
        help="Phases as a JSON array, or an object with phases, repeat, tick_ms and seed.",
        show_default=False,
    ),
]
_AMOUNTS = {"by", "to", "size"}
_NOT_SHOWN = {"do", "label", "labels"}


def make_app() -> typer.Typer:
    """Returns the group of commands."""
    app = typer.Typer(
        name="workload",
        no_args_is_help=True,
        help="Workloads: plays scripts of phases on a guest's programs.",
    )
    app.command("start")(start)
    app.command("show")(show)
    app.command("stop")(stop)
    return app


def start(
    context: typer.Context, guest: GuestArgument, file: FileArgument, *, as_json: JsonOption = False
) -> None:
    """Plays a script from now on, in place of the one before; it goes on as the guest's clock does."""
    session = open_session(context, as_json=as_json)
    workload = session.client.start_workload(guest, arguments.script(file))
    session.print(workload, workload_details(workload))


def show(context: typer.Context, guest: GuestArgument, *, as_json: JsonOption = False) -> None:
    """Shows the script that plays, and what has become of each phase."""
    session = open_session(context, as_json=as_json)
    workload = session.client.show_workload(guest)
    session.print(workload, workload_details(workload))


def stop(context: typer.Context, guest: GuestArgument) -> None:
    """Stops the workload; what it allocated stays allocated."""
    session = open_session(context)
    session.client.stop_workload(guest)
    session.note(f"stopped the workload of {guest}")


def metrics(context: typer.Context, guest: GuestArgument) -> None:
    """Prints what a monitor in the guest would tell Prometheus, as text."""
    session = open_session(context)
    typer.echo(session.client.metrics(guest), nl=False)


def workload_details(workload: Workload) -> RenderableType:
    """Shows the phases, one line each, and how often memory ran out."""
    if workload.state == "none":
        return "no workload plays; `vmemctl workload start` starts one"
    table = plain_table("phase", "of", "says", "state", "*for")
    for phase, progress in zip(workload.phases, workload.progress, strict=False):
        labels = phase.get("labels") or [phase.get("label") or ""]
        names = ", ".join(map(str, labels)) if isinstance(labels, list) else str(labels)
        elapsed = format_us(progress.elapsed_us) if progress.state == "running" else ""
        table.add_row(str(phase["do"]), names, _words(phase), progress.state, elapsed)
    tail = f", rounds before this one: {workload.rounds}" if workload.repeat else ""
    kills = f", killed for want of memory: {workload.oom_kills}" if workload.oom_kills else ""
    return Group(f"{workload.state}{tail}{kills}", table)


def _words(phase: Mapping[str, object]) -> str:
    """Returns what a phase says of itself beside its labels."""
    said = {name: value for name, value in phase.items() if name not in _NOT_SHOWN}
    return " ".join(
        f"{name}={_amount(name, value)}" if value is not True else name for name, value in said.items()
    )


def _amount(name: str, value: object) -> str:
    if isinstance(value, int) and (name in _AMOUNTS or name == "rate"):
        return format_size(value) + ("/s" if name == "rate" else "")
    return str(value)
