"""A bell: it wakes those who wait, and forgets."""

import asyncio
import time

from app.operations.bell import Bell


def test_ring_wakes_everybody_who_waits() -> None:
    """Two who wait are woken by one stroke; one who comes later waits for the next."""

    async def scene() -> None:
        bell = Bell()
        waiting = [asyncio.create_task(bell.wait(10)) for _ in range(2)]
        await asyncio.sleep(0)
        bell.ring()
        assert await asyncio.gather(*waiting) == [True, True]
        assert not await bell.wait(0.01)

    asyncio.run(scene())


def test_wait_ends_at_its_time_and_leaves_nothing_behind() -> None:
    """Nobody rings: the wait is over after its time, and a cancelled one as well is forgotten."""

    async def scene() -> None:
        bell = Bell()
        began = time.monotonic()
        assert not await bell.wait(0.05)
        assert time.monotonic() - began >= 0.045
        task = asyncio.create_task(bell.wait(10))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        bell.ring()
        assert bell._waiting == set()  # noqa: SLF001 - that nothing is left is the point

    asyncio.run(scene())
