"""Whether the kernels are ready, and making them so.

They are loaded from the disk in moments, or compiled in some seconds when no warm cache is found. A guest
cannot be made before; whoever asks for one waits.
"""

import asyncio
import contextlib
import threading

from app.errors import CapacityError
from app.guest.warm_up import Progress
from app.guest.warm_up import warm_up as warm_up_kernels

__all__ = ["Kernels", "NotReady", "Progress", "warm_up_now"]


class NotReady(CapacityError):
    """The kernels are still being loaded or compiled."""

    def __init__(self) -> None:
        """Says so."""
        super().__init__("the kernels are being compiled or loaded")


def warm_up_now(progress: Progress) -> None:
    """Makes the kernels ready in this thread."""
    warm_up_kernels(progress)


class Kernels:
    """Cold, then ready or failed. Made and used on one event loop."""

    def __init__(self) -> None:
        """Starts cold."""
        self._ended = asyncio.Event()
        self._failure: BaseException | None = None
        self._has_begun = False

    @property
    def is_working(self) -> bool:
        """Whether a thread is still making them ready."""
        return self._has_begun and not self._ended.is_set()

    def check_ready(self) -> None:
        """Raises NotReady while the kernels are not, and what went wrong if they will never be."""
        if self._failure is not None:
            raise self._failure
        if not self._ended.is_set():
            raise NotReady

    async def wait(self) -> None:
        """Returns once they are ready; raises what went wrong if they will never be."""
        await self._ended.wait()
        self.check_ready()

    def begin(self, progress: Progress) -> None:
        """Begins to make them ready, in a thread; `progress` is called there."""
        loop = asyncio.get_running_loop()

        def work() -> None:
            failure: BaseException | None = None
            try:
                warm_up_kernels(progress)
            except BaseException as error:  # noqa: BLE001 - raised again in whoever waits
                failure = error
            # The loop may have ended meanwhile; then nobody waits.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._end, failure)

        # A daemon: a process that is told to stop while it compiles does not wait for the compiler.
        threading.Thread(target=work, name="warm-up", daemon=True).start()
        self._has_begun = True

    def _end(self, failure: BaseException | None) -> None:
        self._failure = failure
        self._ended.set()
