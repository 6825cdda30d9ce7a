"""A service to test against: the one at VMEMSIM_URL, or a process of our own that is stopped at the end."""

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clients import wait
from clients.client import Client
from clients.errors import NotFound
from clients.models import Guest
from clients.sizes import GIB
from clients.specs import DeviceSpec, GuestSpec

ROOT = Path(__file__).parents[2]
# A cold start compiles every kernel; CI machines are slow.
START_TIMEOUT_S = 300.0
STOP_TIMEOUT_S = 20.0

MakeGuest = Callable[..., Guest]


@pytest.fixture(scope="session")
def service_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Returns the address of a service that is ready."""
    given = os.environ.get("VMEMSIM_URL")
    if given:
        with Client(given) as client:
            client.run(wait.until_ready(timeout_s=START_TIMEOUT_S))
        yield given
        return
    yield from _own_service(tmp_path_factory.mktemp("service") / "announce.json")


@pytest.fixture
def client(service_url: str) -> Iterator[Client]:
    """Returns a connected client."""
    with Client(service_url) as connected:
        yield connected


@pytest.fixture
def make_guest(client: Client) -> Iterator[MakeGuest]:
    """Returns a function that makes a guest under a name of its own; all are deleted at the end.

    Its keywords are those of GuestSpec; without, it has 1 GiB and a device of 4 GiB with 1 GiB plugged.
    """
    made: list[str] = []

    def make(**fields: Any) -> Guest:  # noqa: ANN401 - the fields of GuestSpec
        spec = {"boot_size": GIB, "devices": (DeviceSpec(size=4 * GIB, requested_size=GIB),), **fields}
        guest = client.create_guest(GuestSpec(**{"name": unique_name(), **spec}))
        made.append(guest.name)
        return guest

    yield make
    for name in made:
        try:
            client.delete_guest(name)
        except NotFound:
            continue


def unique_name() -> str:
    """Returns a name that no other test uses: the service may be shared."""
    return f"t-{uuid.uuid4().hex[:12]}"


def _own_service(announce: Path) -> Iterator[str]:
    """Starts `vmemsim serve` on a free port, yields its address, and stops it by its process."""
    command = [sys.executable, "-m", "app", "serve", "--port", "0", "--announce", str(announce)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        yield _await_announcement(process, announce)
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_announcement(process: "subprocess.Popen[bytes]", announce: Path) -> str:
    """Returns the address that the service writes once it is ready."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"the service ended with {process.returncode} before it was ready")
        if announce.exists():
            return str(json.loads(announce.read_bytes())["url"])
        time.sleep(0.05)
    pytest.fail(f"the service was not ready within {START_TIMEOUT_S:g} s")
