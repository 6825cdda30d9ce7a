"""What a failure file says: a guest, what goes wrong, what is done to it and when, and what is expected then.

Left out: reading it (app.replay.reading), doing it (app.replay.playing).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.guest.faults.rule import FaultSpec
from app.guest.spec import GuestSpec
from app.scenario.reading.document import Value

VERSION = 1


@dataclass(frozen=True)
class NamedFault:
    """A fault rule under the name by which the file speaks of it; line: where it stands."""

    name: str
    spec: FaultSpec
    line: int


@dataclass(frozen=True)
class Act:
    """Something that is done: its word, and what is said of it."""

    word: str
    members: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Expected:
    """What is expected at a moment: what is compared, by what; and whether the act is refused, with which words."""

    parts: Mapping[str, Value]
    refused: Value | None = None


@dataclass(frozen=True)
class Step:
    """One step: when (None: at once), what is done, what is expected then."""

    line: int
    at_us: int | None = None
    act: Act | None = None
    expected: Expected | None = None


@dataclass(frozen=True)
class Replay:
    """A whole file; is_instant: after each act drivers run until they rest, whatever time that takes.

    place: where the guest stands in the file.
    """

    file: str
    about: str
    place: Value
    spec: GuestSpec
    is_instant: bool
    steps: tuple[Step, ...]
    faults: tuple[NamedFault, ...] = ()
    end: Expected | None = None
