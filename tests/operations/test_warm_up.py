"""Readiness: cold at first, ready once all steps are done, failed for good where one fails."""

import asyncio
import gc

import pytest

from app.operations.warm_up import Kernels, NotReady, warm_up_now
from tests.operations.stage import say_nothing


def test_kernels_are_ready_after_their_warm_up() -> None:
    """Whoever waits goes on when they are ready, and not before."""

    async def scene() -> None:
        kernels = Kernels()
        with pytest.raises(NotReady):
            kernels.check_ready()
        was_working = [kernels.is_working]
        kernels.begin(say_nothing)
        was_working.append(kernels.is_working)
        await kernels.wait()
        kernels.check_ready()
        was_working.append(kernels.is_working)
        assert was_working == [False, True, False]

    asyncio.run(scene())


def test_kernels_that_fail_tell_everybody_why() -> None:
    """A warm-up that cannot be done is an error for whoever waits, now and later."""

    def fail(nr_done: int, nr_steps: int, where: str) -> None:
        raise OSError(28, f"no room at {nr_done} of {nr_steps}, {where}")

    async def scene() -> None:
        kernels = Kernels()
        kernels.begin(fail)
        for _ in range(2):
            with pytest.raises(OSError, match="no room"):
                await kernels.wait()

    asyncio.run(scene())


def test_warm_up_now_tells_each_step() -> None:
    """In this thread: from no step to all of them, and where kernels are kept."""
    heard: list[tuple[int, int, str]] = []
    warm_up_now(lambda nr_done, nr_steps, where: heard.append((nr_done, nr_steps, where)))
    assert [nr_done for nr_done, _, _ in heard] == list(range(heard[-1][1] + 1))
    assert all(where.startswith(("in ", "nowhere")) for _, _, where in heard)


def test_collector_works_again_after_a_warm_up_that_failed() -> None:
    """It is paused while kernels are compiled, and only then."""
    paused: list[bool] = []

    def fail(*_report: object) -> None:
        paused.append(not gc.isenabled())
        raise OSError(28, "no room")

    with pytest.raises(OSError, match="no room"):
        warm_up_now(fail)
    assert paused == [True]
    assert gc.isenabled()
