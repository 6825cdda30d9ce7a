"""Making guests: one of a tebibyte, and a thousand of four gibibytes; processor time and memory, kernels warm."""

import time
from collections.abc import Iterable

from app.guest.creation import create_guest
from app.guest.spec import DeviceSpec, GuestSpec
from app.guest.warm_up import warm_up
from app.units import GIB, MIB, TIB
from tests.bench.child import in_child
from tests.bench.machine import resident_bytes
from tests.bench.subject import Effort
from tests.bench.table import Row, at_most

_NR_GUESTS = 1000
_LARGE = {
    "1 TiB of boot memory": GuestSpec(name="large", boot_size=TIB),
    "4 GiB of boot memory and a device of 1 TiB": GuestSpec(
        name="large", boot_size=4 * GIB, devices=(DeviceSpec(size=TIB),)
    ),
}
# Milliseconds, and MiB that stayed resident while the guest or guests lived.
Figures = tuple[float, float]


def measure(effort: Effort) -> Iterable[Row]:
    """Yields time and memory; every round is a fresh process."""
    for what in _LARGE:
        rounds: list[Figures] = [in_child("tests.bench.creation:large", what) for _ in range(effort.rounds)]
        times, sizes = zip(*rounds, strict=True)
        yield Row("creation", what, "ms", times, at_most(50))
        yield Row("creation", f"{what}: memory", "MiB", sizes, at_most(10))
    rounds = [in_child("tests.bench.creation:thousand") for _ in range(effort.rounds)]
    times, sizes = zip(*rounds, strict=True)
    yield Row("creation", "1 000 guests of 4 GiB", "ms", times, at_most(1000))
    yield Row("creation", "1 000 guests of 4 GiB: memory", "MiB", sizes, at_most(150))


def large(what: str) -> Figures:
    """Makes the one large guest that _LARGE[what] says."""
    return _make([_LARGE[what]])


def thousand() -> Figures:
    """Makes a thousand guests, each with a device."""
    device = DeviceSpec(size=4 * GIB)
    return _make(
        [GuestSpec(name=f"guest-{n}", boot_size=4 * GIB, devices=(device,)) for n in range(_NR_GUESTS)]
    )


def _make(specs: list[GuestSpec]) -> Figures:
    warm_up(lambda _done, _of, _where: None)
    before = resident_bytes()
    start = time.thread_time()
    guests = [create_guest(spec) for spec in specs]
    elapsed_ms = (time.thread_time() - start) * 1000
    grown = resident_bytes() - before
    assert len(guests) == len(specs)
    return elapsed_ms, grown / MIB
