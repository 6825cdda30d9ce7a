"""A bell that coroutines wait for: no state, no queue, no memory of earlier strokes."""

import asyncio


class Bell:
    """Wakes everybody who waits when it is rung. Used on one event loop."""

    def __init__(self) -> None:
        """Starts without anybody waiting."""
        self._waiting: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        """Wakes those who wait now."""
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()

    async def wait(self, timeout_s: float) -> bool:
        """Returns whether the bell was rung within `timeout_s`."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        try:
            await asyncio.wait((waiting,), timeout=timeout_s)
        finally:
            self._waiting.discard(waiting)
        return waiting.done()
