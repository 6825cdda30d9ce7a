"""The yardstick of REST: routes with the service's parameters that do nothing but answer a fixed body.

Plain FastAPI on plain uvicorn, as a route of a few lines would be written: `python -m tests.bench.bare ANSWERS
ANNOUNCE`, where ANSWERS is a JSON file of bodies by the names of the functions below.
"""

import asyncio
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

Answer = dict[str, Any]

app = FastAPI()
answers: dict[str, Answer] = {}


class RequestedSize(BaseModel):
    """A target, in bytes."""

    requested_size: int


class Range(BaseModel):
    """A range of pages."""

    start_pfn: int
    end_pfn: int


@app.get("/v1/guests/{guest}")
async def show_guest(guest: str) -> Answer:
    """Answers."""
    del guest
    return answers["show_guest"]


@app.get("/v1/guests/{guest}/virtio-mem/{device}")
async def show_device(guest: str, device: str) -> Answer:
    """Answers."""
    del guest, device
    return answers["show_device"]


@app.patch("/v1/guests/{guest}/virtio-mem/{device}")
async def resize(guest: str, device: str, body: RequestedSize, wait: float = 0) -> Answer:
    """Answers."""
    del guest, device, body, wait
    return answers["resize"]


@app.post("/v1/guests/{guest}/alloc-contig-range")
async def take(guest: str, body: Range) -> Answer:
    """Answers."""
    del guest, body
    return answers["take"]


@app.delete("/v1/guests/{guest}/alloc-contig-range")
async def give_back(guest: str, start_pfn: int, end_pfn: int) -> Answer:
    """Answers."""
    del guest, start_pfn, end_pfn
    return answers["give_back"]


def main() -> None:
    """Serves on a free port, and writes where into ANNOUNCE."""
    bodies, announcement = (Path(argument) for argument in sys.argv[1:])
    answers.update(json.loads(bodies.read_text()))
    bound = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    written = announcement.with_suffix(".part")
    written.write_text(json.dumps({"url": url, "pid": os.getpid()}))
    written.rename(announcement)
    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
    asyncio.run(uvicorn.Server(config).serve(sockets=[bound]))


if __name__ == "__main__":
    main()
