"""The service as its callers see it: one value that holds the guests, the threads and the kernels' readiness.

Left out: what can be asked of it (the other modules of this room, one for each family of verbs).
"""

import asyncio

from app.operations.crew import Crew
from app.operations.limits import Limits
from app.operations.registry import Registry
from app.operations.warm_up import Kernels


class Service:
    """What every operation takes as its first argument. Made and used on one event loop."""

    def __init__(self, limits: Limits, crew: Crew, kernels: Kernels) -> None:
        """Starts without guests; somebody else begins to make the kernels ready, if that is not done yet."""
        self.limits = limits
        self.crew = crew
        self.kernels = kernels
        self.registry = Registry(limits, crew)
        # Held while a capture is loaded.
        self.loading = asyncio.Lock()
        # Held while a scenario is played.
        self.playing = asyncio.Lock()
        # Held while an answer is drawn: what draws it is not made for several threads.
        self.drawing = asyncio.Lock()

    def stop(self) -> None:
        """Begins nothing new, and waits for nothing."""
        self.crew.stop()

    @property
    def is_idle(self) -> bool:
        """Whether no thread works on a call, or on the kernels."""
        return not self.crew.is_busy and not self.kernels.is_working
