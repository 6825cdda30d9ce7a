"""Where core calls run: short ones on the event loop, long ones in a few threads.

The kernels release the interpreter lock; the Python around them does not, so a thread that runs it competes
with the event loop, and yields within the interpreter's switch interval (app.api.serving sets it).
Left out: who may touch which guest (app.operations.registry has the locks).
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from app.errors import CapacityError

Answer = TypeVar("Answer")


class ServiceStopping(CapacityError):
    """The service was told to stop; what was asked for is not done, or its end not waited for."""

    def __init__(self) -> None:
        """Says so."""
        super().__init__("the service is stopping; nothing new is begun")


@dataclass(eq=False)
class Crew:
    """Threads for long calls, and the rule by which a call is short: an estimate of at most `inline_us`."""

    inline_us: int
    nr_threads: int
    _threads: ThreadPoolExecutor = field(init=False)
    _stopping: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _nr_running: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        """Makes the pool; it starts its threads as they are needed."""
        self._threads = ThreadPoolExecutor(self.nr_threads, thread_name_prefix="core-call")

    @property
    def is_stopping(self) -> bool:
        """Whether stop() was called."""
        return self._stopping.is_set()

    @property
    def is_busy(self) -> bool:
        """Whether a call is still in a thread, abandoned ones included."""
        return self._nr_running > 0

    def is_long(self, estimate_us: int) -> bool:
        """Whether a call of this length leaves the loop."""
        return estimate_us > self.inline_us

    async def run(self, call: Callable[[], Answer], *, estimate_us: int) -> Answer:
        """Runs `call` on the loop if it is short, else in a thread, and returns what it returns.

        A caller that goes away does not stop a thread, so the wait goes on to the call's end: whoever holds
        a lock around run() holds it for as long as the call runs. Raises ServiceStopping once the crew was
        told to stop.
        """
        if self._stopping.is_set():
            raise ServiceStopping
        if not self.is_long(estimate_us):
            return call()
        self._nr_running += 1
        running = asyncio.get_running_loop().run_in_executor(self._threads, call)
        running.add_done_callback(self._count_down)
        return await self._wait_for(running)

    def stop(self) -> None:
        """Begins nothing new; whoever waits for a running call gets ServiceStopping at once."""
        self._stopping.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _count_down(self, ended: "asyncio.Future[Answer]") -> None:
        self._nr_running -= 1
        if not ended.cancelled():
            # Marks the error as seen: an abandoned call has nobody left to tell.
            ended.exception()

    async def _wait_for(self, running: "asyncio.Future[Answer]") -> Answer:
        """Returns the call's answer; a cancellation is kept back until the call has ended."""
        stopped = asyncio.ensure_future(self._stopping.wait())
        cancelled: asyncio.CancelledError | None = None
        try:
            while not running.done() and not self._stopping.is_set():
                try:
                    await asyncio.wait((running, stopped), return_when=asyncio.FIRST_COMPLETED)
                except asyncio.CancelledError as error:
                    cancelled = error
        finally:
            stopped.cancel()
        if cancelled is not None:
            raise cancelled
        if not running.done() or running.cancelled():
            raise ServiceStopping
        return running.result()
