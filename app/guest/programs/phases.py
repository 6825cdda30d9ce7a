r"""What a guest's programs do over time, as a script of phases: grow, churn, leak, release, hold.

    memory of a label
        |      ____churn____
        |   __/             \__            ___ ...
        |__/ grow     release  \__hold____/ again
        +--------------------------------------------> simulated time

Kept here: plain data; a script is over when its last phase is, or begins again, or ends with the memory of the guest.
Left out: reading one from JSON (app.guest.programs.phase_json), and doing it (app.guest.programs.workload_player).
"""

from dataclasses import dataclass
from enum import StrEnum

from app.mm.page import PageKind

NS_PER_S = 1_000_000_000
DEFAULT_TICK_NS = NS_PER_S
# Parts in which the fraction of a churn is counted.
MILLION = 1_000_000


class Do(StrEnum):
    """What a phase does."""

    # Allocates pages evenly over its time.
    GROW = "grow"
    # Frees random pages of its labels all the time, and allocates as many anew.
    CHURN = "churn"
    # Allocates at a rate until it is stopped, or killed.
    LEAK = "leak"
    # Frees random pages evenly over its time.
    RELEASE = "release"
    # Does nothing for a time.
    HOLD = "hold"


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One phase; labels name the allocations that it works on: of one but for churn, which may have several.

    Amounts are bytes, times simulated nanoseconds.
    """

    do: Do
    labels: tuple[str, ...] = ()
    kind: PageKind = PageKind.ANON
    # None: the kind's own.
    order: int | None = None
    # grow, release: by how much; grow: up to how much the label has then.
    by: int | None = None
    to: int | None = None
    # release: of what the label has when it begins, in millionths; churn: a second.
    millionths: int = 0
    # grow, leak: bytes a second.
    rate: int | None = None
    # None: until it is stopped, or as long as grow takes at its rate.
    duration_ns: int | None = None
    # The next phase does not wait for this one.
    is_background: bool = False
    # A process that was killed starts anew.
    restarts: bool = False

    @property
    def is_endless(self) -> bool:
        """Whether it goes on until somebody stops it."""
        return self.duration_ns is None and self.do in {Do.CHURN, Do.LEAK}

    @property
    def labels_made(self) -> tuple[str, ...]:
        """The allocations that it makes where there are none."""
        return self.labels if self.do in {Do.GROW, Do.LEAK} else ()

    @property
    def labels_used(self) -> tuple[str, ...]:
        """The allocations that must be there."""
        return self.labels if self.do in {Do.CHURN, Do.RELEASE} else ()


@dataclass(frozen=True, kw_only=True)
class Script:
    """Phases in order; `tick_ns`: how often a phase that runs acts, `seed`: None for the guest's own."""

    phases: tuple[Phase, ...]
    repeats: bool = False
    tick_ns: int = DEFAULT_TICK_NS
    seed: int | None = None
