"""How a call is built: its path from a table of routes, its query, and what reads its answer. No I/O.

Left out: which calls there are (clients._calls and the modules beside it).
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias, TypeVar
from urllib.parse import quote

from clients._exchange import Call
from clients.errors import Unsayable
from clients.models import Answer
from clients.specs import Upload

Query: TypeAlias = tuple[tuple[str, str], ...]
# By the name of the call: method, and path with the names that go into it.
Routes: TypeAlias = Mapping[str, tuple[str, str]]
T = TypeVar("T")
M = TypeVar("M", bound=Answer)


class Target(NamedTuple):
    """Where a call goes."""

    method: str
    path: str


def at(routes: Routes, name: str, **names: str) -> Target:
    """Returns where the call `name` goes, `names` put into its path.

    Raises Unsayable.
    """
    method, path = routes[name]
    return Target(method, path.format_map({key: _segment(value) for key, value in names.items()}))


def call(
    target: Target,
    read: Callable[[bytes], T],
    *,
    query: Query = (),
    json: object = None,
    upload: Upload | None = None,
    accept: str | None = None,
) -> Call[T]:
    """Returns the call; `read` makes its answer of the body."""
    method, path = target
    return Call(method=method, path=path, query=query, json=json, upload=upload, accept=accept, read=read)


def query_of(**values: float | bool | str | None) -> Query:
    """Returns the values as query parameters, those that are None left out."""
    return tuple((name, _in_query(value)) for name, value in values.items() if value is not None)


def model(answer: type[M]) -> Callable[[bytes], M]:
    """Returns what reads an answer of this shape."""
    return answer.model_validate_json


def nothing(body: bytes) -> None:
    """Reads an answer without a body."""


def png(body: bytes) -> bytes:
    """Reads an image; raises ValueError for what is none."""
    if not body.startswith(b"\x89PNG"):
        raise ValueError("no PNG image")
    return body


def _in_query(value: float | bool | str) -> str:  # noqa: FBT001 - a value, not a flag
    if isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _segment(name: str) -> str:
    """Returns `name` as one path segment; "." and ".." would otherwise climb in the path.

    Raises Unsayable when it is empty: the path would then be another one.
    """
    if not name:
        raise Unsayable("a name cannot be empty")
    return quote(name, safe="") if name.strip(".") else name.replace(".", "%2E")
