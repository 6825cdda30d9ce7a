"""Whether the kernels are ready, and making them so.

They are loaded from the disk in moments, or compiled in some seconds when no warm cache is found. A guest
cannot be made before; whoever asks for one waits.
"""

import asyncio
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from app.errors import CapacityError
from app.guest.warm_up import Progress, is_cache_empty
from app.guest.warm_up import warm_up as warm_up_kernels

__all__ = ["Kernels", "NotReady", "Progress", "warm_up_now"]


class NotReady(CapacityError):
    """The kernels are still being loaded or compiled."""

    def __init__(self) -> None:
        """Says so."""
        super().__init__("the kernels are being compiled or loaded")


def warm_up_now(progress: Progress) -> None:
    """Makes the kernels ready in this thread; where all have to be compiled, a second process helps."""
    with _garbage_left_lying(), _second_process():
        warm_up_kernels(progress)


@contextmanager
def _second_process() -> Iterator[None]:
    """Lets another process compile its share, if nothing is kept yet and there is a processor for it."""
    if not is_cache_empty() or (os.cpu_count() or 1) == 1:
        yield
        return
    command = [sys.executable, "-c", "from app.guest.warm_up import warm_up_apart; warm_up_apart()"]
    # What it says goes nowhere: a share that it could not do is done here.
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - our own program
    try:
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _garbage_left_lying() -> Iterator[None]:
    """Pauses the garbage collector: it takes an eighth of the time that a compiler full of cycles needs."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class Kernels:
    """Cold, then ready or failed. Begun in any thread; waited for on an event loop."""

    def __init__(self) -> None:
        """Starts cold."""
        self._ended: Future[None] = Future()
        self._has_begun = False

    @property
    def is_working(self) -> bool:
        """Whether a thread is still making them ready."""
        return self._has_begun and not self._ended.done()

    def check_ready(self) -> None:
        """Raises NotReady while the kernels are not, and what went wrong if they will never be."""
        if not self._ended.done():
            raise NotReady
        self._ended.result()

    async def wait(self) -> None:
        """Returns once they are ready; raises what went wrong if they will never be."""
        if self._ended.done():
            self._ended.result()
            return
        # Shielded: who stops waiting does not stop the others.
        await asyncio.shield(asyncio.wrap_future(self._ended))

    def begin(self, progress: Progress) -> None:
        """Begins to make them ready, in a thread; `progress` is called there. A second time does nothing."""
        if self._has_begun:
            return
        self._has_begun = True

        def work() -> None:
            try:
                warm_up_now(progress)
            except BaseException as error:  # noqa: BLE001 - raised again in whoever waits
                self._ended.set_exception(error)
            else:
                self._ended.set_result(None)

        # A daemon: a process that is told to stop while it compiles does not wait for the compiler.
        threading.Thread(target=work, name="warm-up", daemon=True).start()
