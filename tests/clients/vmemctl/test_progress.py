"""Progress: drawn on a terminal, silent elsewhere, and never in the way of the operation."""

from io import BytesIO, StringIO
from pathlib import Path

import pytest
from rich.console import Console

from clients.client import Client
from clients.errors import NotFound
from clients.time_models import Operation
from clients.vmemctl.progress import CHUNK_SIZE, open_upload, until_over
from clients.vmemctl.session import Options, Session
from tests.clients import recorded_time
from tests.clients.fake_service import FakeService

SHOW = "GET /v1/operations/op-7"
RUNNING = Operation.model_validate(recorded_time.RUNNING)


def session(url: str = "", *, is_terminal: bool, as_json: bool = False) -> tuple[Session, StringIO]:
    """Returns a session and what its standard error gets."""
    stream = StringIO()
    err = Console(file=stream, force_terminal=is_terminal, width=120)
    return Session(Options(url=url, as_json=as_json), err=err), stream


def begin(*, wait: float | None) -> Operation:
    """Begins an operation that is not over soon."""
    del wait
    return RUNNING


@pytest.fixture
def realtime(service: FakeService) -> FakeService:
    """Returns a service of a guest whose clock runs; its operation waits, then ends in part."""
    service.answer("GET /v1/guests/web/clock", recorded_time.CLOCK)
    service.answer(SHOW, recorded_time.WAITING, delay_s=0.2)
    service.answer(SHOW, {**recorded_time.RUNNING, "achieved": 0}, delay_s=0.2)
    service.answer(SHOW, recorded_time.PARTIAL)
    return service


def test_until_over_draws_how_the_operation_goes(realtime: FakeService) -> None:
    """What has moved of what was asked, why it waits, and that it works."""
    run, stream = session(realtime.url, is_terminal=True)
    assert until_over(run, begin).state == "partial"
    drawn = stream.getvalue()
    assert "vm0: 64 MiB of 128 MiB" in drawn
    assert "held by unmovable" in drawn
    assert "vm0 at work" in drawn
    run.close()


@pytest.mark.parametrize(("is_terminal", "as_json"), [(False, False), (True, True)])
def test_until_over_is_silent_where_nobody_looks(
    realtime: FakeService,
    is_terminal: bool,  # noqa: FBT001 - a table
    as_json: bool,  # noqa: FBT001 - a table
) -> None:
    """A pipe and a script get no bar, and the end all the same."""
    run, stream = session(realtime.url, is_terminal=is_terminal, as_json=as_json)
    assert until_over(run, begin).state == "partial"
    assert stream.getvalue() == ""
    run.close()


def test_until_over_passes_a_refusal_on() -> None:
    """A resize that is refused has no progress."""
    run, _ = session(is_terminal=True)

    def refuse(*, wait: float | None) -> Operation:
        del wait
        raise NotFound(404, "t", "no such device", {})

    with pytest.raises(NotFound, match="no such device"):
        until_over(run, refuse)


def test_ctrl_c_leaves_the_operation_and_says_its_id(
    realtime: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on alone; how to look at it and how to end it is told."""

    def interrupt(_client: Client, _operation: str, *, wait: float) -> Operation:
        del wait
        raise KeyboardInterrupt

    monkeypatch.setattr(Client, "show_operation", interrupt)
    run, stream = session(realtime.url, is_terminal=False)
    with pytest.raises(KeyboardInterrupt):
        until_over(run, begin)
    assert "op-7 goes on" in stream.getvalue()
    assert "vmemctl cancel op-7" in stream.getvalue()
    run.close()


def test_open_upload_streams_a_file_in_chunks(tmp_path: Path) -> None:
    """A capture is never whole in memory; its size is announced."""
    path = tmp_path / "host.vmem"
    path.write_bytes(b"x" * (CHUNK_SIZE + 5))
    run, stream = session(is_terminal=True)
    with open_upload(run, path) as upload:
        assert upload.size == CHUNK_SIZE + 5
        assert [len(chunk) for chunk in upload.chunks] == [CHUNK_SIZE, 5]
    assert "the service loads it" in stream.getvalue()


def test_open_upload_reads_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ssh host python3 capture.py -o - | vmemctl create --from -` needs no file."""

    class Input:
        buffer = BytesIO(b"capture")

    monkeypatch.setattr("sys.stdin", Input())
    run, stream = session(is_terminal=False)
    with open_upload(run, Path("-")) as upload:
        assert upload.size is None
        assert b"".join(upload.chunks) == b"capture"
    assert stream.getvalue() == ""
