"""Outcomes and steps as lines for a terminal of 80 columns; plain text, each line with a tone.

    turn 1   A isolate 4                          who did what, and where
      pages  |........|........|
                       ^^^^^^^^                   what has changed since
      types   C        I
      free   3@0 CMA
      count  free 8, cma 8
      INV-10 zone Normal, pfn 0: ...              what is broken since
      still  INV-8                                what was broken before, and is

Left out: colours (whoever prints the lines gives a tone its colour).
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from textwrap import wrap
from typing import NamedTuple

from app.scenario.judging import Difference
from app.scenario.picture import LETTERS, TYPE_LETTERS
from app.scenario.running import CaseOutcome, Step
from app.scenario.script import Case, Scenario
from app.scenario.sight import Moment, Sight
from app.scenario.wording import word_acts, word_schedule, word_start
from app.units import format_size

WIDTH = 80
_INDENT = "  "
_LABEL = 7
# What is left for a picture behind its label.
_ROOM = WIDTH - len(_INDENT) - _LABEL
# Columns of the table of policies: the policy, and what is seen.
_HEAD, _SEEN = 20, 46
_COUNTERS = {
    "nr_free": "free",
    "nr_free_cma": "cma",
    "nr_free_highatomic": "highatomic",
    "nr_reserved_highatomic": "reserved for highatomic",
}


class Tone(StrEnum):
    """How a line is meant."""

    PLAIN = "plain"
    HEADING = "heading"
    GOOD = "good"
    BAD = "bad"
    FAINT = "faint"


class Line(NamedTuple):
    """One line."""

    text: str
    tone: Tone = Tone.PLAIN


def tell_scenario(scenario: Scenario) -> Iterator[Line]:
    """Yields what a scenario asks, and with which starts, actors and schedules."""
    yield Line(f"{scenario.id}  {scenario.title}", Tone.HEADING)
    for paragraph in scenario.about.split("\n\n"):
        for text in wrap(" ".join(paragraph.split()), WIDTH - len(_INDENT)):
            yield Line(_INDENT + text)
    for case in scenario.cases:
        yield Line("")
        yield from tell_case(case)


def tell_case(case: Case) -> Iterator[Line]:
    """Yields a case's name, start, actors and schedule."""
    yield Line(f"case: {case.name}" if case.name else "the only case", Tone.HEADING)
    facts = {"start": word_start(case.start)}
    facts |= {actor.name: word_acts(actor) for actor in case.actors}
    facts["order"] = word_schedule(case.schedule)
    if case.fallback is not None:
        facts["levels"] = ", ".join(case.fallback)
    for name, fact in facts.items():
        yield from _labelled(name, fact)


def tell_outcome(outcome: CaseOutcome) -> Iterator[Line]:
    """Yields one policy's results and counters, whether they are as expected, and where not."""
    if outcome.refusal:
        yield from _row(outcome.policy, f"refused: {outcome.refusal}", Tone.FAINT, verdict="-")
    for number, end in enumerate(outcome.ends):
        seen = _summary(end.moment)
        if len(outcome.ends) > 1:
            seen = f"{seen}  ({' '.join(end.order)})"
        head = outcome.policy if not number else ""
        verdict = _verdict(outcome) if not number else ""
        yield from _row(head, seen, _tone(outcome), verdict=verdict)
    for difference in outcome.differences:
        yield from _tell_difference(difference)


def _row(head: str, seen: str, tone: Tone, *, verdict: str) -> Iterator[Line]:
    """Yields the cells in columns; what does not fit goes on below."""
    if len(head) > _HEAD:
        yield Line(_INDENT + head, tone)
        head = ""
    for text in wrap(seen, _SEEN):
        yield Line(f"{_INDENT}{head:{_HEAD}}  {text:{_SEEN}}  {verdict}".rstrip(), tone)
        head = verdict = ""


def _verdict(outcome: CaseOutcome) -> str:
    if not outcome.agrees:
        return "DIFFERS"
    return "agrees" if outcome.is_expected else "-"


def _tone(outcome: CaseOutcome) -> Tone:
    if not outcome.agrees:
        return Tone.BAD
    return Tone.GOOD if outcome.is_expected else Tone.PLAIN


def _summary(moment: Moment) -> str:
    results = [
        f"{actor} {result}" + (f" at {moment.pfns[actor]}" if actor in moment.pfns and result == "OK" else "")
        for actor, result in moment.results.items()
    ]
    parts = [", ".join(results), _reported(moment), _counted(moment), " ".join(moment.findings)]
    return "; ".join(part for part in parts if part)


def _reported(moment: Moment) -> str:
    """Returns the heart of a driver's report, if there is one."""
    values = moment.values
    if "size" not in values:
        return ""
    retry = f", retry in {int(values['retry_ms']) // 1000} s" if values["retry_ms"] else ""
    return f"size {format_size(int(values['size']))}, {values['calls']} calls{retry}"


