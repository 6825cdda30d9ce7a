"""What the loading of a capture could and could not tell, shown as it comes.

The report's members are the service's affair and may grow: numbers and words become lines, lists of objects
become tables, and nothing is left out. What was captured and loaded alike is shown once.
"""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import JsonValue
from rich.console import Group, RenderableType
from rich.text import Text

from clients.sizes import format_size
from clients.vmemctl.tables import fact_table, plain_table

_COMPARED = {"captured", "loaded"}


def load_report(report: Mapping[str, JsonValue]) -> RenderableType:
    """Shows the report."""
    return Group(Text("load report", style="bold"), *_parts(report))


def _parts(members: Mapping[str, JsonValue]) -> Iterator[RenderableType]:
    lines = {_words(name): _cell(name, value) for name, value in members.items() if not _is_nested(value)}
    yield fact_table(lines)
    for name, value in members.items():
        if value and _is_nested(value):
            yield Text(_words(name), style="bold dim")
            yield _nested(value)


def _nested(value: JsonValue) -> RenderableType:
    if isinstance(value, dict):
        return Group(*_parts(value))
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return _rows([item for item in value if isinstance(item, dict)])
    return Group(*(f"  {item}" for item in value)) if isinstance(value, list) else str(value)


def _rows(items: Sequence[Mapping[str, JsonValue]]) -> RenderableType:
    names = list(dict.fromkeys(name for item in items for name in item))
    table = plain_table(*(_words(name) for name in names))
    for item in items:
        table.add_row(*(_cell(name, item.get(name)) for name in names))
    return table


def _cell(name: str, value: JsonValue) -> str:
    """Returns a value in the unit that its name tells."""
    if isinstance(value, dict):
        return _compared(name, value)
    if isinstance(value, list):
        return " ".join(_cell(name, item) for item in value)
    if isinstance(value, int) and not isinstance(value, bool) and name.endswith("size"):
        return format_size(value)
    if isinstance(value, int) and name == "addr":
        return f"{value:#x}"
    return "" if value is None else str(value)


def _compared(name: str, members: Mapping[str, JsonValue]) -> str:
    """Returns captured and loaded values: once where they agree."""
    if set(members) == _COMPARED and members["captured"] == members["loaded"]:
        return _cell(name, members["loaded"])
    return ", ".join(f"{_words(part)} {_cell(name, value)}" for part, value in members.items())


def _is_nested(value: JsonValue) -> bool:
    return isinstance(value, (dict, list))


def _words(name: str) -> str:
    return name.replace("_", " ")
