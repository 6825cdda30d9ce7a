"""One simulated guest: a node, its devices with their drivers, and a clock that only its own acts move.

Kept here: the same spec and the same calls give the same state and the same events, in every process;
a call that raises has changed nothing.
Left out: making one (app.guest.creation; captures: app.guest.capture.loader), threads and locks.
"""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b

from app.errors import InvalidValue, StateError, Unknown
from app.guest import views
from app.guest.agenda import Agenda
from app.guest.block_states import BlockStates
from app.guest.boot import RebootKind, boot_node
from app.guest.clock import SimulatedClock
from app.guest.condition import Condition
from app.guest.cost import HYPERALLOC_2025, ContigCharge, CostProfile, Pace, charging_contig
from app.guest.cost_choice import describe_profile
from app.guest.devices import AttachedDevice, Devices, DriverRun
from app.guest.faults.injector import Faults
from app.guest.faults.table import RuleTable
from app.guest.identity import GuestIdentity
from app.guest.pages import Pages
from app.guest.proc_files import PROC_FILES
from app.guest.programs.metrics import device_gauges, exposition, memory_gauges
from app.guest.programs.phase_json import validate_script
from app.guest.programs.phases import Script
from app.guest.programs.programs import Programs
from app.guest.programs.surroundings import Surroundings
from app.guest.progress import DeviceProgress, progress_of
from app.guest.resize_outcome import describe_outcome, describe_standstill
from app.guest.sleep import Sleep
from app.guest.spec import GuestPlan
from app.mm.checks.invariants import verify
from app.mm.digest import node_digest
from app.mm.fork import fork_node
from app.mm.geometry import Geometry
from app.mm.node import Node
from app.mm.policies.policy import KernelPolicy
from app.trace.events import GuestRebooted
from app.trace.sink import RingSink
from app.virtio_mem.device import Device
from app.virtio_mem.driver.driver import Driver
from app.virtio_mem.driver.options import DriverModule
from app.virtio_mem.invariants import verify_device, verify_driver

_NS_PER_US = 1000
LONGEST_ADVANCE_US = 24 * 3600 * 1_000_000
Description = dict[str, object]


