"""Problems on a terminal: a refusal with its numbers in units, and a service that cannot be reached."""

import json
from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.text import Text

from clients.errors import ClientError, Refused, Unreachable
from clients.sizes import format_size, round_size
from clients.vmemctl.session import ExitCode
from clients.vmemctl.tables import fact_table

# Members of a problem that count bytes are called so; a small number is read as well without a unit.
_SIZE_WORDS = ("size", "requested", "bytes")
_SMALLEST_SIZE = 1024


def exit_code_of(error: ClientError) -> ExitCode:
    """Returns the exit code that tells a script what kind of error it was."""
    if isinstance(error, Refused):
        return ExitCode.REFUSED
    return ExitCode.UNREACHABLE if isinstance(error, Unreachable) else ExitCode.USAGE


def as_problem(error: ClientError) -> str:
    """Returns the error as a JSON object on one line."""
    problem = (
        error.as_problem()
        if isinstance(error, Refused)
        else {"title": type(error).__name__, "detail": str(error)}
    )
    return json.dumps(problem)


def complaint(error: ClientError) -> RenderableType:
    """Shows the error: for a refusal its title, its sentence, and its members with units."""
    if not isinstance(error, Refused):
        return Text.assemble((_title(error), "bold red"), f" {error}")
    headline = Text.assemble((f"refused ({error.status})", "bold red"), f" {error.title}")
    field = str(error.members.get("field", ""))
    members = {
        name: _with_unit(field if name == "value" else name, value)
        for name, value in error.members.items()
        if name != "errors"
    }
    return Group(
        headline, *([f"  {error.detail}"] if error.detail else []), fact_table(members), *_further(error)
    )


def _title(error: ClientError) -> str:
    return "unreachable" if isinstance(error, Unreachable) else "failed"


def _further(error: Refused) -> list[RenderableType]:
    """Shows the other complaints of a request in which several values are wrong."""
    errors = error.members.get("errors")
    if not isinstance(errors, list) or len(errors) < 2:  # noqa: PLR2004 - the first is the headline's own
        return []
    return [_complaint_line(item) for item in errors[1:] if isinstance(item, Mapping)]


def _complaint_line(item: Mapping[str, object]) -> str:
    return f"  also {item.get('field')} = {item.get('value')!r}; accepted: {item.get('accepted')}"


def _with_unit(name: str, value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if isinstance(value, int) and value >= _SMALLEST_SIZE and any(word in name for word in _SIZE_WORDS):
        exact = format_size(value)
        return f"{value} (about {round_size(value)})" if exact.endswith(" B") else f"{value} ({exact})"
    return str(value)
