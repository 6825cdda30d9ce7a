"""Waiting, driven by hand: a clock that only this file moves, and no socket."""

import math
from typing import Any

import pytest

from clients import _time_calls
from clients._exchange import Call, Done, Pause, Procedure, advance
from clients.errors import DeadlinePassed, NotFound, Refused, Unreachable
from clients.models import Device
from clients.sizes import GIB
from clients.time_models import Operation
from clients.wait import until_over, until_ready, until_size
from tests.clients import recorded, recorded_time

NOT_READY = Refused(503, "not ready", "kernels are being compiled", {})


class Clock:
    """Time that passes only in pauses."""

    def __init__(self) -> None:
        """Starts at nought."""
        self.now = 0.0

    def __call__(self) -> float:
        """Returns the time."""
        return self.now


def drive(procedure: Procedure[Any], clock: Clock, answers: list[object]) -> tuple[object, list[float]]:
    """Runs a procedure on prepared answers, the last of which repeats; returns its result and its pauses."""
    pauses: list[float] = []
    step = advance(procedure, None)
    while not isinstance(step, Done):
        if isinstance(step, Pause):
            clock.now += step.seconds
            pauses.append(step.seconds)
            step = advance(procedure, None)
            continue
        assert isinstance(step, Call)
        step = advance(procedure, answers.pop(0) if len(answers) > 1 else answers[0])
    return step.result, pauses


def device(size: int) -> Device:
    """Returns a device with `size` bytes plugged."""
    return Device.model_validate({**recorded.DEVICE, "size": size})


def test_until_ready_bears_what_time_may_cure() -> None:
    """Nothing listens yet, then kernels are loading, then it is ready."""
    clock = Clock()
    answers: list[object] = [Unreachable("u", "refused"), NOT_READY, None]
    result, pauses = drive(until_ready(timeout_s=10, clock=clock), clock, answers)
    assert result is None
    assert len(pauses) == 2


def test_until_ready_gives_up_on_what_time_cannot_cure() -> None:
    """A service without /readyz will not get one."""
    with pytest.raises(NotFound):
        drive(until_ready(timeout_s=10, clock=Clock()), Clock(), [NotFound(404, "", "", {})])


def test_until_ready_ends_at_the_deadline_and_says_why() -> None:
    """The last reason is told; the pauses never go beyond the deadline."""
    clock = Clock()
    with pytest.raises(DeadlinePassed, match="kernels are being compiled"):
        drive(until_ready(timeout_s=3, clock=clock), clock, [NOT_READY])
    assert clock.now == pytest.approx(3)


def test_until_size_returns_the_device_that_reached_it() -> None:
    """A driver that gets there in steps is asked until it is there."""
    clock = Clock()
    procedure = until_size("web", "vm0", 2 * GIB, timeout_s=60, clock=clock)
    result, pauses = drive(procedure, clock, [device(0), device(GIB), device(2 * GIB)])
    assert isinstance(result, Device)
    assert result.size == 2 * GIB
    assert pauses == sorted(pauses)


def test_until_size_asks_once_when_it_is_there_already() -> None:
    """A deadline of nought is one look."""
    assert drive(until_size("w", "v", GIB, timeout_s=0, clock=Clock()), Clock(), [device(GIB)])[1] == []


def test_until_size_passes_errors_on_at_once() -> None:
    """A guest that was deleted will not reach a size."""
    with pytest.raises(NotFound):
        drive(until_size("w", "v", 0, timeout_s=9, clock=Clock()), Clock(), [NotFound(404, "", "", {})])


def test_pauses_grow_to_a_second_and_no_further() -> None:
    """A service is not asked a thousand times in a long wait, nor is its answer missed for minutes."""
    clock = Clock()
    with pytest.raises(DeadlinePassed):
        drive(until_size("w", "v", 0, timeout_s=100, clock=clock), clock, [device(GIB)])
    assert clock.now == pytest.approx(100)


@pytest.mark.parametrize("timeout_s", [math.inf, math.nan, -1.0])
def test_no_wait_is_endless(timeout_s: float) -> None:
    """A deadline is a number of seconds, at which the wait ends."""
    with pytest.raises(ValueError, match="timeout_s"):
        drive(until_ready(timeout_s=timeout_s), Clock(), [None])


def operation(answer: dict[str, object]) -> Operation:
    """Returns an operation as the service tells it."""
    return Operation.model_validate(answer)


def test_until_over_asks_until_it_is_over() -> None:
    """The service does the waiting: there are no pauses; whoever waits for it asks by its id."""
    running, waiting = operation(recorded_time.RUNNING), operation(recorded_time.WAITING)
    partial = operation(recorded_time.PARTIAL)
    begin = _time_calls.unplug("web", "vm0", GIB)
    result, pauses = drive(until_over(begin, clock=Clock()), Clock(), [running, waiting, partial])
    assert (result, pauses) == (partial, [])


def test_until_over_returns_what_there_is_when_its_time_is_over() -> None:
    """That it is not over yet is no error; nought is one call."""
    running, clock = operation(recorded_time.RUNNING), Clock()
    begin = _time_calls.unplug("web", "vm0", GIB, wait=0)
    assert drive(until_over(begin, wait_s=0, clock=clock), clock, [running]) == (running, [])
    procedure = until_over(begin, wait_s=3, clock=clock)
    assert isinstance(advance(procedure, None), Call)
    step = advance(procedure, running)
    assert isinstance(step, Call)
    assert step.path == "/v1/operations/op-7"
    clock.now += 3
    assert advance(procedure, running) == Done(running)


@pytest.mark.parametrize("wait_s", [math.inf, math.nan, -1.0])
def test_until_over_refuses_times_that_are_none(wait_s: float) -> None:
    """Nothing is sent."""
    with pytest.raises(ValueError, match="wait"):
        drive(until_over(_time_calls.plug("w", "v", 1), wait_s=wait_s), Clock(), [])
