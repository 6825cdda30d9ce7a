"""A guest's devices: each with its driver and retry timer, actors of the guest's agenda.

    at rest ──target set, memory block changed, timer──▶ at work: act, act, act ... ──▶ at rest
                                                         each act changes memory when it begins, and then takes its time

Kept here: INV-26 on the simulated clock: a timer that is armed fires at its time, one that is not never does.
Left out: what device and driver do (app.virtio_mem).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from app.errors import Unknown
from app.guest.backing import BackedMemory
from app.guest.clock import SimulatedClock
from app.guest.cost import CostProfile, Pace
from app.guest.size_changes import SizeChanges
from app.guest.work_meter import WorkMeter
from app.mm.node import Node
from app.trace.sink import Sink
from app.virtio_mem.device import Device
from app.virtio_mem.driver.driver import Driver
from app.virtio_mem.driver.fallback import parse_fallback
from app.virtio_mem.driver.fork import fork_driver
from app.virtio_mem.driver.options import DriverModule, DriverOptions
from app.virtio_mem.driver.report import PassOutcome

_NS_PER_MS = 1_000_000
_NS_PER_US = 1000


class DriverRun(NamedTuple):
    """One work item of a device's driver, and the simulated time that it took."""

    device_id: str
    outcome: PassOutcome
    simulated_us: int


class Backings:
    """What the host backs of all devices of a guest."""

    def __init__(self) -> None:
        """Starts without devices."""
        self._rows: list[BackedMemory] = []

    def add(self, row: BackedMemory) -> None:
        """Adds a device's."""
        self._rows.append(row)

    def mark_stale(self) -> None:
        """Says that memory was taken into use."""
        for row in self._rows:
            row.mark_stale()

    def look(self) -> None:
        """Notes which memory the host backs, before some of it is freed or unplugged."""
        for row in self._rows:
            row.look()

    def touch(self, pfns: NDArray[np.int64], nr_pages: int) -> None:
        """Says that the runs of nr_pages at `pfns` were in use until now."""
        for row in self._rows:
            row.touch(pfns, nr_pages)


class Mischief(Protocol):
    """What may go wrong with one device on the guest's side and on its way there (app.guest.faults)."""

    def is_absent(self) -> bool:
        """Whether the driver begins no work now."""

    def absence_ends_ns(self) -> int | None:
        """When it begins work again; None when it is not absent, or nobody knows."""

    def is_breaking(self) -> bool:
        """Whether the driver breaks as it begins a work item."""

    def is_notification_lost(self) -> bool:
        """Whether the guest is not told of the requested size that is being set."""


