"""The error tree, by who must act. Nothing here knows HTTP: api.problems turns each class into a status.

    VmemsimError
    +-- CallerError            the call can never succeed as it stands
    |   +-- InvalidValue       one value is wrong: which, and what would be accepted
    |   |   +-- ScenarioInvalid    it stands in a scenario file: at which line
    |   +-- Unknown            a guest, device, policy, preset or allocation that does not exist
    +-- StateError             the call is sound, but not now
    |   +-- NameTaken          a guest of that name exists, or a snapshot of the guest
    |   +-- RangeUnavailable   the pages named are not free, or not taken
    |   +-- GuestOutOfMemory   the guest has not that much memory left
    |   +-- MemoryBlockUnchanged   a memory block did not go on- or offline: why, as the kernel says
    |   +-- GuestCrashed       the guest is dead; a reboot helps
    |   +-- GuestHung          the guest stands still; it may go on
    +-- CapacityError          the service has no room
        +-- GuestLimitReached  as many guests as configured
        +-- PageLimitReached   as many pages as configured

Outcomes that the simulation is about (EBUSY, a partial unplug) are values, never exceptions.
Our own defects are AssertionErrors that name an invariant.
"""

from collections.abc import Iterable
from enum import Enum, IntEnum
from math import isfinite

# A caller's value is quoted in the error; a megabyte of it would help nobody.
_LONGEST_QUOTE = 200
# Items of a list that is quoted, and names that an error lists.
_MOST_ITEMS = 16
_MOST_NAMES = 64


def _quote(value: object) -> object:
    """Returns a value as JSON can say it; a list item by item."""
    if isinstance(value, list | tuple):
        more = [f"and {len(value) - _MOST_ITEMS} more"] * (len(value) > _MOST_ITEMS)
        return [*map(_quote_one, value[:_MOST_ITEMS]), *more]
    return _quote_one(value)


def _quote_one(value: object) -> object:
    """Returns a number as it is, and everything else as a short text; an Enum's as its value or name."""
    if value is None or isinstance(value, bool) or (isinstance(value, float) and isfinite(value)):
        return value
    if isinstance(value, bytes):
        return value[:_LONGEST_QUOTE].decode("ascii", "backslashreplace")
    if isinstance(value, int) and not isinstance(value, Enum):
        return value
    text = value.name if isinstance(value, IntEnum) else str(value)
    return text[:_LONGEST_QUOTE]


def show_value(quoted: object) -> str:
    """Returns a value that was quoted as a sentence has it: what JSON has words for as JSON does."""
    if quoted is None or isinstance(quoted, bool):
        return {None: "null", True: "true", False: "false"}[quoted]
    return f"[{', '.join(map(str, quoted))}]" if isinstance(quoted, list) else repr(quoted)


class VmemsimError(Exception):
    """An error with a sentence for people (`detail`) and numbers for programs (`members`)."""

    def __init__(self, detail: str, **members: object) -> None:
        """Keeps the sentence and the members; members must be JSON-ready."""
        super().__init__(detail)
        self.detail = detail
        self.members = members


class CallerError(VmemsimError):
    """The call can never succeed as it stands."""


class InvalidValue(CallerError):
    """One value is wrong."""

    def __init__(self, field: str, value: object, accepted: str, **members: object) -> None:
        """Names the field, quotes the value, and says what would be accepted."""
        quoted = _quote(value)
        super().__init__(
            f"{field} is {show_value(quoted)}; accepted: {accepted}",
            field=field,
            value=quoted,
            accepted=accepted,
            **members,
        )


class ScenarioInvalid(InvalidValue):
    """One value of a scenario file is wrong."""

    def __init__(
        self, field: str, value: object, accepted: str, *, file: str, line: int, column: int
    ) -> None:
        """Names the line, the field and its value, and what would be accepted; line and column count from 1."""
        super().__init__(field, value, accepted, file=file, line=line, column=column)
        self.detail = f"{file}, line {line}: {self.detail}"
        self.args = (self.detail,)


class Unknown(CallerError):
    """A name that means nothing here."""

    def __init__(self, what: str, name: object, known: Iterable[str] = ()) -> None:
        """Names what was looked for ("guest", "device", ...), under which name, and those that exist.

        Of very many the first, and how many more there are.
        """
        everything = list(known)
        names = everything[:_MOST_NAMES]
        more = len(everything) - len(names)
        hint = f"; known: {', '.join(names)}" if names else ""
        hint += f" and {more} more" if more else ""
        super().__init__(
            f"no {what} is named {str(name)[:_LONGEST_QUOTE]!r}{hint}",
            field=what,
            value=str(name)[:_LONGEST_QUOTE],
            known=names,
            **({"nr_more": more} if more else {}),
        )


class StateError(VmemsimError):
    """The call is sound, but the present state does not allow it."""


class NameTaken(StateError):
    """A guest of that name exists, or a snapshot of the guest."""

    def __init__(self, name: str, what: str = "guest") -> None:
        """Names what is there already."""
        super().__init__(f"a {what} named {name!r} exists already", field="name", value=name)


class RangeUnavailable(StateError):
    """Pages of the named range are not in the state that the call needs."""


class MemoryBlockUnchanged(StateError):
    """A memory block did not go on- or offline; errno, reason and obstacle say why."""


class ModuleRefused(StateError):
    """The guest's kernel does not load or unload a driver now."""

    def __init__(self, detail: str, errno: str) -> None:
        """Says why, and the kernel's name of the error."""
        super().__init__(detail, errno=errno)


class GuestOutOfMemory(StateError):
    """The guest has not that much memory left; nothing was allocated."""


class GuestCrashed(StateError):
    """The guest is dead, and does nothing that is asked of it."""

    def __init__(self, reason: str, *, since_us: int) -> None:
        """Says what it died of, when on its clock, and how to go on."""
        remedy = "reboot it"
        super().__init__(
            f"the guest crashed at {since_us} us of its clock: {reason}; {remedy}",
            reason=reason,
            since_us=since_us,
            remedy=remedy,
        )


class GuestHung(StateError):
    """The guest stands still, so that nobody in it can act."""

    def __init__(self, *, since_us: int) -> None:
        """Says since when on its clock, and how to go on."""
        remedy = "let time pass, remove the fault, or reboot it"
        super().__init__(
            f"the guest hangs since {since_us} us of its clock; {remedy}", since_us=since_us, remedy=remedy
        )


class CapacityError(VmemsimError):
    """The service has no room for it."""


class GuestLimitReached(CapacityError):
    """As many guests exist as the configuration allows."""

    def __init__(self, limit: int) -> None:
        """Says the limit."""
        super().__init__(f"{limit} guests exist, which is the configured limit", limit=limit)


class PageLimitReached(CapacityError):
    """All guests together would have more pages than the configuration allows."""

    def __init__(self, *, requested: int, in_use: int, limit: int) -> None:
        """Says, in pages, what was asked for, what is in use, and the limit."""
        super().__init__(
            f"{requested} pages were asked for, {in_use} of {limit} are in use",
            requested=requested,
            in_use=in_use,
            limit=limit,
        )


def at_place(error: InvalidValue, place: str) -> InvalidValue:
    """Returns the same error with its field named inside `place`: size -> devices[0].size."""
    members = dict(error.members)
    field, value, accepted = members.pop("field"), members.pop("value"), members.pop("accepted")
    return InvalidValue(f"{place}.{field}", value, str(accepted), **members)
