"""Progress on a terminal: of a file that is sent, and of memory that goes or comes while an operation is under way.

Nothing is drawn where nobody looks (a pipe, --json): then the end is simply waited for.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

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

from clients.sizes import format_size, round_size
from clients.specs import Upload
from clients.time_models import Operation
from clients.vmemctl.session import Session

CHUNK_SIZE = 1024 * 1024
STANDARD_INPUT = Path("-")
# How often the bar moves; an operation that is over sooner draws none.
_LOOK_EVERY_S = 0.2


class Begin(Protocol):
    """Begins an operation, and returns it after `wait` seconds at the latest."""

    def __call__(self, *, wait: float | None) -> Operation:
        """Begins it."""


def until_over(session: Session, begin: Begin) -> Operation:
    """Begins an operation and waits until it is over, and draws how the device's size moves meanwhile.

    Returns it earlier when nothing will happen by itself, because nobody but a caller drives the guest's clock.
    """
    operation = begin(wait=_LOOK_EVERY_S)
    if operation.is_over:
        return operation
    if session.client.show_clock(operation.guest).mode == "manual":
        session.note(
            f"the guest's clock stands still: `vmemctl advance {operation.guest} SECONDS` lets it work"
        )
        return operation
    try:
        return _watch(session, operation)
    except KeyboardInterrupt:
        session.err.print(
            f"{operation.id} goes on; `vmemctl operations {operation.id}` tells how it stands, "
            f"`vmemctl cancel {operation.id}` ends it"
        )
        raise


def _watch(session: Session, operation: Operation) -> Operation:
    """Draws how an operation goes until it is over; returns it as it is then."""
    with _size_bar(session) as bar:
        # Without a total the bar pulses: nothing is known until something has moved.
        task = bar.add_task("", total=None)
        while True:
            _draw(bar, task, operation)
            operation = session.client.show_operation(operation.id, wait=_LOOK_EVERY_S)
            if operation.is_over:
                return operation


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


def _size_bar(session: Session) -> Progress:
    columns = (SpinnerColumn(), BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    return Progress(*columns, console=session.err, transient=True, disable=not session.shows_progress)


def _draw(bar: Progress, task: TaskID, operation: Operation) -> None:
    device, moved = operation.device, operation.achieved
    if operation.state == "waiting_retry":
        told = f"{device}: {operation.reason}"
    elif moved:
        told = f"{device}: {round_size(moved)} of {round_size(operation.requested)}"
    else:
        told = f"{device} at work; {format_size(operation.size)} plugged"
    bar.update(task, total=operation.requested if moved else None, completed=moved, description=told)