@dataclass(eq=False)
class AttachedDevice:
    """One device with its driver, as an actor: due when its present act ends, else when the retry timer fires.

    backings: of all devices of the guest, as memory moves between them; ended: takes the work items that end.
    module: at boot; a driver that is not loaded is there, too, and begins work items in which nothing happens.
    """

    device: Device
    driver: Driver
    backing: BackedMemory
    meter: WorkMeter
    clock: SimulatedClock
    backings: Backings
    ended: list[DriverRun]
    size_changes: SizeChanges
    module: DriverModule
    # When the retry timer fires; None while it is not armed.
    deadline_ns: int | None = None
    # When the present act ends; None while the driver rests.
    ready_ns: int | None = None
    began_ns: int = 0
    # None: nothing goes wrong.
    faults: Mischief | None = None

    @property
    def is_at_work(self) -> bool:
        """Whether a work item has begun and its time has not passed."""
        return self.ready_ns is not None

    @property
    def is_untold(self) -> bool:
        """Whether a driver that rests goes for another size than the device asks for, as nobody told it."""
        queue, driver = self.driver.queue, self.driver
        is_listening = driver.is_loaded and not driver.is_broken and not self.is_at_work
        return (
            is_listening
            and not queue.is_config_changed
            and queue.requested_size != self.device.requested_size
        )

    @property
    def is_absent(self) -> bool:
        """Whether a fault keeps the driver from beginning work."""
        return self.faults is not None and self.faults.is_absent()

    def goes_on_ns(self) -> int | None:
        """When a driver that rests begins to work by itself; None: never, as far as can be seen."""
        driver = self.driver
        if not self.is_absent:
            return self.deadline_ns
        is_wanted = self.deadline_ns is not None or driver.queue.is_config_changed or driver.is_work_queued
        ends_ns = self.faults.absence_ends_ns() if self.faults is not None and is_wanted else None
        return ends_ns if ends_ns is None else max(ends_ns, self.deadline_ns or 0)

    def due_ns(self) -> int | None:
        """When the driver acts next."""
        if self.ready_ns is None and self.is_absent:
            return None
        return self.deadline_ns if self.ready_ns is None else self.ready_ns

    def set_requested_size(self, requested_size: int) -> None:
        """Sets the target and wakes the driver, unless the notification is lost.

        Raises InvalidValue.
        """
        self.device.region.validate_requested_size(requested_size)
        is_notified = self.faults is None or not self.faults.is_notification_lost()
        self.device.set_requested_size(requested_size, is_notified=is_notified)
        if is_notified:
            self.wake()

    def wake(self) -> None:
        """Begins a work item now; a driver that is at work notices a new config by itself."""
        if not self.is_at_work and not self.is_absent:
            self._begin()
            self.driver.begin()

    def unload(self) -> None:
        """Takes the driver's module out of the kernel, which resets the device (V-17)."""
        self.driver.unload()
        self.device.reset()
        self.deadline_ns = None

    def abandon(self) -> None:
        """The guest died: what its driver was at has no end, and no timer fires any more."""
        self.driver.abandon()
        self.ready_ns = self.deadline_ns = None

    def boot(self, driver: Driver, meter: WorkMeter, ready_ns: int) -> None:
        """Gives the device to a driver of a freshly booted kernel, whose work begins at ready_ns, if it is loaded."""
        self.driver, self.meter = driver, meter
        self.deadline_ns = self.ready_ns = None
        if self.module.is_loaded:
            self.load(driver, ready_ns)
        else:
            self.unload()

    def load(self, driver: Driver, ready_ns: int) -> None:
        """Gives the device to a driver that has probed it, and that begins to work at ready_ns."""
        self.driver = driver
        if self.is_absent:
            driver.book.is_work_wanted = True
            return
        if self.faults is not None and self.faults.is_breaking():
            driver.break_down()
        self.ready_ns = self.began_ns = ready_ns
        driver.begin()

    def act(self) -> None:
        """Does the driver's next act, or ends its work item, or begins one because its timer fires."""
        if self.ready_ns is None:
            self._begin()
            self.driver.begin_retry()
        elif self.driver.is_working:
            self._step()
        else:
            self._end()

    def _begin(self) -> None:
        if self.faults is not None and self.faults.is_breaking():
            self.driver.break_down()
        self.backings.look()
        self.deadline_ns = None
        self.ready_ns = self.began_ns = self.clock.now_ns

    def _step(self) -> None:
        driver, meter = self.driver, self.meter
        meter.begin(self.clock.now_ns)
        if driver.step():
            meter.charge(driver.counts_of_pass(), driver.queue)
        self.ready_ns = meter.end_ns

    def _end(self) -> None:
        """Ends the work item, now that its last act's time has passed."""
        driver, now_ns = self.driver, self.clock.now_ns
        outcome = driver.outcome
        assert outcome is not None, "a work item that ended has an outcome"
        self.ready_ns = None
        self.deadline_ns = now_ns + driver.armed_ms * _NS_PER_MS if driver.armed_ms else None
        if outcome.counts.nr_migrated or outcome.counts.memory_blocks_added:
            # Migration targets and memmaps lie in memory that may be a device's.
            self.backings.mark_stale()
        took_us = now_ns // _NS_PER_US - self.began_ns // _NS_PER_US
        self.ended.append(DriverRun(self.device.id, outcome, took_us))
        if (driver.queue.is_config_changed or driver.is_work_queued) and not driver.is_broken:
            # The target, or a memory block, was set while the last act's time passed.
            self.wake()

    def state(self) -> tuple[object, ...]:
        """Returns everything that decides what device and driver do next, for a digest."""
        device, driver = self.device, self.driver
        blocks = driver.book.blocks
        return (
            device.id,
            device.config,
            tuple(device.plugged_runs()),
            device.generation,
            device.negotiated,
            device.is_broken,
            bytes(blocks.states),
            tuple(blocks.plugged),
            driver.book.offline_size,
            (driver.book.is_removal_pending, driver.book.is_work_wanted),
            driver.options,
            driver.queue.state(),
            str(driver.state),
            (driver.armed_ms, driver.retry_ms),
            driver.nr_acts if self.is_at_work else 0,
            self.deadline_ns,
            self.ready_ns,
            self.size_changes.state(),
            self.backing.state(),
        )


