"""A second of a guest on which a workload plays, for a thousand guests that do so side by side."""

import time
from collections.abc import Iterable

from app.guest.creation import create_guest
from app.guest.guest import Guest
from app.guest.programs.phase_json import parse_script
from app.guest.programs.phases import NS_PER_S
from app.guest.spec import DeviceSpec, GuestSpec
from app.units import GIB, MIB
from tests.bench.subject import Effort
from tests.bench.table import Row, at_most

_NR_GUESTS = 1000
# A core that does nothing else plays so much for a thousand guests in a second.
_TARGET = at_most(500.0)
_FULL = [
    {"do": "grow", "label": "cache", "kind": "file", "by": "300MiB", "seconds": 0},
    {"do": "grow", "label": "heap", "by": "150MiB", "seconds": 0},
]
_LEAK = {"do": "leak", "label": "leak", "rate": "1MiB", "background": True, "restart": True}
_SCRIPTS = {
    "leak of 1 MiB/s": [*_FULL, {**_LEAK, "background": False}],
    "churn of 0.2 %/s and leak": [
        *_FULL,
        _LEAK,
        {"do": "churn", "labels": ["heap", "cache"], "fraction": 0.002},
    ],
    "leak of 20 MiB/s under reclaim": [*_FULL, {**_LEAK, "rate": "20MiB", "background": False}],
}


def measure(effort: Effort) -> Iterable[Row]:
    """Yields microseconds of the processor for each second that a guest plays, script by script."""
    for what, phases in _SCRIPTS.items():
        guests = [_guest(number, phases) for number in range(_NR_GUESTS // effort.divisor)]
        rounds = [_second(guests, number) for number in range(1, effort.rounds + 1)]
        note = f"{len(guests)} guests of 512 MiB and 256 MiB plugged, ticks of a second"
        yield Row("workloads", what, "us/guest and second", rounds, _TARGET, note)


def _guest(number: int, phases: list[dict[str, object]]) -> Guest:
    device = DeviceSpec(size=GIB, requested_size=256 * MIB)
    spec = GuestSpec(
        name=f"guest-{number}",
        boot_size=512 * MIB,
        seed=number,
        devices=(device,),
        phases=parse_script(phases),
    )
    guest = create_guest(spec, event_ring_capacity=64)
    # The phases that fill it have no time of their own.
    guest.run_until(NS_PER_S)
    return guest


def _second(guests: list[Guest], number: int) -> float:
    """Returns microseconds a guest."""
    start = time.process_time_ns()
    for guest in guests:
        guest.run_until((number + 1) * NS_PER_S)
    return (time.process_time_ns() - start) / 1000 / len(guests)
