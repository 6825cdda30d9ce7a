"""One run of vmemctl: its options, its connection, where its answers go, and the exit codes.

Answers go to standard output, as tables or as JSON; progress and problems go to standard error: a script that
reads standard output gets an answer or nothing.
Left out: how anything looks (clients.vmemctl.tables).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import Annotated

import typer
from rich.console import Console, RenderableType

from clients import _http
from clients.client import Client
from clients.models import Answer, Device, Guest

# A table that is piped into a file or a pager is not cut to the width of a terminal that is not there.
_PIPED_WIDTH = 200

JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON, for scripts.")]
GuestArgument = Annotated[str, typer.Argument(help="Name of the guest.", show_default=False)]
DeviceOption = Annotated[
    str | None,
    typer.Option(
        "--device", "-d", metavar="ID", help="Device; the only one, when left out.", show_default=False
    ),
]


class ExitCode(IntEnum):
    """How a run ended, for scripts."""

    DONE = 0
    VIOLATED = 1
    USAGE = 2
    PARTIAL = 3
    REFUSED = 4
    UNREACHABLE = 5


@dataclass
class Options:
    """What holds for the whole run; `as_json` may be said before or after the command."""

    url: str = _http.DEFAULT_URL
    timeout_s: float = _http.DEFAULT_TIMEOUT_S
    as_json: bool = False


@dataclass
class Session:
    """A connection, and the two streams of a terminal."""

    options: Options
    out: Console = field(default_factory=lambda: make_console(stderr=False))
    err: Console = field(default_factory=lambda: make_console(stderr=True))

    @cached_property
    def client(self) -> Client:
        """The connection; nothing is sent before the first call."""
        return Client(self.options.url, timeout_s=self.options.timeout_s)

    def close(self) -> None:
        """Closes the connection, if there was one."""
        if "client" in vars(self):
            self.client.close()

    @property
    def shows_progress(self) -> bool:
        """Whether somebody looks: a terminal, and no script."""
        return self.err.is_terminal and not self.options.as_json

    def print(self, answer: Answer | Sequence[Answer], shown: RenderableType) -> None:
        """Prints the answer as JSON if that was asked for, else `shown`."""
        if self.options.as_json:
            typer.echo(json.dumps(json_of(answer), indent=2))
        else:
            self.out.print(shown)

    def note(self, text: str) -> None:
        """Says something on standard error that is no part of the answer; not to a script."""
        if not self.options.as_json:
            self.err.print(text, style="dim")

    def find_device(self, guest: str, device: str | None) -> Device:
        """Returns the device of that name, or the guest's only one.

        Raises typer.BadParameter, naming those that there are, when the guest has none or several.
        """
        if device is not None:
            return self.client.show_device(guest, device)
        return only_device(self.client.show_guest(guest))


def open_session(context: typer.Context, *, as_json: bool = False) -> Session:
    """Returns the session of this run; its connection is closed when the command ends."""
    options = context.ensure_object(Options)
    options.as_json = options.as_json or as_json
    session = Session(options)
    context.call_on_close(session.close)
    return session


def make_console(*, stderr: bool = False) -> Console:
    """Returns a console that takes text as it is: a guest's name with brackets in it is no markup."""
    console = Console(stderr=stderr, markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = max(console.width, _PIPED_WIDTH)
    return console


def only_device(guest: Guest) -> Device:
    """Returns the guest's only device; raises typer.BadParameter when it has none or several."""
    match guest.devices:
        case [device]:
            return device
        case []:
            raise typer.BadParameter(f"{guest.name} has no virtio-mem device")
        case devices:
            ids = ", ".join(device.id for device in devices)
            raise typer.BadParameter(f"{guest.name} has several devices ({ids}); say which with --device")


def json_of(answer: Answer | Sequence[Answer]) -> object:
    """Returns the JSON value of an answer, members that this version does not know included."""
    if isinstance(answer, Answer):
        return answer.model_dump(mode="json")
    return [item.model_dump(mode="json") for item in answer]
