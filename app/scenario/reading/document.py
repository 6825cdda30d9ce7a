"""A scenario file as text: YAML values, each with the line and column where it stands.

Kept here: which YAML is accepted, so that no file can hurt the reader: one document of bounded size and depth,
without tags, anchors, aliases and duplicate keys. A scalar has no type of its own: whoever reads it says what
it must be, so `no`, 08 and 1_000 hold no surprise.
Left out: what a scenario consists of (app.scenario.reading.scenario).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import yaml

from app.errors import CallerError, InvalidValue, ScenarioInvalid, Unknown
from app.units import parse_size

LARGEST_FILE = 64 * 1024
# Levels of lists and mappings inside each other; the format itself needs seven.
LARGEST_DEPTH = 12
LONGEST_KEY = 1024
# Longer digit strings are no page numbers, and converting them would cost quadratic time.
_INTEGER = re.compile(r"-?\d{1,15}", re.ASCII)
_BOOLEANS = {"yes": True, "true": True, "no": False, "false": False}
# What YAML does not allow in a stream, C0 controls and lone surrogates above all.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# libyaml where there is one: the same events, many times faster.
_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# The tag of `! text`, which says that there is none.
_NO_TAG = "!"


@dataclass(frozen=True)
class Value:
    """One value: a text, a list or a mapping; `field` is its path in the file, "cases[0].start"."""

    content: "str | list[Value] | dict[str, Value]"
    field: str
    file: str
    line: int
    column: int

    def refuse(self, accepted: str, *, value: object = None) -> ScenarioInvalid:
        """Returns the error that says where this is, what it is, and what would be accepted."""
        return self._error(self.field, self._quoted() if value is None else value, accepted)

    def refuse_as(self, wrong: CallerError) -> ScenarioInvalid:
        """Returns an error of a deeper floor with the place of this value."""
        if isinstance(wrong, InvalidValue | Unknown):
            known = wrong.members.get("known")
            names = ", ".join(map(str, known)) if isinstance(known, list) else "none"
            accepted = str(wrong.members.get("accepted") or f"known: {names}")
            return self._error(f"{self.field}: {wrong.members['field']}", wrong.members["value"], accepted)
        return self._error(self.field, wrong.detail, "something else")

    def _error(self, field: str, value: object, accepted: str) -> ScenarioInvalid:
        return ScenarioInvalid(field, value, accepted, file=self.file, line=self.line, column=self.column)

    def _quoted(self) -> str:
        if isinstance(self.content, str):
            return self.content
        return f"a {'list' if isinstance(self.content, list) else 'mapping'} of {len(self.content)}"

    def text(self, *, longest: int, shortest: int = 1) -> str:
        """Returns it as text."""
        if isinstance(self.content, str) and shortest <= len(self.content.strip()) <= longest:
            return self.content.strip()
        raise self.refuse(f"a text of {shortest} to {longest} characters")

    def word(self, known: Iterable[str]) -> str:
        """Returns it as one of the words that are known."""
        words = list(known)
        if isinstance(self.content, str) and self.content in words:
            return self.content
        raise self.refuse(f"one of {', '.join(words)}")

    def integer(self, lowest: int, highest: int) -> int:
        """Returns it as an integer of [lowest, highest]."""
        accepted = f"an integer from {lowest} to {highest}"
        if not isinstance(self.content, str) or not _INTEGER.fullmatch(self.content):
            raise self.refuse(accepted)
        number = int(self.content)
        if not lowest <= number <= highest:
            raise self.refuse(accepted)
        return number

    def boolean(self) -> bool:
        """Returns it as a boolean: yes or no."""
        return _BOOLEANS[self.word(_BOOLEANS)]

    def size(self, highest: int) -> int:
        """Returns it as bytes: an integer, or a text such as 128MiB."""
        if not isinstance(self.content, str):
            raise self.refuse('bytes as an integer, or a text such as "128MiB"')
        try:
            size = parse_size(self.content)
        except InvalidValue as wrong:
            raise self.refuse(str(wrong.members["accepted"])) from wrong
        if size > highest:
            raise self.refuse(f"at most {highest} bytes")
        return size

    def items(self, *, longest: int, shortest: int = 0) -> "list[Value]":
        """Returns it as a list."""
        if isinstance(self.content, list) and shortest <= len(self.content) <= longest:
            return self.content
        raise self.refuse(f"a list of {shortest} to {longest}")

    def mapping(self, known: Iterable[str] | None = None, *, longest: int = 64) -> "dict[str, Value]":
        """Returns it as a mapping that has no other keys than those known; any keys when `known` is None."""
        words = None if known is None else list(known)
        if not isinstance(self.content, dict) or len(self.content) > longest:
            keys = "" if words is None else f" with the keys {', '.join(words)}"
            raise self.refuse(f"a mapping of at most {longest} members{keys}")
        for key, value in self.content.items():
            if words is not None and key not in words:
                raise value.refuse(f"nothing: no such key here; known: {', '.join(words)}")
        return self.content

    def require(self, key: str) -> "Value":
        """Returns a member of a mapping that must be there."""
        if isinstance(self.content, dict) and key in self.content:
            return self.content[key]
        raise self.refuse(f"a mapping that has {key!r} as well")


def parse_document(text: str, *, file: str) -> Value:
    """Returns the one value that a file holds.

    Raises ScenarioInvalid.
    """
    start = Value("", "file", file, 1, 1)
    if len(text.encode(errors="replace")) > LARGEST_FILE:
        raise start.refuse(f"a text of at most {LARGEST_FILE} bytes", value=f"{len(text)} characters")
    unprintable = _UNPRINTABLE.search(text)
    if unprintable:
        line = text.count("\n", 0, unprintable.start()) + 1
        place = Value("", "file", file, line, 1)
        raise place.refuse("printable characters", value=ascii(unprintable[0]))
    try:
        return _parse(yaml.parse(text, Loader=_LOADER), file)
    except yaml.MarkedYAMLError as wrong:
        mark = wrong.problem_mark or wrong.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise _syntax_error(Value("", "file", file, line, column), wrong, text) from wrong


def _syntax_error(place: Value, wrong: yaml.MarkedYAMLError, text: str) -> ScenarioInvalid:
    """Words YAML's complaint; a bare picture is what people write wrong most."""
    lines = text.splitlines()
    row = lines[place.line - 1] if place.line <= len(lines) else ""
    hint = "; a picture must stand in quotes" if re.search(r"[:\[,]\s*\|[^\s\d+-]", row) else ""
    problem = " ".join(str(part) for part in (wrong.context, wrong.problem) if part)
    return place.refuse(f"YAML ({problem}){hint}", value=row.strip())


