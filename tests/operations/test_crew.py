"""The crew: short calls on the loop, long ones in threads, waits that hold, and the end."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.operations.crew import Crew, ServiceStopping

Scene = Callable[[Crew], Coroutine[Any, Any, None]]


@asynccontextmanager
async def _crew(nr_threads: int = 2) -> AsyncIterator[Crew]:
    crew = Crew(inline_us=1000, nr_threads=nr_threads)
    try:
        yield crew
    finally:
        crew.stop()


def _play(scene: Scene) -> None:
    """Runs a scene with a crew on a loop of its own."""

    async def whole() -> None:
        async with _crew() as crew:
            await scene(crew)

    asyncio.run(whole())


def test_run_short_call_stays_on_the_loop() -> None:
    """A call within the budget runs in the loop's own thread."""

    async def scene(crew: Crew) -> None:
        assert await crew.run(threading.get_ident, estimate_us=1000) == threading.get_ident()

    _play(scene)


def test_run_long_call_leaves_the_loop_free() -> None:
    """A longer one runs in a thread, while the loop goes on."""

    async def scene(crew: Crew) -> None:
        release = threading.Event()
        call = asyncio.create_task(crew.run(lambda: release.wait(10), estimate_us=1001))
        await asyncio.sleep(0.01)
        assert crew.is_busy
        release.set()
        assert await call
        assert not crew.is_busy

    _play(scene)


def test_run_passes_errors_on() -> None:
    """What the call raises reaches the caller, from the loop and from a thread."""

    async def scene(crew: Crew) -> None:
        for estimate_us in (0, 5000):
            with pytest.raises(ZeroDivisionError):
                await crew.run(lambda: 1 // 0, estimate_us=estimate_us)

    _play(scene)


def test_run_cancelled_waits_for_the_thread() -> None:
    """A caller that goes away keeps its place until its call has ended: a lock around it holds."""

    async def scene(crew: Crew) -> None:
        ended = threading.Event()

        def work() -> None:
            time.sleep(0.05)
            ended.set()

        call = asyncio.create_task(crew.run(work, estimate_us=5000))
        await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert ended.is_set()

    _play(scene)


def test_stop_lets_go_of_who_waits() -> None:
    """Once stopped, a waiting caller is told at once, and nothing new begins; the thread counts as busy."""

    async def scene(crew: Crew) -> None:
        release = threading.Event()
        call = asyncio.create_task(crew.run(lambda: release.wait(10), estimate_us=5000))
        await asyncio.sleep(0.01)
        crew.stop()
        with pytest.raises(ServiceStopping):
            await call
        assert crew.is_busy
        with pytest.raises(ServiceStopping):
            await crew.run(int, estimate_us=0)
        release.set()

    _play(scene)


def test_stop_refuses_what_no_thread_has_begun() -> None:
    """A call that waits for a free thread is refused as well."""

    async def scene() -> None:
        async with _crew(nr_threads=1) as crew:
            release = threading.Event()
            calls = [
                asyncio.create_task(crew.run(lambda: release.wait(10), estimate_us=5000)) for _ in range(2)
            ]
            await asyncio.sleep(0.01)
            crew.stop()
            for call in calls:
                with pytest.raises(ServiceStopping):
                    await call
            release.set()

    asyncio.run(scene())
