"""Parts of a file as JSON has them, and errors about JSON as errors about lines.

    value ──plain()──▶ JSON ──a reader of app.guest──▶ a spec
                                     └── InvalidValue "faults.busy.count" ──at_line()──▶ line 12

Left out: YAML itself (app.scenario.reading.document).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import InvalidValue, ScenarioInvalid, Unknown
from app.scenario.reading.document import Value

_INTEGER = re.compile(r"-?\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?([eE][+-]?\d{1,2})?", re.ASCII)
_WORDS: dict[str, bool | None] = {
    "true": True,
    "yes": True,
    "false": False,
    "no": False,
    "null": None,
    "~": None,
    "": None,
}
_STEPS = re.compile(r"[^.\[\]]+|\[\d+\]")


def plain(value: Value) -> object:
    """Returns a value as JSON would have it: numbers, truths and nothing are told by their looks."""
    content = value.content
    if isinstance(content, list):
        return [plain(item) for item in content]
    if isinstance(content, dict):
        return {key: plain(item) for key, item in content.items()}
    if content in _WORDS:
        return _WORDS[content]
    if _INTEGER.fullmatch(content):
        return int(content)
    return float(content) if _NUMBER.fullmatch(content) else content


@contextmanager
def at_line(value: Value) -> Iterator[None]:
    """Turns what a reader of JSON holds against `value`, or a part of it, into an error with its line."""
    try:
        yield
    except ScenarioInvalid:
        raise
    except (InvalidValue, Unknown) as wrong:
        members = wrong.members
        field, accepted = str(members["field"]), str(members.get("accepted") or _one_of(members["known"]))
        place = _find(value, field)
        raise ScenarioInvalid(
            field, members["value"], accepted, file=place.file, line=place.line, column=place.column
        ) from wrong


def _one_of(known: object) -> str:
    assert isinstance(known, list)
    return f"one of {', '.join(map(str, known))}" if known else "none: there are none"


def _find(value: Value, field: str) -> Value:
    """Returns the part of `value` that a path names, or the innermost that is there.

    Readers that know nothing of the file name a path from `value` on, the others one from the file's top.
    """
    path = field.removeprefix(f"{value.field}.") if field.startswith(value.field) else field
    for step in _STEPS.findall(path.removeprefix(value.field)):
        content = value.content
        if isinstance(content, dict) and step in content:
            value = content[step]
        elif isinstance(content, list) and step[0] == "[" and int(step[1:-1]) < len(content):
            value = content[int(step[1:-1])]
        else:
            break
    return value
