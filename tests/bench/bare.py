"""The yardstick of REST: routes that do nothing but answer a fixed body, in plain FastAPI on plain uvicorn.

`python -m tests.bench.bare ROUTES ANNOUNCE`: ROUTES is a JSON file, {"GET /path/{name}": body}. Bodies are
dictionaries, as a route of a few lines would return them, and a PATCH or POST takes numbers as JSON.
"""

import asyncio
import json
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from pydantic import BaseModel


class Wanted(BaseModel):
    """The body of a PATCH or POST: a number or two."""

    requested_size: int = 0
    start_pfn: int = 0
    end_pfn: int = 0


def create_app(routes: dict[str, dict[str, Any]]) -> FastAPI:
    """Returns an application with these routes."""
    app = FastAPI()
    for route, answer in routes.items():
        method, path = route.split(" ")
        handler = _with_body(answer) if method in {"PATCH", "POST"} else _without_body(answer)
        app.add_api_route(path, handler, methods=[method])
    return app


def _without_body(answer: dict[str, Any]) -> Callable[..., Awaitable[dict[str, Any]]]:
    async def handler(request: Request) -> dict[str, Any]:
        del request
        return answer

    return handler


def _with_body(answer: dict[str, Any]) -> Callable[..., Awaitable[dict[str, Any]]]:
    async def handler(request: Request, body: Wanted) -> dict[str, Any]:
        del request, body
        return answer

    return handler


def main() -> None:
    """Serves on a free port, and writes where into ANNOUNCE."""
    routes, announcement = (Path(argument) for argument in sys.argv[1:])
    app = create_app(json.loads(routes.read_text()))
    bound = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    written = announcement.with_suffix(".part")
    written.write_text(json.dumps({"url": url, "pid": os.getpid()}))
    written.rename(announcement)
    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
    asyncio.run(uvicorn.Server(config).serve(sockets=[bound]))


if __name__ == "__main__":
    main()
