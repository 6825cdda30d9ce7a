"""What the service answers about scenarios, as frozen typed values.

Tolerant as clients.models, whose values these are like.
"""

from collections.abc import Mapping

from clients.models import Answer


class ScenarioSummary(Answer):
    """A scenario in short; `policies`: those of which it says what is expected."""

    id: str
    title: str
    cases: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()


class ScenarioList(Answer):
    """The scenarios that come with the service."""

    scenarios: tuple[ScenarioSummary, ...]


class Scenario(Answer):
    """A scenario; `file` is its text, from which one can start one's own."""

    id: str
    title: str
    about: str = ""
    file: str = ""


class ScenarioEnd(Answer):
    """What is seen at the end of one order of the actors' sections; counters in pages."""

    order: tuple[str, ...] = ()
    results: Mapping[str, str]
    nr_free: int
    nr_free_cma: int = 0
    findings: tuple[str, ...] = ()
    types_lost: tuple[str, ...] = ()
    # Numbers and words of a device's report by dotted name: "size", "by_level.chunk.bytes"; none without a device.
    values: Mapping[str, int | str] = {}


class ScenarioDifference(Answer):
    """Something that is not as the scenario expects it."""

    what: str
    expected: str
    found: str
    where: str = ""


class ScenarioOutcome(Answer):
    """What became of one case under one policy."""

    case: str
    policy: str
    agrees: bool
    is_expected: bool = True
    nr_orders: int = 1
    # Why a case that says nothing of the policy cannot be played under it.
    refusal: str | None = None
    ends: tuple[ScenarioEnd, ...] = ()
    differences: tuple[ScenarioDifference, ...] = ()


class ScenarioRun(Answer):
    """What became of a scenario; `agrees`: everything is as it expects."""

    id: str
    title: str
    agrees: bool
    outcomes: tuple[ScenarioOutcome, ...]
