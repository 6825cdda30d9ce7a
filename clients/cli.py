"""vmemctl: what a hypervisor's operator types. Puts the commands together and turns errors into exit codes.

The commands are in clients.vmemctl, each beside those that act on the same thing.
Left out: `vmemctl capture` itself, which is clients/capture.py.
"""

import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from clients import _http
from clients.errors import ClientError
from clients.vmemctl import (
    arguments,
    block_commands,
    catalog_commands,
    clock_commands,
    cma_commands,
    compare_command,
    copy_commands,
    create_command,
    driver_commands,
    event_commands,
    explain_commands,
    fault_commands,
    guest_commands,
    operation_commands,
    page_commands,
    power_commands,
    scenario_commands,
    size_commands,
    view_commands,
    workload_commands,
)
from clients.vmemctl.complaints import as_problem, complaint, exit_code_of
from clients.vmemctl.session import Options, make_console

EXIT_CODES = """
Exit codes:

* 0  done
* 1  `verify` found an invariant broken that the kernel keeps, or `scenario run` something that is not as expected, or
  `compare` a law that the simulator itself broke
* 2  the command line is wrong
* 3  partial: the guest could give or take only a part; the answer says what stopped the rest
* 4  refused by the service; the problem is printed on standard error
* 5  the service cannot be reached, or is none
* 130  Ctrl-C
"""
_PASSES_ALL_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def set_options(
    context: typer.Context,
    *,
    url: Annotated[
        str, typer.Option(envvar="VMEMSIM_URL", metavar="URL", help="Where the service is.")
    ] = _http.DEFAULT_URL,
    timeout: Annotated[
        float,
        typer.Option(parser=arguments.seconds, metavar="SECONDS", help="How long to wait for an answer."),
    ] = _http.DEFAULT_TIMEOUT_S,
    as_json: Annotated[bool, typer.Option("--json", help="Print answers as JSON, for scripts.")] = False,
) -> None:
    """Takes memory back from simulated guests, and gives it, over vmemsim's REST API."""
    options = context.ensure_object(Options)
    options.url, options.timeout_s, options.as_json = url, timeout, as_json


def capture(context: typer.Context) -> None:
    """Captures this machine's memory (as root) into a file for `create --from`; --help tells its options."""
    from clients import capture as program  # noqa: PLC0415 - the other commands need not load it

    raise typer.Exit(program.main(list(context.args)))


def make_app() -> typer.Typer:
    """Returns vmemctl with all its commands."""
    app = typer.Typer(name="vmemctl", no_args_is_help=True, rich_markup_mode="markdown")
    app.callback(epilog=EXIT_CODES)(set_options)
    app.command("create")(create_command.create)
    app.command("list")(guest_commands.list_guests)
    app.command("show")(guest_commands.show)
    app.command("delete")(guest_commands.delete)
    app.command("reboot")(power_commands.reboot)
    app.command("suspend")(power_commands.suspend)
    app.command("resume")(power_commands.resume)
    app.command("resize")(size_commands.resize)
    app.command("plug")(size_commands.plug)
    app.command("unplug")(size_commands.unplug)
    app.command("operations")(operation_commands.operations)
    app.command("cancel")(operation_commands.cancel)
    app.command("clock")(clock_commands.clock)
    app.command("advance")(clock_commands.advance)
    app.command("explain")(explain_commands.explain)
    app.command("forecast")(explain_commands.forecast)
    app.command("fork")(copy_commands.fork)
    app.command("snapshot")(copy_commands.snapshot)
    app.command("snapshots")(copy_commands.snapshots)
    app.command("restore")(copy_commands.restore)
    app.command("events")(event_commands.events)
    app.command("watch")(size_commands.watch)
    app.command("map")(view_commands.draw)
    app.command("blocks")(view_commands.blocks)
    app.command("block")(block_commands.set_block)
    app.command("proc")(view_commands.proc)
    app.command("verify")(view_commands.verify)
    app.command("compare")(compare_command.compare)
    app.command("alloc")(page_commands.alloc)
    app.command("free")(page_commands.free)
    app.add_typer(cma_commands.make_app())
    app.add_typer(driver_commands.make_app())
    app.add_typer(fault_commands.make_app())
    app.add_typer(workload_commands.make_app())
    app.command("metrics")(workload_commands.metrics)
    app.command("policies")(catalog_commands.policies)
    app.command("presets")(catalog_commands.presets)
    app.add_typer(scenario_commands.make_app(), name="scenario")
    app.command("capture", context_settings=_PASSES_ALL_ON)(capture)
    return app


def main(words: Sequence[str] | None = None) -> NoReturn:
    """Runs vmemctl, and ends the process with an exit code that tells how it went."""
    options = Options()
    try:
        make_app()(args=words, prog_name="vmemctl", obj=options)
    except ClientError as error:
        if options.as_json:
            typer.echo(as_problem(error), err=True)
        else:
            make_console(stderr=True).print(complaint(error))
        sys.exit(exit_code_of(error))
    sys.exit(0)