def _parse(events: Iterator[yaml.Event], file: str) -> Value:
    """Builds the value of the only document."""
    builder = _Builder(events, file)
    root: Value | None = None
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent) and root is not None:
            raise builder.place("file", event).refuse("one document", value="a second document")
        if isinstance(event, yaml.NodeEvent):
            root = builder.build(event, builder.place("file", event), depth=0)
    return root or Value("", "file", file, 1, 1)


class _Builder:
    """Makes values of YAML's events; recursive, but no deeper than LARGEST_DEPTH."""

    def __init__(self, events: Iterator[yaml.Event], file: str) -> None:
        self._events = events
        self._file = file

    def place(self, field: str, event: yaml.Event) -> Value:
        """Returns an empty value that stands where the event does."""
        mark = event.start_mark
        assert mark is not None, "an event that was parsed stands somewhere"
        return Value("", field, self._file, mark.line + 1, mark.column + 1)

    def build(self, event: yaml.NodeEvent, place: Value, *, depth: int) -> Value:
        """Returns the value that begins with `event`, at `place`."""
        if event.anchor is not None:
            raise place.refuse("a value without anchor or alias", value=event.anchor)
        tag = getattr(event, "tag", None)
        if tag not in (None, _NO_TAG):
            raise place.refuse("a value without tag", value=tag)
        if isinstance(event, yaml.ScalarEvent):
            return replace(place, content=event.value)
        if depth == LARGEST_DEPTH:
            raise place.refuse(f"at most {LARGEST_DEPTH} levels of lists and mappings", value="one more")
        if isinstance(event, yaml.SequenceStartEvent):
            return replace(place, content=self._list(place.field, depth + 1))
        return replace(place, content=self._mapping(place, depth + 1))

    def _list(self, field: str, depth: int) -> list[Value]:
        values: list[Value] = []
        while isinstance(event := next(self._events), yaml.NodeEvent):
            place = self.place(f"{field}[{len(values)}]", event)
            values.append(self.build(event, place, depth=depth))
        return values

    def _mapping(self, parent: Value, depth: int) -> dict[str, Value]:
        """Builds members; each stands where its key does."""
        values: dict[str, Value] = {}
        while isinstance(event := next(self._events), yaml.NodeEvent):
            key = self.build(event, self.place(parent.field, event), depth=depth)
            if not isinstance(key.content, str) or not 0 < len(key.content) <= LONGEST_KEY:
                raise key.refuse(f"a key: a text of 1 to {LONGEST_KEY} characters")
            if key.content in values:
                raise key.refuse("each key once", value=key.content)
            field = key.content if parent.field == "file" else f"{parent.field}.{key.content}"
            value = next(self._events)
            assert isinstance(value, yaml.NodeEvent), "after a key YAML always has a value"
            values[key.content] = self.build(value, replace(key, content="", field=field), depth=depth)
        return values
