"""Scenarios, and what became of them under each policy."""

from typing import Annotated

from pydantic import Field

from app.api.schemas.strict import Answer, Closed, Request
from app.api.schemas.views import Violation
from app.operations.scenarios import Wanted

MOST_POLICIES = 64
_LONGEST_POLICY = 500
_LONGEST_CASE = 200

PolicyText = Annotated[str, Field(max_length=_LONGEST_POLICY)]


class RunIn(Request):
    """What is to be played; without policies, those of which the file says something."""

    policies: Annotated[list[PolicyText], Field(max_length=MOST_POLICIES)] = Field(
        [], description="NAME or NAME+switch=value,...", examples=[["rfc-v1", "linux-6.17"]]
    )
    case: Annotated[str, Field(max_length=_LONGEST_CASE)] | None = Field(
        None, description="one case; all when left out"
    )
    steps: bool = Field(default=False, description="also tells what is seen after every section")

    def to_wanted(self) -> Wanted:
        """Returns it as the operation takes it."""
        return Wanted(policies=tuple(self.policies), case=self.case, has_steps=self.steps)


class RunOptions(Closed):
    """The same in the query, where the body is the scenario's file."""

    policy: Annotated[list[PolicyText], Field(max_length=MOST_POLICIES)] = Field(
        [], description="NAME or NAME+switch=value,...; may be repeated"
    )
    case: Annotated[str, Field(max_length=_LONGEST_CASE)] | None = Field(
        None, description="one case; all when left out"
    )
    steps: bool = Field(default=False, description="also tells what is seen after every section")

    def to_wanted(self) -> Wanted:
        """Returns it as the operation takes it."""
        return Wanted(policies=tuple(self.policy), case=self.case, has_steps=self.steps)


class ScenarioSummary(Answer):
    """A scenario that comes with the program, in short."""

    id: str
    title: str
    cases: list[str] = Field(description="names; an only case may have none")
    policies: list[str] = Field(description="those of which some case says what is expected")


class Scenarios(Answer):
    """All scenarios that come with the program."""

    scenarios: list[ScenarioSummary]


class ScenarioCase(Answer):
    """One start, who acts on it, and in which order."""

    name: str
    start: str
    actors: dict[str, str] = Field(description="what each actor does")
    schedule: str = Field(description='turns, or "every" for every order of the sections')
    fallback: list[str] | None
    policies: list[str]


class Scenario(Answer):
    """A scenario."""

    id: str
    title: str
    about: str
    cases: list[ScenarioCase]
    file: str = Field(description="its file, in YAML; one of your own has the same form")


class Moment(Answer):
    """What is seen at one moment; counters in pages."""

    results: dict[str, str] = Field(
        description='by actor: "OK", "EBUSY@isolate"; "-": not over; "WAIT": for a lock'
    )
    pfns: dict[str, int] = Field(description="by actor: the first page of its last allocation")
    pages: str
    types: str
    lists: list[str] = Field(description="free blocks in the order of the lists: order@pfn TYPE")
    nr_free: int
    nr_free_cma: int
    nr_free_highatomic: int | None = Field(description="null where the kernel has no such counter: up to 6.9")
    nr_reserved_highatomic: int
    nr_migrated: int
    findings: list[str] = Field(description="the invariants that are broken, each once")
    violations: list[Violation]
    types_lost: list[str] = Field(description="pageblock OLD->NEW")
    values: dict[str, int | str] = Field(description="a driver's report, by dotted name")


class Step(Moment):
    """The moment after one section; turn 0 is the start."""

    turn: int
    actor: str
    point: str
    pfn: int | None


class End(Moment):
    """How it ended, in one order of the sections or more."""

    order: list[str] = Field(description="who acted, section by section: the first order that ended so")
    steps: list[Step] = Field(description="empty unless steps were asked for")


class ScenarioDifference(Answer):
    """Something that is not as the file expects it."""

    what: str
    expected: str
    found: str
    where: str


class CaseOutcome(Answer):
    """What became of one case under one policy."""

    case: str
    policy: str
    agrees: bool
    is_expected: bool = Field(description="whether the file says anything of this policy")
    nr_orders: int
    nr_ends: int = Field(description="how many different ends there were")
    refusal: str | None = Field(
        description="why a case that says nothing of the policy cannot be played under it"
    )
    ends: list[End] = Field(description="of very many, the first")
    differences: list[ScenarioDifference]


class ScenarioRun(Answer):
    """What became of a scenario."""

    id: str
    title: str
    agrees: bool = Field(description="whether everything is as the file expects it")
    outcomes: list[CaseOutcome]
