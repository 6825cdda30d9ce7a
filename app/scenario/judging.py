"""What was seen against what a file expects: a list of differences, none when they agree.

Left out: how anything came about (app.scenario.running).
"""

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import fields
from typing import NamedTuple

from app.mm.checks.laws import Weight
from app.mm.checks.violation import Violation
from app.scenario.script import Expectation
from app.scenario.sight import Moment, Sight, in_order

_IN_SIGHT = ("nr_free", "nr_free_cma", "nr_free_highatomic", "nr_reserved_highatomic")


class Difference(NamedTuple):
    """Something that is not as expected; where: at which moment."""

    what: str
    expected: str
    found: str
    where: str


class Breakage(NamedTuple):
    """Which law is broken where, and whether by too high a number; the numbers may change while it lasts."""

    id: str
    where: str
    is_higher: bool


def compare(expectation: Expectation, moment: Moment, where: str) -> list[Difference]:
    """Returns what of an expectation is not so; what it does not speak of is not looked at."""
    return [
        Difference(what, expected, found, where)
        for what, expected, found in _pairs(expectation, moment)
        if expected != found
    ]


def is_met(expectation: Expectation, moment: Moment) -> bool:
    """Returns whether a moment is as expected."""
    return all(expected == found for _, expected, found in _pairs(expectation, moment))


def find_failures(sight: Sight, where: str, *, drawn: Container[Breakage]) -> list[Difference]:
    """Returns the broken laws that no kernel of this policy breaks: whatever a file says, the simulator is wrong.

    drawn: what was broken before anybody acted, which is the file's own doing as long as it lasts.
    """
    return [
        Difference(f"{violation.id} {violation.where}", violation.expected, violation.found, where)
        for violation in sight.violations
        if violation.weight is Weight.FAILURE and _name(violation) not in drawn
    ]


def find_drawn(sight: Sight) -> frozenset[Breakage]:
    """Returns what is broken at a start."""
    return frozenset(map(_name, sight.violations))


def _name(violation: Violation) -> Breakage:
    numbers = (violation.expected, violation.found)
    is_higher = all(map(str.isdecimal, numbers)) and int(violation.found) > int(violation.expected)
    return Breakage(violation.id, violation.where, is_higher)


def _pairs(expectation: Expectation, moment: Moment) -> Iterator[tuple[str, str, str]]:
    """Yields (what, expected, found) for everything that an expectation speaks of."""
    for actor, result in expectation.results.items():
        yield f"result of {actor}", result, moment.results[actor]
    for actor, pfn in expectation.pfns.items():
        yield f"pfn of {actor}", str(pfn), str(moment.pfns.get(actor, "none"))
    for name, find in _FINDERS.items():
        expected = getattr(expectation, name)
        if expected is not None:
            ordered = in_order(expected) if name == "findings" else expected
            yield name, _text(ordered), _text(find(moment))
    for name, value in expectation.values.items():
        yield name, str(value), str(moment.values.get(name, "no such value"))


def _in_sight(name: str) -> Callable[[Moment], object]:
    def find(moment: Moment) -> object:
        return getattr(moment.sight, name)

    return find


# What an expectation may speak of beside actors and values -> where it is found.
_FINDERS: dict[str, Callable[[Moment], object]] = {
    **{name: _in_sight(name) for name in ("pages", "types", "lists", *_IN_SIGHT)},
    "nr_migrated": lambda moment: moment.nr_migrated,
    "findings": lambda moment: moment.findings,
    "types_lost": lambda moment: moment.types_lost,
}
assert set(_FINDERS) | {"results", "pfns", "values"} == {field.name for field in fields(Expectation)}


def _text(value: object) -> str:
    """Returns a value as it is compared and shown: lists with commas, "none" when empty or not there at all."""
    if value is None:
        return "none"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(str(item) for item in value) or "none"
    return str(value)