class Devices:
    """The devices of one guest, by id."""

    def __init__(
        self, node: Node, clock: SimulatedClock, *, sink: Sink, profile: CostProfile, pace: Pace
    ) -> None:
        """Starts with none."""
        self._node = node
        self._clock = clock
        self._sink = sink
        self._profile = profile
        self._pace = pace
        self._attached: dict[str, AttachedDevice] = {}
        self.backings = Backings()
        # Work items that ended, oldest first, until somebody takes them.
        self._ended: list[DriverRun] = []

    def __iter__(self) -> Iterator[AttachedDevice]:
        """Yields the devices in the order in which they were attached."""
        return iter(self._attached.values())

    @property
    def is_any_at_work(self) -> bool:
        """Whether some driver's work item has not ended."""
        return any(attached.ready_ns is not None for attached in self)

    @property
    def nr_at_work(self) -> int:
        """How many drivers have work items that have not ended."""
        return sum(attached.ready_ns is not None for attached in self)

    def get(self, device_id: str) -> AttachedDevice:
        """Returns the device `device_id`.

        Raises Unknown.
        """
        attached = self._attached.get(device_id)
        if attached is None:
            raise Unknown("device", device_id, self._attached)
        return attached

    def attach(
        self, device: Device, *, fallback: Sequence[str], module: DriverModule | None = None
    ) -> AttachedDevice:
        """Adds a device with its driver, which has not run yet.

        Raises InvalidValue when the levels make no sense for it.
        """
        module = module or DriverModule()
        backing = BackedMemory(self._node, device)
        meter = self._meter(backing)
        options = DriverOptions(parse_fallback(fallback), parameters=module.parameters)
        driver = Driver(device, self._node, options, sink=self._sink, charge=meter.end_pass)
        changes = SizeChanges(device.id, self._clock, self._sink)
        attached = self._add(device, driver, backing, meter, changes, module)
        if not module.is_loaded:
            attached.unload()
        return attached

    def adopt(self, other: AttachedDevice, *, fallback: Sequence[str] | None) -> AttachedDevice:
        """Adds a copy of another guest's device, its driver taken over with its timer; that guest's memory is ours.

        A work item begins anew in the copy, once its present act has ended.
        fallback: None for the same levels. Raises InvalidValue when the levels make no sense under this node's
        policy, StateError when what is plugged does not fit its sub-blocks.
        """
        device = other.device.fork(self._sink)
        backing = other.backing.fork(self._node, device)
        meter = self._meter(backing)
        driver = fork_driver(
            other.driver,
            device,
            self._node,
            fallback=None if fallback is None else parse_fallback(fallback),
            sink=self._sink,
            charge=meter.end_pass,
        )
        if not driver.is_loaded:
            device.reset()
        changes = other.size_changes.fork(self._clock, self._sink)
        copy = self._add(device, driver, backing, meter, changes, other.module)
        copy.deadline_ns, copy.ready_ns, copy.began_ns = other.deadline_ns, other.ready_ns, other.began_ns
        return copy

    def take_ended(self) -> list[DriverRun]:
        """Returns the work items that ended since the last call, oldest first."""
        ended = self._ended[:]
        self._ended.clear()
        return ended

    def reboot(self, *, is_system_reset: bool, ready_ns: int) -> None:
        """Resets the devices, and lets the drivers of a new kernel probe them; their work begins at ready_ns.

        is_system_reset: everything is unplugged; otherwise the new kernel finds it plugged.
        """
        for attached in self:
            device, backing, meter = attached.device, attached.backing, self._meter(attached.backing)
            if is_system_reset:
                device.system_reset()
                backing.discard(device.region.addr, device.region.region_size)
            else:
                device.reset()
            options = replace(attached.driver.options, parameters=attached.module.parameters)
            driver = Driver(device, self._node, options, sink=self._sink, charge=meter.end_pass)
            attached.boot(driver, meter, ready_ns)

    def wake_for_memory(self) -> None:
        """Wakes the drivers for which memory that went on- or offline is a reason to work (8.8)."""
        for attached in self:
            if attached.driver.is_work_queued:
                attached.wake()

    def tell_sizes(self) -> None:
        """Tells what size changes are held back: nobody lets time pass."""
        for attached in self:
            attached.size_changes.tell_now()

    def _add(
        self,
        device: Device,
        driver: Driver,
        backing: BackedMemory,
        meter: WorkMeter,
        changes: SizeChanges,
        module: DriverModule,
    ) -> AttachedDevice:
        self.backings.add(backing)
        device.on_size_change = changes.note
        attached = AttachedDevice(
            device, driver, backing, meter, self._clock, self.backings, self._ended, changes, module
        )
        self._attached[device.id] = attached
        return attached

    def _meter(self, backing: BackedMemory) -> WorkMeter:
        # Nothing below refers back to the devices: in a circle, a guest's memory would wait for the garbage collector.
        return WorkMeter(self._node.geometry, backing, profile=self._profile, pace=self._pace)
