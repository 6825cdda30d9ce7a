"""What both clients tell httpx, and how httpx's errors are understood. No request is made here.

Left out: TLS and proxies, where httpx's own defaults hold (its environment variables too).
"""

from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx

from clients._exchange import Call
from clients.errors import Unreachable, Unsayable

DEFAULT_URL = "http://127.0.0.1:8000"
# A long unplug answers only when it is done, so reading is patient; a connection is there at once or never.
DEFAULT_TIMEOUT_S = 600.0
_CONNECT_TIMEOUT_S = 5.0
_HEADERS = {"User-Agent": "vmemsim-client", "Accept": "application/json, application/problem+json, */*;q=0.5"}
# A proxy named in the environment cannot reach this machine's own loopback.
DIRECT = ("all://127.0.0.1", "all://localhost", "all://[::1]")


class Request(NamedTuple):
    """A call's parts as httpx names them; the upload, which each client sends in its own way, is left out."""

    method: str
    url: str
    params: tuple[tuple[str, str], ...]
    headers: dict[str, str]
    json: Any


def checked(url: str) -> str:
    """Returns `url` without a slash at its end.

    Raises Unsayable when it is no address of a web service: httpx would notice that late, or in other words.
    """
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL) as error:  # a port beyond 65535, half an IPv6 address
        raise Unsayable(f"{url!r} is no address of a service: {error}") from error
    if not is_address:
        raise Unsayable(f"{url!r} is no address of a service; it looks like {DEFAULT_URL}")
    return url.rstrip("/")


def settings(timeout_s: float) -> tuple[httpx.Timeout, dict[str, str]]:
    """Returns the time limits and the headers that every request has."""
    return httpx.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_TIMEOUT_S)), dict(_HEADERS)


def request_of(call: Call[Any]) -> Request:
    """Returns the parts of `call` as httpx names them."""
    headers = {} if call.accept is None else {"Accept": call.accept}
    if call.upload is not None:
        headers["Content-Type"] = "application/octet-stream"
        if call.upload.size is not None:
            headers["Content-Length"] = str(call.upload.size)
    return Request(call.method, call.path, call.query, headers, call.json)


def unreachable(url: str, error: httpx.HTTPError) -> Unreachable:
    """Returns the error that a failed attempt stands for, in words that say what was waited for."""
    if isinstance(error, httpx.ConnectTimeout):
        return Unreachable(url, "no connection in time")
    if isinstance(error, httpx.TimeoutException):
        return Unreachable(url, "no answer in time")
    return Unreachable(url, str(error) or type(error).__name__)
