"""The service as its callers see it: one value that holds the guests, the threads and the kernels' readiness.

Left out: what can be asked of it (the other modules of this room, one for each family of verbs).
"""

import asyncio
import time
from collections.abc import Callable

from app.operations.bell import Bell
from app.operations.crew import Crew
from app.operations.limits import Limits
from app.operations.operation_store import OperationStore
from app.operations.registry import Registry
from app.operations.ticker import Ticker
from app.operations.warm_up import Kernels


class Service:
    """What every operation takes as its first argument. Made and used on one event loop."""

    def __init__(self, limits: Limits, crew: Crew, kernels: Kernels) -> None:
        """Starts without guests; somebody else begins to make the kernels ready, if that is not done yet."""
        self.limits = limits
        self.crew = crew
        self.kernels = kernels
        # A thread of its own: long calls do not keep realtime guests waiting.
        self.ticker = Ticker(Crew(inline_us=0, nr_threads=1))
        self.registry = Registry(limits, crew, self.ticker.schedule)
        self.operations = OperationStore(limits.max_operations)
        # Whether nobody shall wait for anything any more.
        self.is_closing = False
        # Held while a capture is loaded.
        self.loading = asyncio.Lock()
        # Held while a scenario is played.
        self.playing = asyncio.Lock()
        # Held while an answer is drawn: what draws it is not made for several threads.
        self.drawing = asyncio.Lock()

    async def wait_until(self, is_over: Callable[[], bool], bell: Bell, seconds: float) -> None:
        """Waits until something is over, of which `bell` tells, for so long at most; not while the service stops."""
        ends_at = time.monotonic() + seconds
        while not (is_over() or self.is_closing):
            left_s = ends_at - time.monotonic()
            if left_s <= 0:
                return
            await bell.wait(left_s)

    def end_waits(self) -> None:
        """Ends streams, and sends everybody home who waits for an operation: the service is about to stop."""
        self.is_closing = True
        for operation in self.operations.list(guest=None, state=None):
            operation.bell.ring()
        for entry in self.registry.entries():
            entry.news.ring()

    def stop(self) -> None:
        """Begins nothing new, and waits for nothing."""
        self.end_waits()
        self.ticker.stop()
        self.crew.stop()

    @property
    def is_idle(self) -> bool:
        """Whether no thread works on a call, or on the kernels."""
        return not (self.crew.is_busy or self.ticker.is_busy or self.kernels.is_working)
