"""vmemsim: serves the simulator, warms its kernels up, prints its OpenAPI text.

What takes long to import (FastAPI, numba) is imported by the command that needs it: --version and --help are
quick.
Left out: the hypervisor's side (vmemctl, clients/).
"""

import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from app.api.version import VERSION
from app.errors import InvalidValue
from app.progress_line import ProgressLine
from app.replay_cli import replay
from app.scenario_cli import app as scenario_app

EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells count

app = typer.Typer(
    name="vmemsim",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(scenario_app)
app.command()(replay)


class _WithSettings(typer.core.TyperCommand):
    """A command whose help ends with every setting."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - types of a private module
        """Writes the settings below the options."""
        from app.settings import rows  # noqa: PLC0415 - imports pydantic

        del ctx
        with formatter.section(
            "Settings in the environment (in the TOML file: without VMEMSIM_, lower case)"
        ):
            formatter.write_dl([(name, f"{text} [{default}]") for name, default, text in rows()])


def _show_version(is_wanted: bool) -> None:  # noqa: FBT001 - typer passes the option's value
    if is_wanted:
        typer.echo(f"vmemsim {VERSION}")
        raise typer.Exit


@app.callback()
def vmemsim(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Simulates Linux guests' physical memory and their virtio-mem devices, behind a REST API."""
    del version


@app.command(cls=_WithSettings)
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file with settings.", metavar="FILE")] = None,
    announce: Annotated[
        Path | None,
        typer.Option(help='Write {"url", "pid"} here once ready; removed at the end.', metavar="FILE"),
    ] = None,
) -> None:
    """Serves the REST API until Ctrl-C or SIGTERM."""
    began = time.monotonic()
    from app.api.place import bind  # noqa: PLC0415 - imported here, as all that this command alone needs
    from app.settings import load  # noqa: PLC0415 - imports pydantic

    settings = load(config, {"host": host, "port": port})
    if announce is not None and not announce.parent.is_dir():
        raise InvalidValue("--announce", announce, "a file in a directory that exists")
    try:
        bound = bind(settings.host, settings.port)
    except OSError as error:
        _fail(f"cannot listen on {settings.host} port {settings.port}: {error.strerror}")

    from app.operations.warm_up import Kernels  # noqa: PLC0415 - imports numba

    kernels = Kernels()
    kernels.begin(ProgressLine())

    # The kernels are loaded in their thread meanwhile.
    from app.api import serving  # noqa: PLC0415 - imports FastAPI
    from app.main import create_app  # noqa: PLC0415 - as above

    def on_ready(url: str) -> None:
        typer.echo(
            f"vmemsim {VERSION} serves {url} (ready after {time.monotonic() - began:.1f} s; Ctrl-C stops it)"
        )

    manner = serving.Manner(announce=announce, shutdown_grace_s=settings.shutdown_grace_s)
    is_idle = serving.serve(create_app(settings, kernels), bound, manner, on_ready)
    if not is_idle:
        # A thread cannot be told to stop, and leaving in the ordinary way would wait for it.
        sys.stdout.flush()
        os._exit(0)


@app.command(name="warm-up")
def warm_up() -> None:
    """Compiles the kernels and keeps them, so that later starts are quick."""
    from app.operations.warm_up import warm_up_now  # noqa: PLC0415 - imports numba

    began = time.monotonic()
    progress = ProgressLine()
    warm_up_now(progress)
    typer.echo(f"kernels are ready after {time.monotonic() - began:.1f} s, kept {progress.where}")


@app.command()
def openapi() -> None:
    """Prints openapi.json."""
    from app.api.openapi import openapi_text  # noqa: PLC0415 - imports FastAPI
    from app.main import create_app  # noqa: PLC0415 - as above
    from app.settings import Settings  # noqa: PLC0415 - imports pydantic

    typer.echo(openapi_text(create_app(Settings())), nl=False)


@app.command()
def policies() -> None:
    """Prints every policy, every switch, and what does not go together, as Markdown."""
    from app.operations.policy_page import policy_page  # noqa: PLC0415 - imports the simulator

    typer.echo(policy_page(), nl=False)


def _fail(detail: str, code: int = EXIT_FAILURE) -> NoReturn:
    typer.echo(f"vmemsim: {detail}", err=True)
    raise SystemExit(code)


def main() -> None:
    """Runs the command line; what the caller got wrong is one sentence and exit code 2."""
    try:
        app()
    except InvalidValue as error:
        _fail(error.detail, EXIT_USAGE)
    except KeyboardInterrupt:
        raise SystemExit(EXIT_INTERRUPTED) from None
