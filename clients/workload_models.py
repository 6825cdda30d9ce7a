"""What the service answers about workloads over time, as frozen typed values.

Mirrors the REST API v1 (openapi.json). Times are simulated microseconds.
"""

from collections.abc import Mapping

from pydantic import JsonValue

from clients.models import Answer


class PhaseProgress(Answer):
    """What has become of a phase: "waiting", "running", "done", "killed"; how much of its time has passed."""

    state: str
    elapsed_us: int = 0


class Workload(Answer):
    """A script of phases as it may be sent again, and what has become of it: "none", "running", "over".

    oom_kills: processes killed for want of memory since the guest was booted.
    """

    phases: tuple[Mapping[str, JsonValue], ...]
    repeat: bool = False
    tick_ms: int | None = None
    seed: int | None = None
    state: str
    rounds: int = 0
    progress: tuple[PhaseProgress, ...] = ()
    oom_kills: int = 0
