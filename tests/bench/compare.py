"""Seven kernels compared from a fragmented guest, against one of them alone; and what a fork costs."""

import time
from collections.abc import Callable, Iterable

from pydantic_core import to_json

from app.guest.compare import DEFAULT_POLICIES, Target, compare, plan_variants
from app.guest.creation import create_guest
from app.guest.guest import Guest
from app.guest.spec import DeviceSpec, GuestSpec
from app.guest.warm_up import warm_up
from app.guest.workload import WORKLOADS
from app.mm.policies.policy import POLICIES
from app.units import GIB
from tests.bench.subject import Effort
from tests.bench.table import Row, at_most

_TARGET = Target("vm0", 0)
_BOOT_SIZE = 4 * GIB
# As the clean lists of 6.10 want it: free blocks are listed anew.
_CLEANER = POLICIES["linux-6.10"]


def measure(effort: Effort) -> Iterable[Row]:
    """Yields the ratio of a comparison to one run, and the time of forks, all in processor time."""
    warm_up(lambda _done, _of, _where: None)
    fragmented = _make(16 * GIB // effort.divisor, "fragmented")
    yield _ratio(fragmented, effort)
    untouched = _make(64 * GIB // effort.divisor, "")
    for what, guest, limit in (
        ("untouched, 64 GiB", untouched, 20),
        ("fragmented, 16 GiB", fragmented, 1000),
    ):
        same = [_ms(guest.fork) for _ in range(effort.rounds)]
        yield Row("compare", f"fork, {what}", "ms", same, at_most(limit))
    listed = [_ms(lambda: fragmented.fork(policy=_CLEANER)) for _ in range(effort.rounds)]
    yield Row("compare", "fork, fragmented, 16 GiB, lists made clean", "ms", listed, at_most(1000))


def _ratio(guest: Guest, effort: Effort) -> Row:
    """Compares seven kernels, and each of them alone: fork, run, check of the invariants, report."""
    ratios, ones = [], []
    for _ in range(effort.rounds):
        alone = [_ms(lambda name=name: _compare(guest, (name,))) for name in DEFAULT_POLICIES]  # type: ignore[misc]  # bound at once
        one = sum(alone) / len(alone)
        ratios.append(_ms(lambda: _compare(guest, DEFAULT_POLICIES)) / one)
        ones.append(one)
    note = f"one run {sum(ones) / len(ones):.0f} ms, the mean of the seven"
    return Row("compare", "seven kernels, fragmented, 16 GiB", "x one run", ratios, at_most(7.5), note)


def _compare(guest: Guest, policies: tuple[str, ...]) -> bytes:
    """Compares as the service does: the start is a copy."""
    return to_json(compare(guest.fork(), _TARGET, plan_variants(policies, ())))


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
