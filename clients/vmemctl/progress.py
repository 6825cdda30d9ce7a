"""Progress on a terminal: of a file that is sent, and of memory that goes or comes while a call runs.

Nothing is drawn where nobody looks (a pipe, --json): then the call is simply made.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import BinaryIO

import typer
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from clients.errors import ClientError
from clients.models import Device, Outcome
from clients.sizes import round_size
from clients.specs import Upload
from clients.vmemctl.session import Session

CHUNK_SIZE = 1024 * 1024
STANDARD_INPUT = Path("-")
# How often the bar moves; a call that ends sooner draws none.
_LOOK_EVERY_S = 0.2


def run_watched(
    session: Session, act: Callable[[], Outcome], *, device: Device, look: Callable[[], Device]
) -> Outcome:
    """Runs `act`, and draws how the device's size moves meanwhile, as far as the service tells."""
    if not session.shows_progress:
        return act()
    running = _in_thread(act)
    try:
        if not _ends_within(running, _LOOK_EVERY_S):
            with _size_bar(session) as bar:
                _draw_until_done(bar, running, device=device, look=look)
    except KeyboardInterrupt:
        session.note("the service goes on with it alone; `vmemctl show` tells how it stands")
        raise
    return running.result()


@contextmanager
def open_upload(session: Session, path: Path) -> Iterator[Upload]:
    """Opens a file, or standard input for "-", as a body that draws its progress as it is sent."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TimeElapsedColumn(),
    )
    with (
        _open_binary(path) as stream,
        Progress(*columns, console=session.err, transient=True, disable=not session.shows_progress) as bar,
    ):
        size = None if path == STANDARD_INPUT else path.stat().st_size
        task = bar.add_task("sending", total=size)
        yield Upload(_read_chunks(stream, lambda nr_bytes: _sent(bar, task, nr_bytes)), size)


@contextmanager
def _open_binary(path: Path) -> Iterator[BinaryIO]:
    if path == STANDARD_INPUT:
        yield typer.get_binary_stream("stdin")
        return
    with path.open("rb") as stream:
        yield stream


def _read_chunks(stream: BinaryIO, on_read: Callable[[int], None]) -> Iterator[bytes]:
    """Yields the stream piece by piece, so that a large capture is never whole in memory."""
    while chunk := stream.read(CHUNK_SIZE):
        yield chunk
        on_read(len(chunk))


def _sent(bar: Progress, task: TaskID, nr_bytes: int) -> None:
    bar.advance(task, nr_bytes)
    if bar.tasks[0].finished:
        bar.update(task, description="sent; the service loads it")


def _in_thread(act: Callable[[], Outcome]) -> "Future[Outcome]":
    """Starts `act` in a thread that does not keep the program alive after Ctrl-C."""
    running: Future[Outcome] = Future()

    def carry_out() -> None:
        try:
            running.set_result(act())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits, which raises it
            running.set_exception(error)

    Thread(target=carry_out, name="vmemctl-call", daemon=True).start()
    return running


def _ends_within(running: "Future[Outcome]", seconds: float) -> bool:
    try:
        running.exception(timeout=seconds)
    except TimeoutError:
        return False
    return True


def _size_bar(session: Session) -> Progress:
    columns = (SpinnerColumn(), BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    return Progress(*columns, console=session.err, transient=True)


def _draw_until_done(
    bar: Progress, running: "Future[Outcome]", *, device: Device, look: Callable[[], Device]
) -> None:
    # Without a total the bar pulses: nothing is known until the service says that something moved.
    task = bar.add_task(f"{device.id} at work", total=None)
    while not _ends_within(running, _LOOK_EVERY_S):
        try:
            now = look()
        except ClientError:
            continue  # the call itself will tell what is wrong
        if now.size != device.size:
            total, moved = abs(now.requested_size - device.size), abs(now.size - device.size)
            told = f"{device.id}: {round_size(moved)} of {round_size(total)}"
            bar.update(task, total=total, completed=min(moved, total), description=told)
