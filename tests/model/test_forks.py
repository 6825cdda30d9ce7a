"""A fork carries everything that decides the future, so that it goes on as its guest does, event by event.

Left out: a work item that is under way, which begins anew in a fork.
"""

import pytest

from app.guest.allocations import AllocationSpec
from app.guest.faults.rules_json import read_rule
from app.guest.guest import Guest
from app.guest.programs.phase_json import parse_script
from app.guest.spec import DeviceSpec
from app.guest.workload import WORKLOADS
from app.trace.events import Event
from app.units import GIB, MIB
from tests.guest.making import FIRST_DEVICE_PFN, x86_guest

_S = 1_000_000_000
_PHASES: list[dict[str, object]] = [
    {"do": "grow", "label": "cache", "kind": "file_clean", "by": 16 * MIB, "seconds": 20},
    {"do": "grow", "label": "heap", "by": 64 * MIB, "seconds": 40},
    {"do": "churn", "labels": ["heap"], "fraction": 0.05, "seconds": 200},
    {"do": "leak", "label": "leak", "rate": 2 * MIB, "seconds": 300},
]
_RULES: list[dict[str, object]] = [
    {"kind": "contig_busy", "probability": 0.2},
    {"kind": "device_busy", "probability": 0.3, "skip": 2},
    {"kind": "migration_fails", "probability": 0.1, "fraction": 0.5},
    {"kind": "device_slow", "delay_us": 1500, "probability": 0.5},
    {"kind": "guest_slow", "factor": 3.0, "after_us": 90_000_000, "duration_us": 60_000_000},
    {"kind": "guest_hung", "after_us": 200_000_000, "duration_us": 5_000_000},
    {"kind": "notification_lost", "probability": 0.2},
]


def busy_guest() -> Guest:
    """Returns a guest with two devices, programs, a rule of each sort, and a pinned page in the way."""
    devices = tuple(DeviceSpec(size=GIB // 2, requested_size=GIB // 2) for _ in range(2))
    guest = x86_guest(online="online_movable", devices=devices, seed=7)
    guest.pages.allocate(AllocationSpec(kind="pinned", at_pfns=(FIRST_DEVICE_PFN + 512 * 99,)))
    for rule in _RULES:
        guest.faults.add(read_rule(rule))
    guest.start_workload(parse_script(_PHASES))
    guest.begin_resize("vm0", 0)
    guest.settle()
    guest.begin_resize("vm1", 256 * MIB)
    guest.settle()
    assert guest.find_device("vm0").deadline_ns is not None, "a retry timer is armed"
    return guest


def story(guest: Guest, first_us: int) -> list[tuple[int, Event]]:
    """Lets six minutes pass with some commands on the way; returns what happened, and when."""
    before = guest.events.newest
    start_ns = first_us * 1000
    for seconds, device, size in ((70, "vm1", GIB // 2), (160, "vm0", 128 * MIB), (250, "vm1", 0)):
        guest.run_until(start_ns + seconds * _S)
        guest.begin_resize(device, size)
        guest.settle()
    guest.run_until(start_ns + 360 * _S)
    return [(row.at_ns, row.event) for row in guest.events.read(before, 1_000_000)]


@pytest.mark.parametrize("seconds", [0, 30, 205])
def test_fork_goes_on_as_the_guest_does(seconds: int) -> None:
    """Whenever the copy is made, events, times and final digests are equal."""
    guest = busy_guest()
    guest.run_until(guest.clock.now_ns + seconds * _S)
    guest.settle()
    digest, first_us = guest.digest(), guest.clock.now_us
    forks = [guest.fork(event_ring_capacity=1_000_000) for _ in range(2)]
    forks[1] = forks[1].fork(event_ring_capacity=1_000_000)
    assert [fork.digest() for fork in forks] == [digest, digest]
    told = story(forks[0], first_us)
    assert len(told) > 100
    assert {type(event).__name__ for _, event in told} >= {
        "ContigAttempted",
        "DriverPassEnded",
        "FaultStruck",
        "MemoryDeviceSizeChanged",
        "PagesAllocated",
        "PagesFreed",
        "UnplugAttempted",
    }
    assert guest.digest() == digest
    assert story(forks[1], first_us) == told
    # Only now the guest itself, whose ring is too small for all of it.
    story(guest, first_us)
    for file in ("meminfo", "loadavg", "vmstat", "pressure/memory"):
        texts = {each.proc(file) for each in (guest, *forks)}
        assert len(texts) == 1, file
    assert {fork.digest() for fork in forks} == {guest.digest()}


def test_fork_of_a_driver_at_work_begins_its_work_anew() -> None:
    """Copies made between any two acts are sound, and end where the guest ends."""
    guest = x86_guest(
        online="online_kernel",
        devices=(DeviceSpec(size=GIB // 2, requested_size=GIB // 2),),
        workload=WORKLOADS["busy"],
    )
    guest.begin_resize("vm0", 0)
    sizes = []
    while not guest.settle(max_acts=7):
        copy = guest.fork()
        assert copy.verify() == []
        copy.settle()
        assert copy.verify() == []
        sizes.append(copy.find_device("vm0").device.plugged_size)
    assert len(sizes) > 5
    assert set(sizes) == {guest.find_device("vm0").device.plugged_size}
