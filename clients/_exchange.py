"""One call and its reply, without any I/O: what goes out, what came back, and what it means.

A `Call` says everything that a transport needs, and how its reply is read; a `Procedure` is a conversation of
several calls and pauses (clients.wait). Both clients drive both, so nothing is written twice.
Left out: which calls there are (clients._calls), sockets and clocks (clients.client, clients.async_client).
"""

import inspect
import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from clients.errors import ClientError, Refused, Unintelligible, refusal_class
from clients.specs import Upload

T = TypeVar("T")

# A proxy's error page is quoted in the error; a megabyte of it would help nobody.
_LONGEST_QUOTE = 200
_PROBLEM_MEMBERS = frozenset({"type", "title", "status", "detail", "instance"})


class Reply(NamedTuple):
    """What came back over HTTP."""

    status: int
    body: bytes
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Call(Generic[T]):
    """One request, and how its reply is read. At most one of `json` and `upload` is set."""

    method: str
    path: str
    read: Callable[[bytes], T]
    query: tuple[tuple[str, str], ...] = ()
    json: object = None
    upload: Upload | None = None
    # The media type that is wanted, where there are several.
    accept: str | None = None

    def answer(self, reply: Reply) -> T:
        """Returns what the reply means.

        Raises Refused, or a subclass, for a status of 400 or above; Unintelligible for any other but 2xx, and
        for a body that does not have the promised shape.
        """
        if reply.status >= HTTPStatus.BAD_REQUEST:
            raise refusal(reply)
        if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
            raise Unintelligible(reply.url, f"status {reply.status} is none that the service answers")
        try:
            return self.read(reply.body)
        except ValueError as error:  # json's, pydantic's and unicode's errors are all ValueErrors
            raise Unintelligible(reply.url, f"not the promised shape: {_shorten(str(error))}") from error


class Pause(NamedTuple):
    """A step of a procedure at which nothing happens."""

    seconds: float


class Done(NamedTuple, Generic[T]):
    """The end of a procedure."""

    result: T


# What a client drives: it is sent each call's answer, or thrown the call's ClientError.
Procedure: TypeAlias = Generator[Call[Any] | Pause, Any, T]


def advance(procedure: Procedure[T], last: object) -> Call[Any] | Pause | Done[T]:
    """Gives `procedure` what its last step brought (at first None) and returns the next."""
    try:
        return procedure.throw(last) if isinstance(last, ClientError) else procedure.send(last)
    except StopIteration as end:
        return Done(end.value)


def refusal(reply: Reply) -> Refused:
    """Returns the error that a reply of status 400 or above stands for, be it an RFC 9457 problem or not."""
    problem = _problem(reply.body)
    title = str(problem.get("title") or _phrase(reply.status))
    detail = str(problem.get("detail") or "")
    members = {name: value for name, value in problem.items() if name not in _PROBLEM_MEMBERS}
    return refusal_class(reply.status)(reply.status, title, detail, members)


def as_method(build: Callable[..., object], method: Callable[..., object]) -> None:
    """Makes `method` read, in help() and editors, like the call that it sends."""
    parameters = list(inspect.signature(build).parameters.values())
    first = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    method.__name__ = build.__name__
    method.__doc__ = build.__doc__
    vars(method)["__signature__"] = inspect.Signature([first, *parameters])


def _problem(body: bytes) -> Mapping[str, object]:
    try:
        problem = json.loads(body)
    except ValueError:
        return {"detail": _shorten(body.decode("utf-8", "replace"))}
    return problem if isinstance(problem, dict) else {"detail": _shorten(json.dumps(problem))}


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"status {status}"


def _shorten(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _LONGEST_QUOTE else words[:_LONGEST_QUOTE] + "..."