class Guest:
    """One guest. Not safe for two threads at once."""

    def __init__(
        self,
        identity: GuestIdentity,
        node: Node,
        *,
        sink: RingSink,
        profile: CostProfile = HYPERALLOC_2025,
        plan: GuestPlan | None = None,
    ) -> None:
        """Takes a node, without devices; `sink` is the node's own; plan: what it boots from, None when captured."""
        self.identity = identity
        self.node = node
        self.clock = SimulatedClock()
        self.condition = Condition(self.clock)
        self.agenda = Agenda(self.clock, self.condition)
        self.pace = Pace()
        self.events = sink
        self.profile = profile
        self._plan = plan
        sink.clock = node.clock = self.clock
        self._devices = Devices(node, self.clock, sink=sink, profile=profile, pace=self.pace)
        self.pages = Pages(
            node, self._devices.backings, sink=sink, clock=self.clock, charge=self._contig_charge()
        )
        self.pages.condition = self.condition
        self.sleep = Sleep(self._devices, self.condition)
        self.blocks = BlockStates(
            node, self._devices, self.clock, self.condition, profile=profile, pace=self.pace
        )
        rules = RuleTable(self.clock, self.condition, self.pace, seed=identity.seed, sink=sink)
        self.faults = Faults(node, self._devices, rules, reboot=None if plan is None else self._come_back)
        self.agenda.add(self.faults, is_of_host=True)
        devices = self._devices
        self.programs = Programs(
            self._surroundings(), self.condition, count_drivers_at_work=lambda: devices.nr_at_work
        )
        self.agenda.add(self.programs)

    def fork(
        self,
        *,
        policy: KernelPolicy | None = None,
        fallback: Sequence[str] | None = None,
        event_ring_capacity: int = 0,
        sink: RingSink | None = None,
    ) -> "Guest":
        """Returns an independent guest in the same state, from now on under other rules: None for this one's own.

        A work item that is under way begins anew in it. sink: instead of a new ring of event_ring_capacity.
        This guest does not change. Raises InvalidValue when policy or levels cannot be, StateError when memory that
        is plugged does not fit the policy's sub-blocks. Linear in runs of pages.
        """
        sink = RingSink(event_ring_capacity) if sink is None else sink
        node = fork_node(self.node, policy, sink=sink)
        identity = replace(
            self.identity,
            policy=node.policy.name,
            fallback=self.identity.fallback if fallback is None else tuple(fallback),
        )
        plan = None if self._plan is None else replace(self._plan, policy=node.policy)
        copy = Guest(identity, node, sink=sink, profile=self.profile, plan=plan)
        copy.clock.advance_to(self.clock.now_ns)
        copy.condition.take_over(self.condition)
        copy.pages = self.pages.fork(
            node, copy._devices.backings, sink=sink, clock=copy.clock, charge=copy._contig_charge()
        )
        copy.pages.condition = copy.condition
        copy.programs.take_over(self.programs, copy._surroundings())
        for attached in self._devices:
            copy._enter(copy._devices.adopt(attached, fallback=fallback))
        copy.faults.take_over(self.faults)
        return copy

    # -------------------------------------------------------------------------------------- devices

    def attach(
        self, device: Device, *, fallback: Sequence[str], module: DriverModule | None = None
    ) -> Driver:
        """Gives the guest a device and returns its driver, which has not run yet.

        Raises InvalidValue when the fallback levels make no sense for it.
        """
        attached = self._devices.attach(device, fallback=fallback, module=module)
        self._enter(attached)
        return attached.driver

    def find_device(self, device_id: str) -> AttachedDevice:
        """Returns a device with its driver and retry timer, to be looked at.

        Raises Unknown.
        """
        return self._devices.get(device_id)

    def begin_resize(self, device_id: str, requested_size: int) -> None:
        """Sets a device's target, in bytes; its driver begins at once, or notices between two acts.

        A guest that hangs, or is not told, does nothing about it. Raises Unknown, InvalidValue, GuestCrashed.
        """
        attached = self._devices.get(device_id)
        self.condition.require_alive()
        attached.set_requested_size(requested_size)

    def resize(self, device_id: str, requested_size: int) -> Description:
        """Sets a device's target, in bytes, and lets time pass until every driver rests; returns the outcome.

        Raises Unknown, InvalidValue, GuestCrashed.
        """
        self._devices.take_ended()
        self.begin_resize(device_id, requested_size)
        self.settle()
        ended = [run for run in self._devices.take_ended() if run.device_id == device_id]
        if not ended:
            # Nobody took notice: a fault.
            return describe_standstill(self._devices.get(device_id).device)
        return self._describe_run(ended[-1])

    def plug(self, device_id: str, size: int) -> Description:
        """Raises a device's target by `size` bytes; else as resize()."""
        return self.resize(device_id, self.target_above(device_id, size))

    def unplug(self, device_id: str, size: int) -> Description:
        """Lowers a device's target by `size` bytes; else as resize()."""
        return self.resize(device_id, self.target_below(device_id, size))

    def target_above(self, device_id: str, size: int) -> int:
        """Returns the target that is `size` bytes above a device's present one.

        Raises Unknown, InvalidValue.
        """
        device = self._devices.get(device_id).device
        device.region.validate_change(size, largest=device.region.region_size - device.requested_size)
        return device.requested_size + size

    def target_below(self, device_id: str, size: int) -> int:
        """Returns the target that is `size` bytes below a device's present one.

        Raises Unknown, InvalidValue.
        """
        device = self._devices.get(device_id).device
        device.region.validate_change(size, largest=device.requested_size)
        return device.requested_size - size

    def validate_target(self, device_id: str, target: int, *, field: str = "requested_size") -> None:
        """Raises Unknown or InvalidValue, which names `field`, when resize() would."""
        self._devices.get(device_id).device.region.validate_requested_size(target, field=field)

    # ----------------------------------------------------------------------------------------- time

    def next_due_ns(self) -> int | None:
        """Returns when somebody in the guest acts next by himself, the past included; None: never."""
        return self.agenda.next_due_ns()

    def run_until(self, end_ns: int, *, max_acts: int | None = None) -> bool:
        """Lets time pass up to `end_ns`, or as far as max_acts acts reach; returns whether the clock is there."""
        return self.agenda.run_until(end_ns, max_acts=max_acts)

    def settle(self, *, max_acts: int | None = None) -> bool:
        """Lets time pass until every driver rests; returns False when max_acts acts were not enough.

        Then size changes that were held back are told: nobody lets time pass for them.
        """
        is_at_rest = self.agenda.run_while(lambda: self._devices.is_any_at_work, max_acts=max_acts)
        if is_at_rest:
            self._devices.tell_sizes()
        return is_at_rest

    def reboot(self, kind: RebootKind) -> None:
        """Boots the guest anew, which wakes the dead, too: its memory is gone, its targets stay.

        Its drivers and its workload begin once it is up. Raises StateError for a captured guest.
        """
        if self._plan is None:
            raise StateError(f"{self.name} was captured as it ran: it has nothing to boot from")
        fresh = boot_node(self._plan, self.events)
        self._devices.backings.look()
        self.node.become(fresh)
        self.pages.clear()
        self.condition.clear()
        self.events.emit(GuestRebooted(str(kind), self.clock.now_us))
        ready_ns = self.clock.now_ns + self.pace.stretch(self.profile.boot_ns)
        self._devices.reboot(is_system_reset=kind is RebootKind.SYSTEM_RESET, ready_ns=ready_ns)
        self.programs.restart(ready_ns)
        self.faults.after_reboot()

    def advance(self, duration_us: int) -> list[Description]:
        """Lets simulated time pass, and what began in it end; returns the outcomes of all work items that ended.

        Raises InvalidValue.
        """
        if not 0 <= duration_us <= LONGEST_ADVANCE_US:
            raise InvalidValue("duration_us", duration_us, f"0 to {LONGEST_ADVANCE_US}")
        self._devices.take_ended()
        self.run_until(self.clock.now_ns + duration_us * _NS_PER_US)
        self.settle()
        return self.take_outcomes()

    def progress(self, device_id: str) -> DeviceProgress:
        """Returns how far a device is with its target.

        Raises Unknown.
        """
        return progress_of(self._devices.get(device_id), self.clock, self.condition)

    def take_outcomes(self) -> list[Description]:
        """Returns the outcomes of the work items that ended since the last call, oldest first."""
        return [self._describe_run(run) for run in self._devices.take_ended()]

    def start_workload(self, script: Script) -> None:
        """Plays a script of phases from now on, in place of the one before.

        Raises InvalidValue, GuestCrashed, GuestHung.
        """
        self.condition.require_running()
        validate_script(script, self.geometry, {row.label for row in self.pages.allocations if row.label})
        self.programs.start(script, self.identity.seed)

    # ------------------------------------------------------------------------------------- what it is

    @property
    def name(self) -> str:
        """The guest's name."""
        return self.identity.name

    @property
    def geometry(self) -> Geometry:
        """Its sizes."""
        return self.node.geometry

    @property
    def nr_pages(self) -> int:
        """Pages of its span, from 0 to the end of its last device."""
        return self.node.nr_pages

    def describe(self) -> Description:
        """Returns all about the guest that is cheap to tell, JSON-ready, sizes in bytes."""
        return {
            **self.identity.describe(),
            **views.describe_rules(self.node),
            "simulated_us": self.clock.now_us,
            "cost": describe_profile(self.profile),
            "condition": self.condition.describe(),
            "memory": views.describe_memory(self.node),
            "zones": views.describe_zones(self.node),
            "devices": [views.describe_device(row) for row in self._devices],
            "allocations": [row.describe() for row in self.pages.allocations],
            "cma_areas": self.pages.cma_areas(),
        }

    def describe_device(self, device_id: str) -> Description:
        """Returns a device and its driver, JSON-ready.

        Raises Unknown.
        """
        return views.describe_device(self._devices.get(device_id))

    def memory_blocks(self) -> Description:
        """Returns state, zone and device of each memory block that is present."""
        drivers = [(row.device.id, row.driver) for row in self._devices]
        return {
            "memory_block_size": self.node.geometry.memory_block_size,
            "memory_blocks": views.describe_memory_blocks(self.node, drivers),
        }

    def pageblocks(self) -> Description:
        """Returns type and contents of each online pageblock, run-length coded. Linear in runs of pages."""
        return {
            "pageblock_nr_pages": self.node.geometry.pageblock_nr_pages,
            "runs": views.describe_pageblocks(self.node),
        }

    def proc(self, name: str) -> str:
        """Returns the text of the guest's /proc file `name`.

        Raises Unknown.
        """
        if name not in PROC_FILES:
            raise Unknown("file of /proc", name, PROC_FILES)
        return PROC_FILES[name](self.node, self.programs)

    def metrics(self) -> str:
        """Returns what a monitor in the guest tells Prometheus. Linear in runs of pages."""
        devices = [row.device for row in self._devices]
        return exposition(
            [
                *memory_gauges(self.node),
                *self.programs.signals.gauges(self.clock.now_ns),
                *device_gauges(devices),
            ]
        )

    def map_rows(self) -> views.MapRows:
        """Returns the kind of most pages of each pageblock. Linear in runs of pages."""
        return views.map_rows(self.node)

    def verify(self) -> list[Description]:
        """Returns the invariants that are broken, none in a sound guest. Linear in runs of pages."""
        found = [violation._asdict() for violation in verify(self.node)]
        for row in self._devices:
            found += [violation._asdict() for violation in verify_device(row.device)]
            found += [violation._asdict() for violation in verify_driver(row.driver, row.device)]
        return found

    def digest(self) -> str:
        """Returns a hex digest of the state: while drivers rest, equal ones mean equal futures.

        Where in a work item a driver is, no copy can have: it begins anew. Linear in runs of pages.
        """
        digest = blake2b(node_digest(self.node), digest_size=16)
        digest.update(repr((self.pages.state(), self.clock.now_ns, self.pace.slowness)).encode())
        digest.update(repr((self.condition.state(), self.faults.state(), self.programs.state())).encode())
        for attached in self._devices:
            digest.update(repr(attached.state()).encode())
        return digest.hexdigest()

    def event_digest(self) -> str:
        """Returns a hex digest of every event since the guest was made."""
        return self.events.digest()

    # ----------------------------------------------------------------------------------------- inside

    def _enter(self, attached: AttachedDevice) -> None:
        self.agenda.add(attached)
        self.agenda.add(attached.size_changes, is_of_host=True)

    def _come_back(self) -> None:
        self.reboot(RebootKind.SYSTEM_RESET)

    def _surroundings(self) -> Surroundings:
        return Surroundings(
            self.node,
            self.pages.allocations,
            self._devices.backings,
            self.clock,
            self.events,
            self.profile,
            self.pace,
        )

    def _contig_charge(self) -> ContigCharge:
        return charging_contig(self.clock.advance, self.profile, self.node.geometry, self.pace)

    def _describe_run(self, run: DriverRun) -> Description:
        return describe_outcome(run.device_id, run.outcome, simulated_us=run.simulated_us)
