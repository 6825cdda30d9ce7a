"""Commands that look inside: map, blocks, verify, proc."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from clients.vmemctl.memory_map import draw_map
from clients.vmemctl.session import ExitCode, GuestArgument, JsonOption, Session, open_session
from clients.vmemctl.tables import memory_block_table, violation_table

# Beside the cells stand the row's first pfn and its zones.
_LABEL_WIDTH = 13 + 18
_STANDARD_OUTPUT = Path("-")


def draw(  # noqa: PLR0913 - one argument for each option of the command line
    context: typer.Context,
    guest: GuestArgument,
    *,
    png: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help='Save the image instead; "-" writes it to standard output.'),
    ] = None,
    scale: Annotated[int, typer.Option(min=1, help="Pixels of the image for each pageblock's edge.")] = 4,
    legend: Annotated[bool, typer.Option(help="Draw a legend below the image.")] = True,
    rows: Annotated[int, typer.Option(min=1, help="Most rows of the map on the terminal.")] = 40,
    as_json: JsonOption = False,
) -> None:
    """Shows what each pageblock holds: a coloured map on the terminal, or an image with --png."""
    session = open_session(context, as_json=as_json)
    if png is not None:
        save_image(session, session.client.map_png(guest, scale=scale, legend=legend), png)
        return
    pageblocks = session.client.pageblocks(guest)
    width = min(session.out.width - _LABEL_WIDTH, 128)
    session.print(pageblocks, draw_map(pageblocks, width=width, most_rows=rows))


def blocks(context: typer.Context, guest: GuestArgument, *, as_json: JsonOption = False) -> None:
    """Shows state and zone of the guest's memory blocks."""
    session = open_session(context, as_json=as_json)
    found = session.client.memory_blocks(guest)
    session.print(found, memory_block_table(found))


def verify(context: typer.Context, guest: GuestArgument, *, as_json: JsonOption = False) -> None:
    """Checks the invariants of the guest's memory; exit code 1 when one is broken that the policy's kernels keep."""
    session = open_session(context, as_json=as_json)
    verification = session.client.verify(guest)
    session.print(verification, violation_table(verification))
    if any(violation.is_failure for violation in verification.violations):
        raise typer.Exit(ExitCode.VIOLATED)


def proc(
    context: typer.Context,
    guest: GuestArgument,
    file: Annotated[
        str,
        typer.Argument(
            help="Such as buddyinfo, zoneinfo, meminfo, vmstat, loadavg, pressure/memory, kmsg.",
            show_default=False,
        ),
    ],
) -> None:
    """Prints a file of the guest's /proc, as text."""
    session = open_session(context)
    typer.echo(session.client.proc(guest, file), nl=False)


def save_image(session: Session, image: bytes, path: Path) -> None:
    """Writes the image; raises typer.BadParameter where that is not possible."""
    if path == _STANDARD_OUTPUT:
        sys.stdout.buffer.write(image)
        return
    try:
        path.write_bytes(image)
    except OSError as error:
        raise typer.BadParameter(str(error)) from error
    session.note(f"saved {path}, {len(image)} bytes")
