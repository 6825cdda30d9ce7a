"""vmemsim replay: plays a failure file; the exit code says whether everything is as the file expects.

What plays it is imported when the command needs it, so that --help stays quick.
Left out: scenarios of single pages (app.scenario_cli).
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.errors import InvalidValue
from app.progress_line import ProgressLine

if TYPE_CHECKING:
    from app.operations.replaying import Line

EXIT_DIFFERS = 1

_STYLES: dict[str, dict[str, object]] = {
    "plain": {},
    "heading": {"bold": True},
    "good": {"fg": typer.colors.GREEN},
    "bad": {"fg": typer.colors.RED},
    "faint": {"dim": True},
}


def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A failure file (docs/failure-files.md).")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Print every event and every expectation.")
    ] = False,
    record: Annotated[
        bool, typer.Option("--record", help="Print the file with an end that expects what was found.")
    ] = False,
) -> None:
    """Plays a failure file; exit code 0: everything is as it expects, 1: not, 2: it cannot be played."""
    from app.operations import replaying  # noqa: PLC0415 - imports numba
    from app.operations.warm_up import warm_up_now  # noqa: PLC0415 - as above

    text = _read(file, replaying.LARGEST_FILE + 1)
    script = replaying.read_replay(text, file=str(file))
    if record and script.end is not None:
        raise InvalidValue("--record", file, "a file without `end`: that is what is recorded")
    is_told = not as_json and not record
    warm_up_now(ProgressLine())
    player = replaying.Player(script)
    if is_told:
        _print(replaying.tell_title(script))
    moments = []
    for moment in player.play():
        moments.append(moment)
        if is_told:
            _print(replaying.tell_moment(moment, is_verbose=verbose))
    digests = player.digests()
    if is_told:
        _print(replaying.tell_end(moments, digests))
    elif as_json:
        typer.echo(json.dumps(replaying.describe_replay(script, moments, digests), indent=2))
    else:
        typer.echo(f"{text.rstrip()}\n{replaying.recorded_end(moments, digests)}", nl=False)
    if not all(moment.agrees for moment in moments):
        raise typer.Exit(EXIT_DIFFERS)


def _read(file: Path, most_bytes: int) -> str:
    """Returns a file's text, and never more than is worth reading: the reader says what is too much.

    Raises InvalidValue.
    """
    try:
        with file.open("rb") as opened:
            return opened.read(most_bytes).decode()
    except OSError as error:
        raise InvalidValue("FILE", file, f"a readable file ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InvalidValue("FILE", file, f"a text in UTF-8 ({error.reason} at byte {error.start})") from error


def _print(lines: "Iterable[Line]") -> None:
    for text, tone in lines:
        typer.secho(text, **_STYLES[tone])  # type: ignore[arg-type]  # click's own names
