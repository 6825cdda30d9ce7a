"""What the client's tests share: a fake service, and vmemctl run in this process."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from clients.cli import main
from tests.clients.fake_service import FakeService, run_service


class Run(NamedTuple):
    """How a run of vmemctl ended, and what it said."""

    code: int
    out: str
    err: str


Vmemctl = Callable[..., Run]


@pytest.fixture
def service() -> Iterator[FakeService]:
    """Runs a fake service for one test."""
    with run_service() as fake:
        yield fake


@pytest.fixture
def vmemctl(
    service: FakeService, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Vmemctl:
    """Returns a function that runs vmemctl against the fake service and returns how it ended."""
    monkeypatch.setenv("VMEMSIM_URL", service.url)
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> Run:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        out, err = capsys.readouterr()
        return Run(int(ended.value.code or 0), out, err)

    return run
