"""A guest's devices: each with its driver and retry timer, all on the guest's one clock.

Kept here: INV-26 on the simulated clock: a timer that is armed fires at its time, one that is not never does.
Left out: what device and driver do (app.virtio_mem).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.errors import Unknown
from app.guest.backing import BackedMemory
from app.guest.clock import SimulatedClock
from app.guest.cost import CostProfile, cost_ns, work_of_pass
from app.mm.node import Node
from app.trace.sink import Sink
from app.virtio_mem.device import Device
from app.virtio_mem.driver.driver import Driver
from app.virtio_mem.driver.fallback import parse_fallback
from app.virtio_mem.driver.fork import fork_driver
from app.virtio_mem.driver.options import DriverOptions, parse_online_policy
from app.virtio_mem.driver.report import PassCounts, PassOutcome

_NS_PER_MS = 1_000_000


class DriverRun(NamedTuple):
    """One work item of a device's driver, and the simulated time that it took."""

    device_id: str
    outcome: PassOutcome
    simulated_us: int


@dataclass
class AttachedDevice:
    """One device with its driver; deadline_ns: when the retry timer fires, None while it is not armed."""

    device: Device
    driver: Driver
    backing: BackedMemory
    deadline_ns: int | None = None

    def is_due(self, moment_ns: int) -> bool:
        """Whether the timer fires at `moment_ns` or before."""
        return self.deadline_ns is not None and self.deadline_ns <= moment_ns

    def state(self) -> tuple[object, ...]:
        """Returns everything that decides what device and driver do next, for a digest."""
        device, driver = self.device, self.driver
        blocks = driver.sbm.blocks
        return (
            device.id,
            device.config,
            tuple(device.plugged_runs()),
            device.generation,
            device.busy_next,
            bytes(blocks.states),
            tuple(blocks.plugged),
            driver.sbm.offline_size,
            driver.sbm.is_removal_pending,
            str(driver.state),
            driver.armed_ms,
            self.deadline_ns,
            self.backing.state(),
        )


class Devices:
    """The devices of one guest, by id."""

    def __init__(self, node: Node, clock: SimulatedClock, *, sink: Sink, profile: CostProfile) -> None:
        """Starts with none."""
        self._node = node
        self._clock = clock
        self._sink = sink
        self._profile = profile
        self._attached: dict[str, AttachedDevice] = {}

    def __iter__(self) -> Iterator[AttachedDevice]:
        """Yields the devices in the order in which they were attached."""
        return iter(self._attached.values())

    def get(self, device_id: str) -> AttachedDevice:
        """Returns the device `device_id`.

        Raises Unknown.
        """
        attached = self._attached.get(device_id)
        if attached is None:
            raise Unknown("device", device_id, self._attached)
        return attached

    def attach(self, device: Device, *, fallback: Sequence[str], online: str) -> Driver:
        """Adds a device and returns its driver, which has not run yet.

        Raises InvalidValue when the levels make no sense for it.
        """
        backing = BackedMemory(self._node, device)
        options = DriverOptions(parse_fallback(fallback), parse_online_policy(online))
        driver = Driver(device, self._node, options, sink=self._sink, charge=self._charging(backing))
        self._attached[device.id] = AttachedDevice(device, driver, backing)
        return driver

    def adopt(self, other: AttachedDevice, *, fallback: Sequence[str] | None) -> None:
        """Adds a copy of another guest's device, its driver taken over with its timer; that guest's memory is ours.

        fallback: None for the same levels. Raises InvalidValue when the levels make no sense under this node's
        policy, StateError when what is plugged does not fit its sub-blocks.
        """
        device = other.device.fork(self._sink)
        backing = other.backing.fork(self._node, device)
        driver = fork_driver(
            other.driver,
            device,
            self._node,
            fallback=None if fallback is None else parse_fallback(fallback),
            sink=self._sink,
            charge=self._charging(backing),
        )
        self._attached[device.id] = AttachedDevice(device, driver, backing, other.deadline_ns)

    def resize(self, device_id: str, requested_size: int) -> DriverRun:
        """Sets a device's target, in bytes, and runs its driver to the end.

        Raises Unknown, InvalidValue.
        """
        attached = self.get(device_id)
        attached.device.set_requested_size(requested_size)
        self.look_at_backing()
        return self._run(attached, is_retry=False)

    def fire_next(self, moment_ns: int) -> DriverRun | None:
        """Fires the retry timer that is due first by then, at its time; None when none is."""
        due = [row for row in self if row.is_due(moment_ns)]
        if not due:
            return None
        attached = min(due, key=lambda row: row.deadline_ns or 0)
        self._clock.advance_to(attached.deadline_ns or 0)
        self.look_at_backing()
        return self._run(attached, is_retry=True)

    def mark_backing(self) -> None:
        """Says that memory was taken into use."""
        for attached in self:
            attached.backing.mark_stale()

    def look_at_backing(self) -> None:
        """Notes which memory the host backs, before some of it is freed or unplugged."""
        for attached in self:
            attached.backing.look()

    def _charging(self, backing: BackedMemory) -> Callable[[PassCounts], int]:
        """Returns what advances the clock by the cost of a driver's pass, and tells its time in us."""
        # Without a reference to the devices: in a circle, a guest's memory would wait for the garbage collector.
        clock, profile, geometry = self._clock, self._profile, self._node.geometry

        def charge(counts: PassCounts) -> int:
            discarded = backing.discard_unplugged() if counts.unplugged_bytes else 0
            clock.advance(
                cost_ns(profile, geometry, work_of_pass(counts, geometry, bytes_discarded=discarded))
            )
            return clock.now_us

        return charge

    def _run(self, attached: AttachedDevice, *, is_retry: bool) -> DriverRun:
        began_us = self._clock.now_us
        outcome = attached.driver.fire_timer() if is_retry else attached.driver.run()
        armed_ms = attached.driver.armed_ms
        attached.deadline_ns = self._clock.now_ns + armed_ms * _NS_PER_MS if armed_ms else None
        if outcome.counts.nr_migrated or outcome.counts.memory_blocks_added:
            # Migration targets and memmaps lie in memory that may be a device's.
            self.mark_backing()
        return DriverRun(attached.device.id, outcome, self._clock.now_us - began_us)
