"""The servers under test, each a process of its own: vmemsim, and a bare FastAPI application beside it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.bench.wire import Connection, build

_LONGEST_START_S = 120.0
_POLL_S = 0.002
# Linux names the clock of another process's processor time so: the pid's complement, and this in the low bits.
_PROCESS_CLOCK = 2


class NotStartedError(Exception):
    """A server ended, or said nothing, before it was ready."""


class Running(NamedTuple):
    """A server that answers; `start_s` is from its process's start until it was ready."""

    url: str
    pid: int
    start_s: float

    def processor_s(self) -> float:
        """Returns the processor time that the process has used, threads that have ended included."""
        return time.clock_gettime(~self.pid << 3 | _PROCESS_CLOCK)

    def ask(self, method: str, path: str, body: object = None) -> dict[str, object]:
        """Sends one request on a connection of its own and returns the answer's JSON."""
        connection = Connection(self.url)
        try:
            answer = connection.ask(build(method, path, b"" if body is None else json.dumps(body).encode()))
        finally:
            connection.close()
        parsed: dict[str, object] = json.loads(answer)
        return parsed


@contextmanager
def vmemsim(environment: Mapping[str, str] | None = None) -> Iterator[Running]:
    """Runs `vmemsim serve` on a free port."""
    with _started(["app", "serve", "--port", "0", "--announce"], environment or {}) as running:
        yield running


@contextmanager
def bare(answers: Mapping[str, object]) -> Iterator[Running]:
    """Runs the bare application, with bodies by the names of its functions."""
    with TemporaryDirectory() as folder:
        bodies = Path(folder) / "answers.json"
        bodies.write_text(json.dumps(answers))
        with _started(["tests.bench.bare", str(bodies)], {}) as running:
            yield running


@contextmanager
def _started(command: list[str], environment: Mapping[str, str]) -> Iterator[Running]:
    with TemporaryDirectory() as folder:
        announcement = Path(folder) / "announced.json"
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", *command, str(announcement)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, **environment},
        )
        try:
            told = _wait_for(announcement, process)
            yield Running(str(told["url"]), process.pid, time.perf_counter() - start)
        finally:
            process.terminate()
            process.communicate(timeout=20)


def _wait_for(announcement: Path, process: "subprocess.Popen[bytes]") -> dict[str, object]:
    end = time.perf_counter() + _LONGEST_START_S
    while not announcement.exists():
        if process.poll() is not None or time.perf_counter() > end:
            process.kill()
            _, last_words = process.communicate()
            raise NotStartedError(last_words.decode("utf-8", "replace")[-2000:])
        time.sleep(_POLL_S)
    told: dict[str, object] = json.loads(announcement.read_text())
    return told
