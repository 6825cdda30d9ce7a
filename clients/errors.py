"""What can go wrong on the hypervisor side, by who must act.

    ClientError
    +-- Refused            the service answered with a problem (RFC 9457): status, title, detail, members
    |   +-- Invalid        400, 413, 422: the call can never succeed as it stands
    |   +-- NotFound       404: no guest, device or allocation of that name
    |   +-- Conflict       409: not now; the present state does not allow it
    |   +-- NoRoom         507: the service has no room for it
    +-- Unreachable        nothing answered in time, or something that is no vmemsim service
    |   +-- Unintelligible an answer that does not have the promised shape
    +-- Unsayable          a call that cannot be put into a request; nothing was sent
    +-- DeadlinePassed     what was waited for did not come about in time

A plug or an unplug that was met in part is no error: its outcome says `partial`.
"""

from collections.abc import Mapping


class ClientError(Exception):
    """Anything that this package raises on purpose."""


class Refused(ClientError):
    """The service answered, and said no."""

    def __init__(self, status: int, title: str, detail: str, members: Mapping[str, object]) -> None:
        """Keeps the problem's parts; `members` are those beyond RFC 9457's own five."""
        super().__init__(detail or title)
        self.status = status
        self.title = title
        self.detail = detail
        self.members = dict(members)

    def as_problem(self) -> dict[str, object]:
        """Returns the problem as the JSON object that a script would read."""
        return {"status": self.status, "title": self.title, "detail": self.detail, **self.members}


class Invalid(Refused):
    """The call can never succeed as it stands: 400, 413 or 422."""


class NotFound(Refused):
    """No guest, device or allocation of that name: 404."""


class Conflict(Refused):
    """The call is sound, but the present state does not allow it: 409."""


class NoRoom(Refused):
    """The service has no room for it: 507."""


class Unreachable(ClientError):
    """Nothing answered in time, or something that is no vmemsim service."""

    def __init__(self, url: str, reason: str) -> None:
        """Says which address, and what became of the attempt."""
        super().__init__(f"{url}: {reason}")
        self.url = url
        self.reason = reason


class Unintelligible(Unreachable):
    """Something answered, but not in the promised shape."""


class Unsayable(ClientError):
    """The call cannot be put into a request, as with an empty name; nothing was sent."""


class DeadlinePassed(ClientError):
    """What was waited for did not come about in time."""

    def __init__(self, awaited: str, timeout_s: float, last_seen: str) -> None:
        """Says what was waited for, how long, and how it stood at the end."""
        super().__init__(f"{awaited} did not come about within {timeout_s:g} s; last seen: {last_seen}")
        self.awaited = awaited
        self.timeout_s = timeout_s
        self.last_seen = last_seen


_BY_STATUS: Mapping[int, type[Refused]] = {
    400: Invalid,
    404: NotFound,
    409: Conflict,
    413: Invalid,
    422: Invalid,
    507: NoRoom,
}


def refusal_class(status: int) -> type[Refused]:
    """Returns the class that stands for an HTTP status of 400 or above."""
    return _BY_STATUS.get(status, Refused)
