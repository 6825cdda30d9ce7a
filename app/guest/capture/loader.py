"""Loading: makes a guest of a captured machine, page by page, and reports what agreed and what was assumed.

    runs of flags ──▶ census per pageblock ──▶ deduction ──▶ types, pages, lists ──▶ devices ──▶ report

A loaded guest is a guest like any other. Its pages belong to one allocation for each kind.
Left out: reading the file (app.guest.capture.decoder), what flags mean (app.guest.capture.kinds).
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from app.errors import InvalidValue
from app.guest.allocations import Allocation
from app.guest.capture.deduction import Deduction
from app.guest.capture.machine import CapturedMachine
from app.guest.capture.pages import CapturedPages
from app.guest.capture.plan import (
    CapturedDevice,
    CaptureOptions,
    facts_of_memory_blocks,
    geometry_of,
    leave_out_strangers,
    plan_devices,
    span_of,
    zones_of_pageblocks,
)
from app.guest.capture.proc_text import CapturedZone
from app.guest.capture.report import LoadReport
from app.guest.guest import Guest
from app.guest.identity import GuestIdentity
from app.guest.random_stream import RandomStream
from app.mm import load
from app.mm.checks.invariants import verify_watermarks
from app.mm.hotplug_rules import HotplugRules, parse_online_policy
from app.mm.node import Node
from app.mm.owned import count_pages_by_owner, pin_runs
from app.mm.page import PageKind
from app.mm.policies.policy import KernelPolicy
from app.mm.policies.policy_text import parse_policy
from app.mm.policies.release import policy_for_release
from app.mm.watermark import MinFree, Watermarks, min_free_kbytes
from app.mm.zone import ZONE_NAMES, ZoneId
from app.trace.sink import RingSink
from app.units import align_down
from app.virtio_mem.device import Device
from app.virtio_mem.driver.driver import Driver, ImportedBlock
from app.virtio_mem.driver.fallback import choose_levels

# Kinds that become allocations of the guest, so that a caller can free a part of them.
_OWNED_KINDS = (
    PageKind.ANON,
    PageKind.FILE_CLEAN,
    PageKind.FILE_DIRTY,
    PageKind.THP,
    PageKind.HUGETLB,
    PageKind.PINNED,
    PageKind.MOVABLE_OPS,
)
# What zones managed, and their marks, when the kernel computed it is not told: up to 1/50 off, it is its own number.
_MIN_FREE_SHARE = 50
# Kinds that a driver may pin where they are.
_PINNABLE = _OWNED_KINDS[:5]


def load_capture(
    machine: CapturedMachine, options: CaptureOptions, *, sink: RingSink
) -> tuple[Guest, dict[str, object]]:
    """Returns the guest that `machine` calls for, and the load report, JSON-ready.

    Raises InvalidValue, Unknown.
    """
    if not 0 <= options.pinned_fraction <= 1:
        raise InvalidValue("pinned_fraction", options.pinned_fraction, "a number from 0 to 1")
    if options.online is not None:
        parse_online_policy(options.online)
    return _Loader(machine, options, sink).run()


class _Loader:
    """One load; its parts become the guest."""

    def __init__(self, machine: CapturedMachine, options: CaptureOptions, sink: RingSink) -> None:
        self.machine = machine
        self.options = options
        self.sink = sink
        self.geometry = geometry_of(machine)
        self.report = LoadReport(machine)
        self.policy = self._policy()
        self.levels = choose_levels(self.geometry, self.policy, options.fallback)
        self.pages = CapturedPages(machine, self.geometry)

    def run(self) -> tuple[Guest, dict[str, object]]:
        """Does all of it."""
        census = self.pages.take_census()
        zones = zones_of_pageblocks(self.machine, self.geometry, census.absent < census.pageblock_nr_pages)
        deduction = Deduction(self.machine, self.geometry, census=census, zones=zones, report=self.report)
        devices = plan_devices(
            self.machine,
            self.geometry,
            self.options,
            facts=facts_of_memory_blocks(self.geometry, zones, deduction.census.reserved),
            kernel_policy=self.policy,
        )
        self.report.nr_strangers = leave_out_strangers(self.geometry, devices, zones)
        unplugged = deduction.find_unplugged(devices)
        is_named = self.report.has_virtio_memory or self.options.device != "auto"
        memmaps = deduction.guess_memmaps(devices if is_named else [])
        per_cpu = deduction.guess_per_cpu(self.options.per_cpu, memmaps)
        node = self._node(devices)
        self._online_zones(node, zones)
        load.set_pageblock_types(node, deduction.guess_types(per_cpu))
        corrections = deduction.corrections(per_cpu=per_cpu, memmaps=memmaps, unplugged=unplugged)
        owners = {kind: number + 1 for number, kind in enumerate(_OWNED_KINDS)}
        self.pages.load(node, corrections, owners)
        self._settle(node, memmaps)
        guest = self._guest(node, devices)
        is_unplugged = np.zeros(len(node.arrays.block_zone), np.bool_)
        is_unplugged[unplugged] = True
        for device in devices:
            self._attach(guest, device, is_unplugged)
        self._pin(guest)
        self.report.compare(node)
        return guest, self.report.describe(guest)

    def _policy(self) -> KernelPolicy:
        """Returns the policy as told, or the captured kernel's."""
        if self.options.policy is not None:
            return parse_policy(self.options.policy)
        return policy_for_release(self.machine.kernel_release)

    def _online(self, added: list[ZoneId | None]) -> str:
        """Returns the zone of memory that will be plugged: as told, as the machine does it, or as it did so far.

        added: the zone of each memory block that a device's driver added.
        """
        if self.options.online is not None:
            return self.options.online
        if self.machine.auto_online_blocks in ("online_kernel", "online_movable"):
            return self.machine.auto_online_blocks
        nr_movable = added.count(ZoneId.MOVABLE)
        nr_kernel = len(added) - added.count(None) - nr_movable
        return "online_kernel" if nr_kernel > nr_movable else "online_movable"

    # -------------------------------------------------------------------------------------- making

    def _node(self, devices: list[CapturedDevice]) -> Node:
        return Node(
            self.geometry,
            self.policy,
            nr_pages=span_of(self.machine, self.geometry, devices),
            min_free=self._min_free(),
            sink=self.sink,
        )

    def _min_free(self) -> MinFree:
        """Returns what must have decided the captured min_free_kbytes."""
        captured = self.machine.min_free_kbytes
        scale = self.machine.watermark_scale_factor or MinFree().scale_factor
        facts = [self.machine.zones_named(ZONE_NAMES[zone]) for zone in ZoneId]
        managed = [sum(fact.managed for fact in here) for here in facts]
        high = [sum(fact.high for fact in here) for here in facts]
        sizes = (self.geometry.page_size, self.geometry.pageblock_nr_pages)
        shares = self.policy.movable_shares_min_free
        for rule in (MinFree(scale_factor=scale), MinFree(-1, has_huge_pages=False, scale_factor=scale)):
            computed = min_free_kbytes(managed, high, sizes, rule, movable_shares=shares)
            if captured is None or abs(captured - computed) * _MIN_FREE_SHARE <= computed:
                return rule
        return MinFree(user_kbytes=captured or -1, scale_factor=scale)

    def _online_zones(self, node: Node, zones: NDArray[np.int8]) -> None:
        """Puts every pageblock into its zone, and says which memory blocks are online or offline."""
        size = self.geometry.pageblock_nr_pages
        edges = np.flatnonzero(np.diff(zones)) + 1
        for first, end in zip([0, *edges.tolist()], [*edges.tolist(), len(zones)], strict=True):
            if zones[first] >= 0:
                node.put_in_zone(first * size, end * size, ZoneId(int(zones[first])))
        per_block = self.geometry.pageblocks_per_memory_block
        for first in range(0, len(zones), per_block):
            here = zones[first : first + per_block]
            if here.max() >= 0:
                index = first // per_block
                zone = ZoneId(int(here.max()))
                is_one = bool(((here == zone) | (here < 0)).all())
                node.memory_blocks.set_online(index, index + 1, zone if is_one else None)
        for block in self.machine.memory_blocks:
            if block.state != "online":
                node.memory_blocks.set_offline(block.phys_index)

    def _settle(self, node: Node, memmaps: dict[int, list[int]]) -> None:
        """Memmaps and watermarks; marks that do not follow from min_free_kbytes, as boosted ones, are computed."""
        for block_id, pageblocks in memmaps.items():
            load.set_memmap(node, block_id, [n * self.geometry.pageblock_nr_pages for n in pageblocks])
        node.recompute_watermarks()
        for zone in ZoneId:
            facts = self.machine.zones_named(ZONE_NAMES[zone])
            if any(fact.managed for fact in facts):
                marks = Watermarks(
                    *(sum(column) for column in zip(*((f.min, f.low, f.high) for f in facts), strict=True))
                )
                load.set_watermarks(node, zone, marks, self._reserves(facts))
        if verify_watermarks(node):
            self.report.has_strange_watermarks = True
            node.recompute_watermarks()

    def _reserves(self, facts: Sequence[CapturedZone]) -> list[int]:
        """Returns the lowmem reserves of a zone against each ZoneId; the kernel numbers the zones that it has."""
        reserves = [0] * len(ZoneId)
        for fact in facts:
            names = [zone.name for zone in self.machine.zones if zone.node == fact.node]
            for name, pages in zip(names, fact.protection, strict=False):
                if name in ZONE_NAMES:
                    reserves[ZONE_NAMES.index(name)] += pages
        return reserves

    def _guest(self, node: Node, devices: list[CapturedDevice]) -> Guest:
        added = [node.memory_blocks.zone_id(i) for device in devices for i in device.memory_blocks]
        nr_added = (len(added) - added.count(None)) * self.geometry.memory_block_nr_pages
        boot = (sum(zone.present for zone in node.zones) - nr_added) * self.geometry.page_size
        identity = GuestIdentity(
            name=self.options.name,
            preset=self.geometry.name,
            policy=self.policy.name,
            fallback=tuple(str(level) for level in self.levels),
            online=self._online(added),
            seed=self.options.seed,
            boot_size=boot,
            source="capture",
        )
        node.hotplug_rules = HotplugRules(parse_online_policy(identity.online))
        guest = Guest(identity, node, sink=self.sink)
        nr_pages = count_pages_by_owner(node, len(_OWNED_KINDS))
        for kind in _OWNED_KINDS:
            owner = guest.pages.allocations.new_id()
            if nr_pages[owner]:
                label = f"captured {kind.api_name}"
                guest.pages.allocations.adopt(Allocation(owner, kind, 0, int(nr_pages[owner]), label))
        return guest

    def _attach(self, guest: Guest, planned: CapturedDevice, is_unplugged: NDArray[np.bool_]) -> None:
        device = Device(planned.id, planned.region, sink=self.sink)
        plugged = self._plugged_blocks(planned, is_unplugged)
        edges = np.flatnonzero(np.diff(np.concatenate(([0], plugged, [0]))))
        device.adopt(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True), 0)
        device.adopt(device.plugged_runs(), device.plugged_size)
        driver = guest.attach(device, fallback=self.levels)
        driver.import_state(self._imported(guest.node, device, driver, planned))
        self.report.add_device(planned, device.plugged_size)

    def _plugged_blocks(self, planned: CapturedDevice, is_unplugged: NDArray[np.bool_]) -> NDArray[np.int8]:
        """Returns 1 for each device block that is not unplugged, in the memory blocks that the driver added."""
        region, size = planned.region, self.geometry.memory_block_size
        plugged = np.zeros(region.nr_blocks, np.int8)
        for index in planned.memory_blocks:
            blocks = np.arange(
                (index * size - region.addr) // region.block_size,
                -(-((index + 1) * size - region.addr) // region.block_size),
            )
            plugged[blocks] = ~is_unplugged[
                (region.addr + blocks * region.block_size) // self.geometry.pageblock_size
            ]
        return plugged

    def _imported(
        self, node: Node, device: Device, driver: Driver, planned: CapturedDevice
    ) -> Iterator[ImportedBlock]:
        """Yields the state of each memory block of the device, by its plugged units."""
        size, unit = self.geometry.memory_block_size, driver.unit_size
        per_unit = unit // device.region.block_size
        for index in planned.memory_blocks:
            first = (align_down(index * size, unit) - device.region.addr) // device.region.block_size
            bits = 0
            for number in range(max(size // unit, 1)):
                start = first + number * per_unit
                if device.count_plugged(start, start + per_unit) == per_unit:
                    bits |= 1 << number
            yield ImportedBlock(index, node.memory_blocks.zone_id(index), bits)

    def _pin(self, guest: Guest) -> None:
        """Pins the assumed share of pages that look movable; a compound page is one."""
        if not self.options.pinned_fraction:
            return
        pfns = np.sort(np.concatenate([load.find_runs(guest.node, kind) for kind in _PINNABLE]))
        stream = RandomStream(self.options.seed)
        chosen = pfns[stream.choose(len(pfns), int(len(pfns) * self.options.pinned_fraction))]
        self.report.nr_pinned = pin_runs(guest.node, chosen)
