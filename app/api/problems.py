"""Every error as an RFC 9457 problem: the one place that decides HTTP statuses.

A problem's `type` is a path of this service (/problems/<slug>), where GET tells what it means.
Left out: pydantic's complaints about a request's values (app.api.complaints).
"""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Route

from app.api.complaints import complaints_of, is_unparsed_body, quote
from app.errors import (
    CapacityError,
    GuestCrashed,
    GuestHung,
    GuestLimitReached,
    GuestOutOfMemory,
    InvalidValue,
    MemoryBlockUnchanged,
    ModuleRefused,
    NameTaken,
    PageLimitReached,
    RangeUnavailable,
    StateError,
    Unknown,
    VmemsimError,
)
from app.operations.crew import ServiceStopping
from app.operations.warm_up import NotReady

MEDIA_TYPE = "application/problem+json"
# Members that are sentences of ours: they are not cut.
_OWN_SENTENCES = ("accepted", "why")

_log = logging.getLogger("vmemsim")


class ProblemKind(NamedTuple):
    """One kind of problem: its status, the last part of its type, and its title."""

    status: int
    slug: str
    title: str
    meaning: str


INVALID_VALUE = ProblemKind(
    422, "invalid-value", "A value is not acceptable", "`field` names it, `accepted` says what would do."
)
UNKNOWN = ProblemKind(
    404, "unknown", "Nothing has that name", "No guest, device, allocation, policy or preset has that name."
)
STATE = ProblemKind(409, "wrong-state", "The present state does not allow it", "It may be possible later.")
NO_ROOM = ProblemKind(507, "no-room", "The service has no room for it", "A configured limit was reached.")

# Each error class, most particular first where one is a subclass of another.
BY_ERROR: dict[type[VmemsimError], ProblemKind] = {
    InvalidValue: INVALID_VALUE,
    Unknown: UNKNOWN,
    NameTaken: ProblemKind(409, "name-taken", "The name is taken", "A guest of that name exists."),
    RangeUnavailable: ProblemKind(
        409,
        "range-unavailable",
        "Pages are not in the needed state",
        "Pages named are not free, or not taken.",
    ),
    GuestOutOfMemory: ProblemKind(
        409, "guest-out-of-memory", "The guest has not that much memory", "Nothing was allocated."
    ),
    ModuleRefused: ProblemKind(
        409,
        "module-refused",
        "The kernel does not load or unload the driver now",
        "`errno` is what the kernel answers.",
    ),
    MemoryBlockUnchanged: ProblemKind(
        409,
        "memory-block-unchanged",
        "The memory block stays as it is",
        "`errno`, `reason` and `obstacle` say why; with `is_simulator_limit` Linux would still be trying.",
    ),
    GuestCrashed: ProblemKind(
        409,
        "guest-crashed",
        "The guest has crashed",
        "`reason` says of what, `since_us` when; a reboot brings it back.",
    ),
    GuestHung: ProblemKind(
        409, "guest-hung", "The guest stands still", "Nobody in it can act before it goes on."
    ),
    StateError: STATE,
    GuestLimitReached: ProblemKind(507, "guest-limit", "No more guests", "`limit` guests exist already."),
    PageLimitReached: ProblemKind(
        507, "page-limit", "No more pages", "All guests together would have more than `limit` pages."
    ),
    ServiceStopping: ProblemKind(503, "stopping", "The service is stopping", "Ask the next one."),
    NotReady: ProblemKind(503, "not-ready", "The service is not ready", "Its kernels are being compiled."),
    CapacityError: NO_ROOM,
    VmemsimError: ProblemKind(500, "internal-error", "The service failed", "A defect of the service."),
}

