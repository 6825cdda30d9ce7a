"""What the service answers about kernels side by side, as frozen typed values.

Tolerant as clients.models, whose values these are like.
"""

from clients.models import Answer, Outcome
from clients.scenario_models import ScenarioOutcome

FINDING = "finding"


class BrokenLaw(Answer):
    """A broken invariant; weight: "finding" where the policy's real kernels break it, else "failure"."""

    id: str
    weight: str = "failure"
    count: int = 1
    where: str = ""
    expected: str = ""
    found: str = ""

    @property
    def is_failure(self) -> bool:
        """Tells whether it is a defect of the simulator."""
        return self.weight != FINDING


class ComparisonRow(Answer):
    """What one kernel makes of the request (`outcome`) or of a scenario's case (`played`), or why it cannot be."""

    policy: str
    case: str | None = None
    fallback: tuple[str, ...] | None = None
    refusal: str | None = None
    outcome: Outcome | None = None
    played: ScenarioOutcome | None = None
    broken: tuple[BrokenLaw, ...] = ()
    broken_meanwhile: tuple[str, ...] = ()


class ComparisonStart(Answer):
    """Where all rows start: the name of a guest or a scenario, or a capture's kernel."""

    guest: str | None = None
    scenario: str | None = None
    kernel_release: str | None = None
    policy: str | None = None


class Comparison(Answer):
    """Kernels side by side."""

    start: ComparisonStart
    device: str | None = None
    size_before: int | None = None
    requested_size: int | None = None
    rows: tuple[ComparisonRow, ...]
