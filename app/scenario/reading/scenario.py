"""Scenario files: from the text of one to what it says, or to an error that names the line.

The format is docs/scenario-format.md's. What stands at the top of a file holds for each of its cases, unless the
case says otherwise; a file without `cases` is one case.
Kept here: a scenario that is returned is complete, and every name in it is known.
Left out: files that come with the program (app.scenario.catalog), running one (app.scenario.running).
"""

import re
from collections.abc import Mapping

from app.errors import CallerError
from app.scenario.reading.acts import read_actors, read_schedule, turns_in_order
from app.scenario.reading.document import Value, parse_document
from app.scenario.reading.expectations import read_expect
from app.scenario.reading.start import read_start
from app.scenario.script import Case, GuestStart, Place, Scenario
from app.virtio_mem.driver.fallback import parse_fallback

LARGEST_NR_CASES = 64
LONGEST_TITLE = 200
LONGEST_ABOUT = 8000
LONGEST_FALLBACK = 8
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_CASE_KEYS = ("start", "actors", "schedule", "fallback", "expect")
_TOP_KEYS = ("id", "title", "about", *_CASE_KEYS, "cases")


def read_scenario(text: str, *, file: str = "scenario") -> Scenario:
    """Returns the scenario that a file's text describes; `file` is how errors call it.

    Raises ScenarioInvalid, for the first thing that is wrong.
    """
    whole = parse_document(text, file=file)
    members = whole.mapping(_TOP_KEYS)
    name = whole.require("id")
    if not isinstance(name.content, str) or not _ID.fullmatch(name.content):
        raise name.refuse("1 to 63 letters, digits, dots, dashes or underscores")
    title = whole.require("title").text(longest=LONGEST_TITLE)
    about = members["about"].text(longest=LONGEST_ABOUT) if "about" in members else ""
    shared = {key: members[key] for key in _CASE_KEYS if key in members}
    return Scenario(name.content, title, about, _read_cases(whole, shared))


def _read_cases(whole: Value, shared: Mapping[str, Value]) -> tuple[Case, ...]:
    """Reads every case; a file without any is one that has no name."""
    if not isinstance(whole.content, dict) or "cases" not in whole.content:
        return (_read_case(whole, "", shared),)
    values = whole.content["cases"].items(shortest=1, longest=LARGEST_NR_CASES)
    cases: list[Case] = []
    for value in values:
        own = value.mapping(("name", *_CASE_KEYS))
        name = value.require("name").text(longest=LONGEST_TITLE)
        if name in [case.name for case in cases]:
            raise own["name"].refuse("a name that no other case has")
        cases.append(_read_case(value, name, {**shared, **own}))
    return tuple(cases)


def _read_case(value: Value, name: str, members: Mapping[str, Value]) -> Case:
    for key in ("start", "actors", "expect"):
        if key not in members:
            raise value.refuse(f"a case that has {key!r} as well, here or at the top")
    start, ground = read_start(members["start"])
    actors = read_actors(members["actors"], ground)
    schedule = read_schedule(members["schedule"], actors) if "schedule" in members else turns_in_order(actors)
    expect = read_expect(members["expect"], start, ground, actors=actors, schedule=schedule)
    fallback = None
    if "fallback" in members:
        if not isinstance(start, GuestStart):
            raise members["fallback"].refuse("a start that is a guest: a picture has no driver")
        fallback = _read_fallback(members["fallback"])
    at = members.get("schedule", value)
    place = Place(at.file, at.line, at.column)
    return Case(name, start, actors, schedule, expect, fallback, place)


def _read_fallback(value: Value) -> tuple[str, ...]:
    levels = tuple(item.text(longest=LONGEST_TITLE) for item in value.items(longest=LONGEST_FALLBACK))
    try:
        parse_fallback(levels)
    except CallerError as wrong:
        raise value.refuse_as(wrong) from wrong
    return levels
