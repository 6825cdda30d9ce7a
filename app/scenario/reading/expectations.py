"""What every policy must show, from a file.

    expect:
      rfc-v1: {A: OK, R: OK at 0, nr_free: 7, findings: [INV-8], after: {1: {findings: [INV-10]}}}
      linux-5.19..linux-6.6 remedy-full: {A: OK, R: OK at 0, nr_free: 3, findings: []}

Kept here: a policy is named once in a case, and what is expected can be seen on the start.
Left out: comparing it with what is seen (app.scenario.judging).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from app.errors import CallerError, InvalidValue
from app.mm.outcome import Errno
from app.mm.page import Migratetype
from app.mm.policies.policy import POLICIES
from app.mm.policies.policy_text import parse_policy
from app.scenario.picture import LARGEST_NR_PAGES, TYPE_LETTERS, read_picture
from app.scenario.reading.document import Value
from app.scenario.reading.start import LONGEST_PICTURE, Ground
from app.scenario.script import (
    EVERY_INTERLEAVING,
    Actor,
    Expectation,
    GuestStart,
    PictureStart,
    PolicyExpectation,
    Turn,
)

LARGEST_NR_POLICIES = 64
LARGEST_NR_STRANDS = 64
LARGEST_NR_VALUES = 64
LARGEST_INVARIANT = 30
LONGEST_TEXT = 200
LARGEST_COUNT = 1 << 30
# What an actor may answer, beside the kernel's codes: it waits for a lock, it is under way, there was nothing to do.
RESULTS = ("OK", *(str(errno) for errno in Errno if errno is not Errno.OK), "WAIT", "-", "NONE")
STEPS = ("isolate", "migrate", "test", "take")
_RANGE = ".."
_PLUS = "+"
_RELEASE = "linux-"
_RESULT = re.compile(r"(?P<result>[A-Z-]+)(?:@(?P<step>[a-z]+))?(?: at (?P<pfn>\d{1,9}))?", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,15}", re.ASCII)
_TYPE = "|".join(migratetype.name for migratetype in Migratetype)
_COUNTERS = ("nr_free", "nr_free_cma", "nr_free_highatomic", "nr_reserved_highatomic", "nr_migrated")


class _Form(NamedTuple):
    """What each text of a list must look like."""

    pattern: re.Pattern[str]
    accepted: str


_PATTERNS = {
    "lists": _Form(
        re.compile(rf"\d{{1,2}}@\d{{1,9}} ({_TYPE})", re.ASCII), "ORDER@PFN TYPE, such as 3@0 MOVABLE"
    ),
    "findings": _Form(
        re.compile("|".join(f"INV-{number}" for number in range(1, LARGEST_INVARIANT + 1))),
        f"INV-1 to INV-{LARGEST_INVARIANT}",
    ),
    "types_lost": _Form(
        re.compile(rf"\d{{1,9}} ({_TYPE})->({_TYPE})", re.ASCII),
        "PAGEBLOCK OLD->NEW, such as 0 RECLAIMABLE->MOVABLE",
    ),
}
_SIGHTS = ("pages", "types", *_PATTERNS, *_COUNTERS, "values")


class _Scene(NamedTuple):
    """What an expectation may speak of."""

    start: PictureStart | GuestStart
    ground: Ground
    actors: tuple[str, ...]
    nr_turns: int
    is_every: bool


def read_expect(
    value: Value,
    start: PictureStart | GuestStart,
    ground: Ground,
    *,
    actors: tuple[Actor, ...],
    schedule: tuple[Turn, ...] | str,
) -> tuple[PolicyExpectation, ...]:
    """Returns what is expected, in the order of the file.

    Raises ScenarioInvalid.
    """
    is_every = schedule == EVERY_INTERLEAVING
    names = tuple(actor.name for actor in actors)
    scene = _Scene(start, ground, names, 0 if is_every else len(schedule), is_every)
    rows: list[PolicyExpectation] = []
    named: set[str] = set()
    for key, member in value.mapping(longest=LARGEST_NR_POLICIES).items():
        policies = tuple(_read_policies(member, key))
        again = named & set(policies)
        if again or len(set(policies)) < len(policies):
            raise member.refuse("each policy once in a case", value=", ".join(sorted(again)) or key)
        named |= set(policies)
        if len(named) > LARGEST_NR_POLICIES:
            raise member.refuse(f"at most {LARGEST_NR_POLICIES} policies in a case")
        rows.append(_read_row(member, policies, scene))
    return tuple(rows)


def _read_policies(value: Value, text: str) -> Iterator[str]:
    """Yields the canonical texts of the policies that a key names."""
    if not text.split():
        raise value.refuse("one or more policies")
    for word in text.split():
        first, dots, rest = word.partition(_RANGE)
        last, plus, changes = rest.partition(_PLUS)
        try:
            for name in _releases(first, last) if dots else (word,):
                yield parse_policy(f"{name}{plus}{changes}").name
        except CallerError as wrong:
            raise value.refuse_as(wrong) from wrong


def _releases(first: str, last: str) -> list[str]:
    """Returns the presets from one release to another, both included."""
    releases = [name for name in POLICIES if name.startswith(_RELEASE)]
    for name in (first, last):
        if name not in releases:
            raise InvalidValue("release", name, f"one of {', '.join(releases)}")
    names = releases[releases.index(first) : releases.index(last) + 1]
    if not names:
        raise InvalidValue("release", f"{first}{_RANGE}{last}", "the older release first")
    return names


def _read_row(value: Value, policies: tuple[str, ...], scene: _Scene) -> PolicyExpectation:
    others = ("some",) if scene.is_every else ("after",)
    members = value.mapping((*scene.actors, *_SIGHTS, *others))
    after: dict[int, Expectation] = {}
    some: tuple[Expectation, ...] = ()
    if "after" in members:
        for key, moment in members["after"].mapping(longest=scene.nr_turns + 1).items():
            after[_read_turn(moment, key, scene.nr_turns)] = _read_moment(moment, scene)
    if "some" in members:
        strands = members["some"].items(shortest=1, longest=LARGEST_NR_STRANDS)
        some = tuple(_read_moment(strand, scene) for strand in strands)
    return PolicyExpectation(policies, _read_sights(members, scene), after, some)


def _read_turn(value: Value, key: str, nr_turns: int) -> int:
    number = replace(value, content=key).integer(0, nr_turns)
    if key != str(number):
        raise value.refuse(f"the number of a turn, 0 (the start) to {nr_turns}", value=key)
    return number


def _read_moment(value: Value, scene: _Scene) -> Expectation:
    return _read_sights(value.mapping((*scene.actors, *_SIGHTS)), scene)


def _read_sights(members: Mapping[str, Value], scene: _Scene) -> Expectation:
    """Reads results by actor, and what memory looks like."""
    results: dict[str, str] = {}
    pfns: dict[str, int] = {}
    for name in scene.actors:
        if name in members:
            results[name], pfn = _read_result(members[name])
            if pfn is not None:
                pfns[name] = pfn
    counters = {
        name: members[name].integer(-LARGEST_COUNT, LARGEST_COUNT) for name in _COUNTERS if name in members
    }
    lists = {name: _read_texts(members[name], _PATTERNS[name]) for name in _PATTERNS if name in members}
    return Expectation(
        results=results,
        pfns=pfns,
        pages=_read_pages(members["pages"], scene) if "pages" in members else None,
        types=_read_types(members["types"], scene) if "types" in members else None,
        values=_read_values(members["values"]) if "values" in members else {},
        **lists,  # type: ignore[arg-type]  # the names are those of its members
        **counters,  # type: ignore[arg-type]  # as above
    )


def _read_result(value: Value) -> tuple[str, int | None]:
    """Returns a result, and the page where an allocation landed: "OK at 4"."""
    match = _RESULT.fullmatch(value.text(longest=LONGEST_TEXT))
    if match is None or match["result"] not in RESULTS or match["step"] not in (None, *STEPS):
        accepted = (
            f"one of {', '.join(RESULTS)}, such as EBUSY@isolate (or {', '.join(STEPS[1:])}) or OK at 4"
        )
        raise value.refuse(accepted)
    step = f"@{match['step']}" if match["step"] else ""
    return match["result"] + step, None if match["pfn"] is None else int(match["pfn"])


def _read_texts(value: Value, form: _Form) -> tuple[str, ...]:
    texts = tuple(item.text(longest=LONGEST_TEXT) for item in value.items(longest=LARGEST_NR_PAGES))
    for item, text in zip(value.items(longest=LARGEST_NR_PAGES), texts, strict=True):
        if not form.pattern.fullmatch(text):
            raise item.refuse(form.accepted)
    return texts


def _read_pages(value: Value, scene: _Scene) -> str:
    """Returns a picture that fits the start's, in one row."""
    text = value.text(longest=LONGEST_PICTURE)
    if isinstance(scene.start, GuestStart):
        return text
    try:
        drawing = read_picture(PictureStart(text, chunk_shift=scene.start.chunk_shift))
    except InvalidValue as wrong:
        raise value.refuse_as(wrong) from wrong
    if drawing.geometry != scene.ground.geometry or drawing.nr_pages != scene.ground.nr_pages:
        raise value.refuse("a picture of as many pageblocks, of as many pages, as the start")
    rows = [row.strip() for row in text.splitlines()]
    return rows[0] + "".join(row[1:] for row in rows[1:])


def _read_types(value: Value, scene: _Scene) -> str:
    text = value.text(longest=LARGEST_NR_PAGES)
    if isinstance(scene.start, GuestStart):
        return text
    nr_blocks = scene.ground.nr_pages >> scene.ground.geometry.pageblock_order
    if len(text) != nr_blocks or set(text) - set(TYPE_LETTERS.values()):
        letters = " ".join(TYPE_LETTERS.values())
        raise value.refuse(f"a letter of {letters} for each of {nr_blocks} pageblocks")
    return text


def _read_values(value: Value) -> dict[str, int | str]:
    """Reads numbers and words by dotted name."""
    values: dict[str, int | str] = {}
    for name, member in value.mapping(longest=LARGEST_NR_VALUES).items():
        text = member.text(longest=LONGEST_TEXT)
        values[name] = int(text) if _NUMBER.fullmatch(text) else text
    return values
