"""What is expected of a description, part by part: only what is named is looked at.

    devices: {vm0: {size: 1GiB, driver: {state: idle}}}     members, by name
    obstacles: [{kind: pinned, bytes: ">= 2MiB"}]           each of these is somewhere in the list; []: it is empty
    condition: crashed                                      a word for a whole: its state
    ">= 2MiB"   "< 10"   "3..5"   "~ soft lockup"           at least, less, from to, contains

Kept here: an expectation of something that nothing describes is an error, not a difference.
Left out: where descriptions come from (app.replay.playing).
"""

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from app.errors import InvalidValue
from app.replay.plain import plain
from app.scenario.reading.document import Value
from app.units import format_size, parse_size

_COMPARED: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
_COMPARISON = re.compile(r"(?P<sign>>=|<=|!=|>|<)\s*(?P<number>\S.*)")
_RANGE = re.compile(r"(?P<lowest>\S+)\s*\.\.\s*(?P<highest>\S+)")
_CONTAINS = "~ "
_STATE = "state"
# Below a page nothing is a size.
_SMALLEST_SIZE = 4096


class Check(NamedTuple):
    """One thing that was expected: where, what, and what was found."""

    field: str
    line: int
    expected: str
    found: str
    agrees: bool


def check(expected: Value, found: object) -> Iterator[Check]:
    """Yields one check for each thing that `expected` names.

    Raises ScenarioInvalid when it names something that is not described, or cannot be compared with it.
    """
    if isinstance(expected.content, dict):
        yield from _check_members(expected, found)
    elif isinstance(expected.content, list):
        yield from _check_list(expected, found)
    elif isinstance(found, Mapping) and _STATE in found:
        # A word for the whole: what it is at.
        yield _checked(expected, _word(found[_STATE]), agrees=_agrees(expected, found[_STATE]))
    else:
        yield _checked(expected, _word(found), agrees=_agrees(expected, found))


def _check_members(expected: Value, found: object) -> Iterator[Check]:
    assert isinstance(expected.content, dict)
    if not isinstance(found, Mapping):
        yield _checked(expected, _word(found), agrees=False)
        return
    for key, member in expected.content.items():
        if key not in found:
            known = ", ".join(map(str, found)) or "none"
            raise member.refuse(f"what is described; known: {known}", value=key)
        yield from check(member, found[key])


def _check_list(expected: Value, found: object) -> Iterator[Check]:
    """Looks for each expected item among those found; an empty list wants an empty one."""
    assert isinstance(expected.content, list)
    items = list(found) if isinstance(found, list | tuple) else None
    if items is None:
        yield _checked(expected, _word(found), agrees=False)
        return
    if not expected.content:
        yield _checked(expected, _word(items), agrees=not items)
    for item in expected.content:
        yield _checked(item, _word(items), agrees=any(_matches(item, one) for one in items))


def _matches(expected: Value, found: object) -> bool:
    return all(one.agrees for one in check(expected, found))


def _checked(expected: Value, found: str, *, agrees: bool) -> Check:
    return Check(expected.field, expected.line, _text_of(expected), found, agrees)


def _agrees(expected: Value, found: object) -> bool:
    assert isinstance(expected.content, str)
    text = expected.content.strip()
    if isinstance(found, bool) or found is None:
        return plain(expected) is found
    if isinstance(found, int | float):
        return _compare(expected, text, found)
    if text.startswith(_CONTAINS):
        return text.removeprefix(_CONTAINS) in str(found)
    return text == str(found)


def _compare(expected: Value, text: str, found: float) -> bool:
    """Compares with a number, a size, or several."""
    comparison, between = _COMPARISON.fullmatch(text), _RANGE.fullmatch(text)
    if comparison:
        return _COMPARED[comparison["sign"]](found, _number(expected, comparison["number"]))
    if between:
        return _number(expected, between["lowest"]) <= found <= _number(expected, between["highest"])
    return found == _number(expected, text)


def _number(expected: Value, text: str) -> float:
    number = plain(Value(text, "", "", 1, 1))
    if isinstance(number, int | float) and not isinstance(number, bool):
        return number
    try:
        return parse_size(text)
    except InvalidValue as wrong:
        accepted = 'a number or a size, with >=, <=, >, < or != before it, or "from..to"'
        raise expected.refuse(accepted) from wrong


def _text_of(expected: Value) -> str:
    content = expected.content
    if isinstance(content, dict):
        return "{" + ", ".join(f"{key}: {_text_of(item)}" for key, item in content.items()) + "}"
    if isinstance(content, list):
        return "[" + ", ".join(map(_text_of, content)) + "]"
    return content


def _word(found: object) -> str:
    """Returns what was found as a person reads it, and writes it in a file."""
    if isinstance(found, bool) or found is None:
        return {True: "yes", False: "no", None: "null"}[found]
    if isinstance(found, int) and found >= _SMALLEST_SIZE and found % _SMALLEST_SIZE == 0:
        return f"{found} ({format_size(found)})"
    if isinstance(found, Mapping):
        return "{" + ", ".join(f"{key}: {_word(item)}" for key, item in found.items()) + "}"
    if isinstance(found, list | tuple):
        return "[" + ", ".join(map(_word, found)) + "]"
    return str(found)
