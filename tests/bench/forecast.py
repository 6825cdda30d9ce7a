"""What it costs to ask: forecasts against the operation itself, explanations, and forks of guests of 64 GiB."""

import time
from collections.abc import Callable, Iterable

from app.guest.creation import create_guest
from app.guest.guest import Guest
from app.guest.spec import DeviceSpec, GuestSpec
from app.guest.warm_up import warm_up
from app.guest.why.explain import copy_subject, explain
from app.guest.why.explain_view import describe_explanation
from app.guest.why.forecast import Question, copy_for_forecast, forecast
from app.guest.workload import WORKLOADS
from app.units import GIB
from tests.bench.subject import Effort
from tests.bench.table import Row, at_most

_BOOT_SIZE = 4 * GIB
# Of an untouched guest the fork is all there is.
_FORKS = (("untouched", "", 20), ("fragmented", "fragmented", 1000))


def measure(effort: Effort) -> Iterable[Row]:
    """Yields the ratio of questions to what they are about, and the time of forks, all in processor time."""
    warm_up(lambda _done, _of, _where: None)
    guest = _make(16 * GIB // effort.divisor, "fragmented")
    yield from _forecasts(guest, effort)
    for what, workload, limit in _FORKS:
        large = _make(64 * GIB // effort.divisor, workload)
        spent = [_ms(large.fork) for _ in range(effort.rounds)]
        yield Row("forecast", f"fork, {what}, 64 GiB", "ms", spent, at_most(limit))


def _forecasts(guest: Guest, effort: Effort) -> Iterable[Row]:
    """Compares, in each round, an operation on a copy with questions about it: all of them pay for one fork."""
    size = guest.find_device("vm0").device.plugged_size
    target = size // 2 // (2 << 20) * (2 << 20)
    asked, limited, explained, alone = [], [], [], []
    for _ in range(effort.rounds):
        spent = _ms(lambda: guest.fork().resize("vm0", target))
        alone.append(spent)
        asked.append(_ms(lambda: _forecast(guest, target, has_limits=False)) / spent)
        both = (
            spent + _ms(lambda: guest.fork().resize("vm0", 0)) + _ms(lambda: guest.fork().resize("vm0", size))
        )
        limited.append(_ms(lambda: _forecast(guest, target, has_limits=True)) / both)
        explained.append(_ms(lambda: _explain(guest, target)) / spent)
    note = (
        f"the operation and the fork {sum(alone) / len(alone):.0f} ms; fragmented, 16 GiB, half of the device"
    )
    unit = "x fork + operation"
    yield Row("forecast", "forecast of a target", unit, asked, at_most(1.2), note)
    text = "against these three: the target, 0, and the whole region"
    yield Row("forecast", "forecast with floor and ceiling", unit, limited, at_most(1.2), text)
    yield Row("forecast", "explanation of a target", unit, explained, at_most(2.0))


def _forecast(guest: Guest, target: int, *, has_limits: bool) -> object:
    question = Question(device_id="vm0", requested_size=target, has_limits=has_limits)
    return forecast(copy_for_forecast(guest, question), question)


def _explain(guest: Guest, target: int) -> object:
    return describe_explanation(explain(copy_subject(guest, "vm0", target)))


def _make(size: int, workload: str) -> Guest:
    boot_size = min(_BOOT_SIZE, size // 4)
    device = DeviceSpec(size=size - boot_size, requested_size=size - boot_size)
    steps = WORKLOADS[workload] if workload else ()
    spec = GuestSpec(
        name="measured", boot_size=boot_size, online="online_kernel", devices=(device,), workload=steps
    )
    return create_guest(spec)


def _ms(call: Callable[[], object]) -> float:
    start = time.thread_time()
    call()
    return (time.thread_time() - start) * 1000
