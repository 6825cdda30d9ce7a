"""What the service answers about faults, as frozen typed values.

Mirrors the REST API v1 (openapi.json). Times are simulated microseconds.
"""

from collections.abc import Mapping

from pydantic import JsonValue

from clients.models import Answer


class Fault(Answer):
    """A fault rule: what it says, how often it was asked (`seen`) and struck (`hits`), and why it may never strike.

    Members that its kind does not have are None.
    """

    id: int
    kind: str
    match: Mapping[str, str | int] = {}
    probability: float | None = None
    count: int | None = None
    skip: int | None = None
    seed: int | None = None
    seen: int = 0
    hits: int = 0
    is_in_force: bool = True
    warnings: tuple[str, ...] = ()


class FaultList(Answer):
    """A guest's fault rules, by number."""

    faults: tuple[Fault, ...]


class FaultMember(Answer):
    """A member that rules of a kind may have."""

    name: str
    about: str = ""
    accepted: str = ""
    is_required: bool = False
    default: JsonValue = None


class FaultKind(Answer):
    """A kind of faults; opportunity: at what it may strike, None when it begins by itself."""

    kind: str
    about: str = ""
    opportunity: str | None = None
    match: tuple[FaultMember, ...] = ()
    members: tuple[FaultMember, ...] = ()


class FaultKindList(Answer):
    """Everything that can go wrong on purpose."""

    kinds: tuple[FaultKind, ...]
