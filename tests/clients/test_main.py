"""`python -m clients` in a process of its own."""

import subprocess
import sys
from pathlib import Path

from tests.clients import recorded
from tests.clients.fake_service import FakeService

ROOT = Path(__file__).parents[2]


def test_module_is_vmemctl(service: FakeService) -> None:
    """A tree that is not installed has the command as well."""
    service.answer("GET /v1/guests", {"guests": [recorded.GUEST]})
    ended = subprocess.run(
        [sys.executable, "-m", "clients", "--url", service.url, "list"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "web" in ended.stdout
    assert ended.stderr == ""