# What HTTP itself, or FastAPI, refuses.
BY_STATUS: dict[int, ProblemKind] = {
    400: ProblemKind(400, "malformed-body", "The body is no JSON", "It could not be parsed."),
    404: ProblemKind(404, "no-such-path", "Nothing is at this path", "openapi.json lists the paths."),
    405: ProblemKind(
        405, "method-not-allowed", "The path has no such method", "The Allow header lists them."
    ),
    406: ProblemKind(
        406,
        "not-acceptable",
        "No shape of the answer is accepted",
        "The Accept header names none that is offered.",
    ),
    413: ProblemKind(413, "body-too-large", "The body is too large", "`limit` is in bytes."),
    415: ProblemKind(
        415, "media-type", "The body has the wrong media type", "Say Content-Type: application/json."
    ),
    500: BY_ERROR[VmemsimError],
}

KINDS = {kind.slug: kind for kind in (*BY_ERROR.values(), *BY_STATUS.values())}


def problem(
    kind: ProblemKind,
    detail: str,
    *,
    instance: str,
    members: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Returns the problem as a response; members never replace RFC 9457's own five."""
    content = {
        **{name: _writable(name, member) for name, member in (members or {}).items()},
        "type": f"/problems/{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "instance": instance,
    }
    return Response(to_json(content), kind.status, headers, MEDIA_TYPE)


def _writable(name: str, member: object) -> object:
    """Returns a member as JSON can have it; objects are our own, and can be written as they are."""
    if name in _OWN_SENTENCES and isinstance(member, str):
        return member.encode("utf-8", "replace").decode()
    if isinstance(member, list):
        return [quote(item) if isinstance(item, str) else item for item in member]
    return member if isinstance(member, dict) else quote(member)


def kind_of(error: VmemsimError) -> ProblemKind:
    """Returns the kind of the error's nearest class in the table."""
    return next(BY_ERROR[cls] for cls in type(error).__mro__ if cls in BY_ERROR)


def install(app: FastAPI) -> None:
    """Makes every error of `app` a problem."""
    app.add_exception_handler(VmemsimError, _on_vmemsim_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_defect)


async def _on_vmemsim_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, VmemsimError)
    kind = kind_of(error)
    headers = {"Retry-After": "1"} if kind.status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return problem(kind, error.detail, instance=request.url.path, members=error.members, headers=headers)


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    instance = request.url.path
    media_type = request.headers.get("content-type", "")
    if is_unparsed_body(error):
        wanted = {"value": media_type, "accepted": "application/json"}
        return problem(BY_STATUS[415], f"Content-Type is {media_type!r}", instance=instance, members=wanted)
    first, *_ = complaints = complaints_of(error)
    if first.field == "body" and first.is_syntax:
        return problem(BY_STATUS[400], first.detail, instance=instance)
    members = dict(first.members)
    if len(complaints) > 1:
        members["errors"] = [complaint.members for complaint in complaints]
    return problem(INVALID_VALUE, first.detail, instance=instance, members=members)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed_methods(request))
    phrase = HTTPStatus(error.status_code).phrase
    kind = BY_STATUS.get(error.status_code) or ProblemKind(error.status_code, "http", phrase, "As HTTP says.")
    return problem(kind, _detail(request, error), instance=request.url.path, headers=headers)


def _detail(request: Request, error: HTTPException) -> str:
    """Returns a sentence where FastAPI has only the status phrase."""
    if error.status_code == HTTPStatus.NOT_FOUND:
        return f"nothing is at {request.url.path}"
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return f"{request.url.path} has no method {request.method}"
    return error.detail


def _allowed_methods(request: Request) -> list[str]:
    """Returns the methods of every route at this path: RFC 9110 wants all of them, not those of one route."""
    routes = [route for route in request.app.router.routes if isinstance(route, Route)]
    here = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    # A path that is written out is not also the path of a guest of that name.
    path = min((route.path for route in here), key=lambda path: path.count("{"))
    return sorted({method for route in here if route.path == path for method in route.methods or ()})


async def _on_defect(request: Request, error: Exception) -> Response:
    # Starlette raises the error again once this is sent, so the server's log has the traceback; the caller
    # has not.
    del error
    detail = "the service failed in a way that its authors did not foresee; its log says how"
    return problem(BY_STATUS[500], detail, instance=request.url.path)
