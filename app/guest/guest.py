"""One simulated guest: a node, its devices with their drivers, and a clock that only its own acts move.

Kept here: the same spec and the same calls give the same state and the same events, in every process;
a call that raises has changed nothing.
Left out: making one (app.guest.creation; captures: app.guest.capture.loader), threads and locks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from app.errors import InvalidValue, Unknown
from app.guest import views
from app.guest.allocations import AllocationSpec, AllocationTable, validate_fraction
from app.guest.clock import SimulatedClock
from app.guest.cma_clients import CmaClients
from app.guest.contig_ranges import TakenRange, TakenRanges, require_range
from app.guest.cost import HYPERALLOC_2025, CostProfile, charging_contig
from app.guest.devices import Devices, DriverRun
from app.guest.populate import Workload
from app.guest.random_stream import RandomStream
from app.guest.resize_outcome import describe_outcome
from app.guest.workload import WorkloadStep
from app.mm import contig, vmstat
from app.mm.checks.invariants import verify
from app.mm.checks.ownership import placed_owner
from app.mm.digest import node_digest
from app.mm.fork import fork_node
from app.mm.geometry import Geometry
from app.mm.node import Node
from app.mm.outcome import ContigOutcome, Errno
from app.mm.page import PageKind
from app.mm.policies.policy import KernelPolicy
from app.trace.sink import RingSink
from app.virtio_mem.device import Device
from app.virtio_mem.driver.driver import Driver
from app.virtio_mem.invariants import verify_device, verify_driver

_NS_PER_US = 1000
LONGEST_ADVANCE_US = 24 * 3600 * 1_000_000
PROC_FILES: dict[str, Callable[[Node], str]] = {
    "buddyinfo": vmstat.buddyinfo,
    "pagetypeinfo": vmstat.pagetypeinfo,
    "zoneinfo": vmstat.zoneinfo,
    "meminfo": vmstat.meminfo,
}
Description = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class GuestIdentity:
    """What a guest was made of; `source`: "preset" or "capture"."""

    name: str
    preset: str
    policy: str
    fallback: tuple[str, ...]
    online: str
    seed: int
    boot_size: int
    source: str = "preset"


class Guest:
    """One guest. Not safe for two threads at once."""

    def __init__(
        self, identity: GuestIdentity, node: Node, *, sink: RingSink, profile: CostProfile = HYPERALLOC_2025
    ) -> None:
        """Takes a node, without devices; `sink` is the node's own."""
        self.identity = identity
        self.node = node
        self.clock = SimulatedClock()
        self._charge_contig = charging_contig(self.clock.advance, profile, node.geometry)
        self.allocations = AllocationTable(node, sink, on_contig=self._charge_contig)
        self._sink = sink
        self._profile = profile
        self._devices = Devices(node, self.clock, sink=sink, profile=profile)
        self._taken = TakenRanges()
        self._cma = CmaClients(node)

    def fork(
        self,
        *,
        policy: KernelPolicy | None = None,
        fallback: Sequence[str] | None = None,
        event_ring_capacity: int = 0,
    ) -> "Guest":
        """Returns an independent guest in the same state, from now on under other rules: None for this one's own.

        This guest does not change. Raises InvalidValue when policy or levels cannot be, StateError when memory that
        is plugged does not fit the policy's sub-blocks. Linear in runs of pages.
        """
        sink = RingSink(event_ring_capacity)
        node = fork_node(self.node, policy, sink=sink)
        identity = replace(
            self.identity,
            policy=node.policy.name,
            fallback=self.identity.fallback if fallback is None else tuple(fallback),
        )
        copy = Guest(identity, node, sink=sink, profile=self._profile)
        copy.clock.advance_to(self.clock.now_ns)
        copy.allocations = self.allocations.fork(node, sink, on_contig=copy._charge_contig)
        copy._taken = self._taken.fork()
        copy._cma = self._cma.fork(node)
        for attached in self._devices:
            copy._devices.adopt(attached, fallback=fallback)
        return copy

    # -------------------------------------------------------------------------------------- devices

    def attach(self, device: Device, *, fallback: Sequence[str], online: str) -> Driver:
        """Gives the guest a device and returns its driver, which has not run yet.

        Raises InvalidValue when the fallback levels make no sense for it.
        """
        return self._devices.attach(device, fallback=fallback, online=online)

    def resize(self, device_id: str, requested_size: int) -> Description:
        """Sets a device's target, in bytes, and runs its driver to the end; returns the outcome.

        Raises Unknown, InvalidValue.
        """
        run = self._devices.resize(device_id, requested_size)
        description = self._describe_run(run)
        # The run itself took time, in which another device's timer may have fired.
        self._fire_due(self.clock.now_ns)
        return description

    def plug(self, device_id: str, size: int) -> Description:
        """Raises a device's target by `size` bytes; else as resize()."""
        device = self._devices.get(device_id).device
        room = device.region.region_size - device.requested_size
        _require_amount(size, largest=room, block_size=device.region.block_size)
        return self.resize(device_id, device.requested_size + size)

    def unplug(self, device_id: str, size: int) -> Description:
        """Lowers a device's target by `size` bytes; else as resize()."""
        return self.resize(device_id, self.target_below(device_id, size))

    def target_below(self, device_id: str, size: int) -> int:
        """Returns the target that is `size` bytes below a device's present one.

        Raises Unknown, InvalidValue.
        """
        device = self._devices.get(device_id).device
        _require_amount(size, largest=device.requested_size, block_size=device.region.block_size)
        return device.requested_size - size

    def validate_target(self, device_id: str, requested_size: int) -> None:
        """Raises Unknown or InvalidValue when resize() would."""
        self._devices.get(device_id).device.region.validate_requested_size(requested_size)

    def advance(self, duration_us: int) -> list[Description]:
        """Lets simulated time pass; returns the outcomes of the retries that fall into it, in order.

        Raises InvalidValue.
        """
        if not 0 <= duration_us <= LONGEST_ADVANCE_US:
            raise InvalidValue("duration_us", duration_us, f"0 to {LONGEST_ADVANCE_US}")
        end_ns = self.clock.now_ns + duration_us * _NS_PER_US
        outcomes = self._fire_due(end_ns)
        self.clock.advance_to(end_ns)
        return outcomes

    # ---------------------------------------------------------------------------------------- pages

    def allocate(self, spec: AllocationSpec) -> Description:
        """Allocates what `spec` wants, all of it or nothing; returns the allocation.

        Raises InvalidValue, RangeUnavailable, GuestOutOfMemory.
        """
        if (spec.order or 0) > self.node.geometry.max_order:
            self.allocations.validate(spec)
            # Pages move to make room for a gigantic page, be there enough in the end or not.
            self._devices.look_at_backing()
            self._devices.mark_backing()
        row = self.allocations.allocate(spec)
        self._devices.mark_backing()
        return row.describe()

    def free(self, allocation_id: int, fraction: float = 1.0, seed: int = 0) -> Description:
        """Frees an allocation, or a part that `seed` chooses; returns what was freed and what is left.

        Raises Unknown, InvalidValue.
        """
        before = self.allocations.get(allocation_id).nr_pages
        validate_fraction(fraction)
        self._devices.look_at_backing()
        stream = RandomStream(seed) if fraction < 1 else None
        freed = self.allocations.free(allocation_id, fraction, stream)
        return {"id": allocation_id, "freed_pages": freed, "remaining_pages": before - freed}

    def populate(self, steps: Sequence[WorkloadStep], seed: int) -> None:
        """Does the steps of a workload, every choice drawn from `seed`."""
        workload = Workload(self.node, self.allocations, RandomStream(seed), before_free=self._renew_backing)
        workload.run(steps)
        self._devices.mark_backing()

    def alloc_contig_range(self, start_pfn: int, end_pfn: int) -> Description:
        """Takes the pages of [start_pfn, end_pfn) as the kernel would; they stay taken until freed.

        A failure leaves what the kernel leaves: pages that moved stay moved. Raises InvalidValue.
        """
        require_range(self.node, start_pfn, end_pfn)
        self._devices.look_at_backing()
        owner = placed_owner(self.allocations.last_id + 1)
        outcome = contig.alloc_contig_range(
            self.node, start_pfn, end_pfn, kind=PageKind.UNMOVABLE, owner=owner
        )
        if outcome.result is Errno.OK:
            self.allocations.new_id()
            self._taken.add(TakenRange(start_pfn, end_pfn, owner))
        self._book_contig([outcome], end_pfn - start_pfn)
        return views.describe_contig(outcome)

    def free_contig_range(self, start_pfn: int, end_pfn: int) -> int:
        """Gives back a range, or a part of one, that alloc_contig_range() took; returns its pages.

        Raises InvalidValue, RangeUnavailable.
        """
        require_range(self.node, start_pfn, end_pfn)
        taken = self._taken.find(start_pfn, end_pfn)
        self._devices.look_at_backing()
        self._taken.remove(taken, start_pfn, end_pfn)
        return contig.free_contig_range(self.node, start_pfn, end_pfn)

    def cma_areas(self) -> list[Description]:
        """Returns the CMA areas and what their clients have of them."""
        return self._cma.describe()

    def cma_alloc(self, area: str, nr_pages: int, align_order: int = 0) -> Description:
        """Takes pages of a CMA area for its client, as the kernel would; they stay taken until released.

        A failure is an outcome, and leaves what the kernel leaves. Raises Unknown, InvalidValue.
        """
        self._cma.validate(area, nr_pages, align_order)
        self._devices.look_at_backing()
        outcome = self._cma.alloc(area, nr_pages, align_order)
        self._book_contig(outcome.calls, nr_pages)
        return views.describe_cma(outcome, nr_pages)

    def cma_release(self, area: str, pfn: int) -> int:
        """Releases what cma_alloc() took at `pfn`; returns its pages.

        Raises Unknown.
        """
        self._cma.held(area, pfn)
        self._devices.look_at_backing()
        return self._cma.release(area, pfn)

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
        identity = self.identity
        return {
            "name": identity.name,
            "preset": identity.preset,
            "policy": identity.policy,
            "fallback": list(identity.fallback),
            "online": identity.online,
            "seed": identity.seed,
            "boot_size": identity.boot_size,
            "source": identity.source,
            "simulated_us": self.clock.now_us,
            "memory": views.describe_memory(self.node),
            "zones": views.describe_zones(self.node),
            "devices": [views.describe_device(row.device, row.driver) for row in self._devices],
            "allocations": [row.describe() for row in self.allocations],
            "cma_areas": self._cma.describe(),
        }

    def describe_device(self, device_id: str) -> Description:
        """Returns a device and its driver, JSON-ready.

        Raises Unknown.
        """
        attached = self._devices.get(device_id)
        return views.describe_device(attached.device, attached.driver)

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
        return PROC_FILES[name](self.node)

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
        """Returns a hex digest of the state: equal ones mean equal futures. Linear in runs of pages."""
        digest = blake2b(node_digest(self.node), digest_size=16)
        rows = (
            tuple(self.allocations),
            self.allocations.last_id,
            tuple(self._taken),
            self._cma.state(),
            self.clock.now_ns,
        )
        digest.update(repr(rows).encode())
        for attached in self._devices:
            digest.update(repr(attached.state()).encode())
        return digest.hexdigest()

    def event_digest(self) -> str:
        """Returns a hex digest of every event since the guest was made."""
        return self._sink.digest()

    # ----------------------------------------------------------------------------------------- inside

    def _book_contig(self, outcomes: Sequence[ContigOutcome], nr_pages: int) -> None:
        """Books what calls of alloc_contig_range() over `nr_pages` each cost, and what they did."""
        for outcome in outcomes:
            self._charge_contig(outcome, nr_pages)
        self._devices.mark_backing()
        if any(outcome.nr_dropped for outcome in outcomes):
            self.allocations.recount()

    def _fire_due(self, moment_ns: int) -> list[Description]:
        """Fires every retry timer that is due by then, in order of time; returns the outcomes."""
        outcomes = []
        while (run := self._devices.fire_next(moment_ns)) is not None:
            outcomes.append(self._describe_run(run))
        return outcomes

    def _describe_run(self, run: DriverRun) -> Description:
        if run.outcome.counts.nr_dropped:
            self.allocations.recount()
        return describe_outcome(run.device_id, run.outcome, simulated_us=run.simulated_us)

    def _renew_backing(self) -> None:
        self._devices.mark_backing()
        self._devices.look_at_backing()


def _require_amount(size: int, *, largest: int, block_size: int) -> None:
    if not 0 < size <= largest or size % block_size:
        accepted = f"a multiple of block_size ({block_size}) above 0, at most {largest}"
        raise InvalidValue("size", size, accepted, block_size=block_size)
