"""`vmemctl compare`: kernels side by side, from a guest, a scenario or a capture.

Its many options stand above the command, each with its help.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from clients.compare_models import Comparison
from clients.specs import CompareCaptureSpec, CompareSpec
from clients.vmemctl import arguments
from clients.vmemctl.compare_tables import comparison_view
from clients.vmemctl.progress import STANDARD_INPUT, open_upload
from clients.vmemctl.session import ExitCode, JsonOption, Session, open_session

_START_PANEL = "Where all kernels start"
_REQUEST_PANEL = "What all of them are asked"
_SHAPE_PANEL = "How it is shown"
CSV, PNG = "text/csv", "image/png"

GuestArgument = Annotated[
    str | None, typer.Argument(help="Name of a guest; it does not change.", show_default=False)
]
ScenarioOption = Annotated[
    str | None,
    typer.Option(
        metavar="ID", help="A scenario, such as S08.", show_default=False, rich_help_panel=_START_PANEL
    ),
]
CaptureOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.vmem",
        help='A capture of a real machine; "-" reads standard input. It is not kept.',
        show_default=False,
        rich_help_panel=_START_PANEL,
    ),
]
MemoryOption = Annotated[
    str | None,
    typer.Option(
        metavar="WHICH",
        help="With --capture, the memory that is the device's: auto, zone:NAME, range:START-END or above:START.",
        show_default="auto",
        rich_help_panel=_START_PANEL,
    ),
]
DeviceOption = Annotated[
    str | None,
    typer.Option(
        "--device",
        "-d",
        metavar="ID",
        help="Device; the only one, when left out.",
        show_default=False,
        rich_help_panel=_REQUEST_PANEL,
    ),
]
ToOption = Annotated[
    int | None,
    typer.Option(
        "--to",
        parser=arguments.size,
        metavar="SIZE",
        help="What the device shall have plugged in the end.",
        show_default=False,
        rich_help_panel=_REQUEST_PANEL,
    ),
]
UnplugOption = Annotated[
    int | None,
    typer.Option(
        parser=arguments.size,
        metavar="SIZE",
        help="Instead of --to: how much is taken back.",
        show_default=False,
        rich_help_panel=_REQUEST_PANEL,
    ),
]
PoliciesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--policy",
        metavar="POLICY",
        help="NAME or NAME+switch=value,...; may be repeated.",
        show_default="the seven of the thread",
    ),
]
FallbacksOption = Annotated[
    list[str] | None,
    typer.Option(
        "--fallback",
        metavar="LEVEL,...",
        help="Levels of the driver, largest first; repeated, each policy is run with each.",
        show_default="each policy's own",
    ),
]
CsvOption = Annotated[
    bool, typer.Option("--csv", help="Print CSV, for spreadsheets.", rich_help_panel=_SHAPE_PANEL)
]
PngOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.png",
        help='Save a picture instead; "-" writes it to standard output.',
        show_default=False,
        rich_help_panel=_SHAPE_PANEL,
    ),
]


def compare(  # noqa: PLR0913 - one argument for each option of the command line
    context: typer.Context,
    guest: GuestArgument = None,
    *,
    scenario: ScenarioOption = None,
    capture: CaptureOption = None,
    memory: MemoryOption = None,
    device: DeviceOption = None,
    to: ToOption = None,
    unplug: UnplugOption = None,
    policy: PoliciesOption = None,
    fallback: FallbacksOption = None,
    csv: CsvOption = False,
    png: PngOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compares kernels: one start, one request, a row for each policy with each fallback; nothing is changed.

    Exit code 1 when the simulator itself broke a law.
    """
    session = open_session(context, as_json=as_json)
    if sum(start is not None for start in (guest, scenario, capture)) != 1:
        raise typer.BadParameter("say one start: the name of a guest, --scenario or --capture")
    levels = [arguments.comma_list(text) for text in fallback] if fallback else None
    if csv + as_json + (png is not None) > 1:
        raise typer.BadParameter("say one shape: --csv, --json or --png")
    media_type = PNG if png is not None else CSV if csv else None
    if capture is not None:
        asked = CompareCaptureSpec(
            device=device, requested_size=to, unplug=unplug, policies=policy, fallbacks=levels, memory=memory
        )
        answer = _of_capture(session, capture, asked, media_type)
    else:
        spec = CompareSpec(
            guest=guest,
            scenario=scenario,
            device=device,
            requested_size=to,
            unplug=unplug,
            policies=policy,
            fallbacks=levels,
        )
        answer = _of_spec(session, spec, media_type)
    _show(session, answer, png)


def _of_spec(session: Session, spec: CompareSpec, media_type: str | None) -> Comparison | bytes:
    if media_type is None:
        return session.client.compare(spec)
    return session.client.compare_as(spec, media_type)


def _of_capture(
    session: Session, path: Path, spec: CompareCaptureSpec, media_type: str | None
) -> Comparison | bytes:
    if path != STANDARD_INPUT and not path.is_file():
        raise typer.BadParameter(f"{path} is no file")
    with open_upload(session, path) as capture:
        if media_type is None:
            return session.client.compare_capture(capture, spec)
        return session.client.compare_capture_as(capture, spec, media_type)


def _show(session: Session, answer: Comparison | bytes, png: Path | None) -> None:
    if isinstance(answer, bytes):
        _save(session, answer, png)
        return
    session.print(answer, comparison_view(answer))
    if any(law.is_failure for row in answer.rows for law in row.broken):
        raise typer.Exit(ExitCode.VIOLATED)


def _save(session: Session, content: bytes, png: Path | None) -> None:
    """Prints CSV, and writes a picture; raises typer.BadParameter where that is not possible."""
    if png is None or png == STANDARD_INPUT:
        sys.stdout.buffer.write(content)
        return
    try:
        png.write_bytes(content)
    except OSError as error:
        raise typer.BadParameter(str(error)) from error
    session.note(f"saved {png}, {len(content)} bytes")
