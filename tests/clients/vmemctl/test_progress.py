"""Progress: drawn on a terminal, silent elsewhere, and never in the way of the call."""

from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path
from threading import Event

import pytest
from rich.console import Console

from clients.errors import NotFound, Unreachable
from clients.models import Device, Outcome
from clients.vmemctl.progress import CHUNK_SIZE, open_upload, run_watched
from clients.vmemctl.session import Options, Session
from tests.clients import recorded

DEVICE = Device.model_validate(recorded.DEVICE)
OUTCOME = Outcome.model_validate(recorded.DONE)


def session(*, is_terminal: bool, as_json: bool = False) -> tuple[Session, StringIO]:
    """Returns a session and what its standard error gets."""
    stream = StringIO()
    err = Console(file=stream, force_terminal=is_terminal, width=100)
    return Session(Options(as_json=as_json), err=err), stream


def look_until(ended: Event, sizes: list[int]) -> Callable[[], Device]:
    """Returns a look at a device that shrinks; after the last size, `ended` is set."""

    def look() -> Device:
        size = sizes.pop(0)
        if not sizes:
            ended.set()
            sizes.append(size)
        return DEVICE.model_copy(update={"size": size, "requested_size": 0})

    return look


def test_run_watched_draws_how_the_size_moves() -> None:
    """While the call runs, the bar follows what the service tells."""
    ended = Event()

    def act() -> Outcome:
        assert ended.wait(10)
        return OUTCOME

    run, stream = session(is_terminal=True)
    look = look_until(ended, [DEVICE.size, DEVICE.size // 2, DEVICE.size // 4])
    assert run_watched(run, act, device=DEVICE, look=look) is OUTCOME
    assert "vm0 at work" in stream.getvalue()
    assert "vm0: 1 GiB of 2 GiB" in stream.getvalue()


@pytest.mark.parametrize(("is_terminal", "as_json"), [(False, False), (True, True)])
def test_run_watched_is_silent_where_nobody_looks(is_terminal: bool, as_json: bool) -> None:  # noqa: FBT001 - a table
    """A pipe and a script get no bar, and the service no question."""
    run, stream = session(is_terminal=is_terminal, as_json=as_json)

    def look() -> Device:
        raise AssertionError("nobody looks")

    assert run_watched(run, lambda: OUTCOME, device=DEVICE, look=look) is OUTCOME
    assert stream.getvalue() == ""


def test_run_watched_passes_the_calls_error_on() -> None:
    """A refusal in the thread is a refusal of the call."""
    run, _ = session(is_terminal=True)

    def act() -> Outcome:
        raise NotFound(404, "t", "no such device", {})

    with pytest.raises(NotFound, match="no such device"):
        run_watched(run, act, device=DEVICE, look=lambda: DEVICE)


def test_run_watched_bears_a_look_that_fails() -> None:
    """Only the call itself tells what is wrong: a look that fails is one frame less."""
    looked = Event()

    def act() -> Outcome:
        assert looked.wait(10)
        return OUTCOME

    def look() -> Device:
        looked.set()
        raise Unreachable("u", "busy")

    run, _ = session(is_terminal=True)
    assert run_watched(run, act, device=DEVICE, look=look) is OUTCOME


def test_run_watched_says_that_the_service_goes_on_after_ctrl_c() -> None:
    """Ctrl-C ends the watching; the call was sent and cannot be taken back."""
    done = Event()
    run, stream = session(is_terminal=True)

    def act() -> Outcome:
        done.wait(10)
        return OUTCOME

    def look() -> Device:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_watched(run, act, device=DEVICE, look=look)
    done.set()
    assert "the service goes on with it alone" in stream.getvalue()


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
