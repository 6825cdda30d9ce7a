"""A service in a process of its own, for the tests that hold it to openapi.json."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# A cold start compiles every kernel.
START_TIMEOUT_S = 300.0


@pytest.fixture(scope="session")
def service_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service that is ready; it may have few guests, so that its limit is met as well."""
    file = tmp_path_factory.mktemp("contract") / "announced.json"
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--port", "0", "--announce", str(file)],
        cwd=ROOT,
        env={**os.environ, "VMEMSIM_MAX_GUESTS": "40"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not file.exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, "the service was not ready in time"
            time.sleep(0.05)
        yield json.loads(file.read_text())["url"]
    finally:
        process.terminate()
        _, said = process.communicate(timeout=30)
    assert "Traceback" not in said, said
