"""Answers, written once and not checked again, and what OpenAPI says of the problems that a route may answer.

Handlers return responses, so that FastAPI neither validates nor converts what operations made;
`response_model` only documents. Tests hold the answers to their models.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import to_json
from starlette.responses import Response

from app.api.problems import BY_ERROR, BY_STATUS, MEDIA_TYPE
from app.api.schemas.catalog import Problem

Responses = dict[int | str, dict[str, Any]]

_BODY_STATUSES = (400, 413, 415, 422)
# Rows of some hundred bytes each.
_BATCH = 256


def json_answer(content: object, status: int = 200, *, location: str | None = None) -> Response:
    """Returns `content` as JSON; `location` is where what was made can be read."""
    headers = None if location is None else {"Location": location}
    return Response(to_json(content), status, headers, "application/json")


def json_parts(content: Mapping[str, object], rows: str) -> Iterator[bytes]:
    """Yields `content` as JSON, piece by piece; its member `rows` is a long list, and comes last.

    Each piece takes well below a millisecond: whoever writes them in a thread lets the event loop in between.
    """
    listed = content[rows]
    assert isinstance(listed, list)
    others = to_json({name: value for name, value in content.items() if name != rows})
    yield others[:-1] + (b"," if len(others) > len(b"{}") else b"") + to_json(rows) + b":["
    for start in range(0, len(listed), _BATCH):
        batch = to_json(listed[start : start + _BATCH])[1:-1]
        yield b"," + batch if start else batch
    yield b"]}"


def json_bytes(content: Mapping[str, object], rows: str) -> bytes:
    """Returns the pieces in one."""
    return b"".join(json_parts(content, rows))


def ready_answer(content: bytes) -> Response:
    """Returns JSON that is written already."""
    return Response(content, media_type="application/json")


def text_answer(content: str) -> Response:
    """Returns plain text."""
    return Response(content, media_type="text/plain")


def problems(*statuses: int, has_body: bool = False) -> Responses:
    """Documents the problems that a route may answer, besides those that any route may."""
    every = {*statuses, *(_BODY_STATUSES if has_body else ()), 500, 503}
    return {status: _documented(status) for status in sorted(every)}


def _documented(status: int) -> dict[str, Any]:
    """Returns OpenAPI's entry for one status: the slugs that it may have."""
    kinds = {kind.slug: kind for kind in (*BY_ERROR.values(), *BY_STATUS.values()) if kind.status == status}
    text = "; ".join(f"{kind.title} (/problems/{slug})" for slug, kind in kinds.items())
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    return {"description": text, "content": {MEDIA_TYPE: {"schema": schema}}}