def _counted(moment: Moment) -> str:
    """Returns the counters that the kernel has and that are not 0; free pages always."""
    counts = [(name, getattr(moment.sight, field)) for field, name in _COUNTERS.items()]
    shown = [f"{name} {count}" for name, count in counts if count or name == "free"]
    if moment.nr_migrated:
        shown.append(f"migrated {moment.nr_migrated}")
    return ", ".join(shown)


def _tell_difference(difference: Difference) -> Iterator[Line]:
    what, expected, found, where = difference
    yield from _wrapped(f"{what}, {where}:", 4, Tone.BAD)
    yield from _wrapped(f"expected  {expected}", 6, Tone.BAD)
    yield from _wrapped(f"found     {found}", 6, Tone.BAD)


def _wrapped(text: str, indent: int, tone: Tone) -> Iterator[Line]:
    for number, part in enumerate(wrap(text, WIDTH - indent - 10) or [""]):
        yield Line(" " * (indent + (10 if number else 0)) + part, tone)


# ------------------------------------------------------------------------------------------ step by step


def tell_steps(case: Case, steps: Sequence[Step]) -> Iterator[Line]:
    """Yields a picture after every step, and at the end what its letters mean."""
    acts = {actor.name: word_acts(actor) for actor in case.actors}
    before: Moment | None = None
    for step in steps:
        yield Line(_headline(step, acts), Tone.HEADING)
        yield from _tell_picture(step.moment, before)
        yield from _tell_broken(step.moment, before)
        yield Line("")
        before = step.moment
    yield from _legend(steps)
    yield Line("")


def _headline(step: Step, acts: dict[str, str]) -> str:
    if not step.turn:
        return "start"
    place = f" at {step.pfn}" if step.pfn >= 0 else ""
    result = step.moment.results[step.actor]
    over = "" if result == "-" else f" -> {result}"
    return f"turn {step.turn}  {step.actor} {step.point}{place}{over}    ({acts[step.actor]})"[:WIDTH]


def _tell_picture(moment: Moment, before: Moment | None) -> Iterator[Line]:
    sight = moment.sight
    types = _spread(sight)
    marks = _marks(sight if before is None else before.sight, sight)
    for start in range(0, len(sight.pages), _ROOM):
        end = start + _ROOM
        label = "pages" if not start else ""
        yield Line(f"{_INDENT}{label:{_LABEL}}{sight.pages[start:end]}")
        if marks[start:end].strip():
            yield Line(f"{_INDENT}{'':{_LABEL}}{marks[start:end]}".rstrip(), Tone.FAINT)
        yield Line(f"{_INDENT}{'types':{_LABEL}}{types[start:end]}".rstrip())
    if sight.lists:
        yield from _labelled("free", ", ".join(sight.lists))
    yield from _labelled("count", _counted(moment))


def _tell_broken(moment: Moment, before: Moment | None) -> Iterator[Line]:
    """Yields what is broken, in full where it was not so before."""
    known = before.sight.violations if before is not None else ()
    lost_before = before.types_lost if before is not None else ()
    for lost in moment.types_lost:
        if lost not in lost_before:
            yield from _labelled("lost", f"pageblock {lost}", Tone.BAD)
    for violation in moment.sight.violations:
        if violation not in known:
            text = f"{violation.where}: {violation.expected}; found {violation.found}"
            yield from _labelled(violation.id, text, Tone.BAD)
    still = [violation.id for violation in moment.sight.violations if violation in known]
    if still:
        yield from _labelled("still", " ".join(dict.fromkeys(still)), Tone.BAD)


def _spread(sight: Sight) -> str:
    """Returns types with each letter below the first page of its pageblock; drawn with bars they are so already."""
    if "|" in sight.types:
        return sight.types
    letters = iter(sight.types)
    pairs = zip(" " + sight.pages, sight.pages, strict=False)
    return "".join(next(letters, " ") if left == "|" != page else " " for left, page in pairs)


def _marks(before: Sight, sight: Sight) -> str:
    """Returns ^ below every page that has changed, or whose pageblock has changed its type."""
    old = zip(before.pages, _spread(before), strict=False)
    new = zip(sight.pages, _spread(sight), strict=False)
    return "".join("^" if was != now else " " for was, now in zip(old, new, strict=False))


def _legend(steps: Sequence[Step]) -> Iterator[Line]:
    pages = {letter for step in steps for letter in step.moment.sight.pages}
    types = {letter for step in steps for letter in step.moment.sight.types}
    kinds = [f"{letter} {kind.api_name}" for kind, letter in LETTERS.items() if letter in pages]
    named = [f"{letter} {kind.name.lower()}" for kind, letter in TYPE_LETTERS.items() if letter in types]
    yield from _labelled("", "pages: " + ", ".join(kinds), Tone.FAINT)
    yield from _labelled("", "types: " + ", ".join(named), Tone.FAINT)


def _labelled(label: str, text: str, tone: Tone = Tone.PLAIN) -> Iterator[Line]:
    """Yields a label and a text that goes on below."""
    for number, part in enumerate(wrap(text, _ROOM) or [""]):
        shown = label if not number else ""
        yield Line(
            f"{_INDENT}{shown:{_LABEL}}{part}" if len(shown) < _LABEL else f"{_INDENT}{shown} {part}", tone
        )
