"""Loading: makes a guest of a captured machine, page by page, and reports what agreed and what was assumed.

    runs of flags ──▶ census per pageblock ──▶ guesses ──▶ pages, types, lists ──▶ devices ──▶ report

A loaded guest is a guest like any other. Its pages belong to one allocation for each kind.
Left out: reading the file (app.guest.capture_decoder), what flags mean (app.guest.capture_kinds).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from app.errors import InvalidValue
from app.guest.allocations import Allocation
from app.guest.capture_guess import (
    PageblockCensus,
    PerCpuAssumption,
    guess_memmaps,
    guess_per_cpu,
    guess_types,
)
from app.guest.capture_pages import CapturedPages
from app.guest.capture_plan import (
    CapturedDevice,
    CaptureOptions,
    geometry_of,
    plan_devices,
    zones_of_pageblocks,
)
from app.guest.capture_report import LoadReport
from app.guest.captured import CapturedMachine
from app.guest.guest import Guest, GuestIdentity
from app.guest.proc_text import CapturedZone
from app.guest.random_stream import RandomStream
from app.guest.spec import ONLINE_KINDS
from app.mm import load
from app.mm.node import Node
from app.mm.owned import pin_runs
from app.mm.page import Migratetype, PageKind
from app.mm.policy import policy
from app.mm.release import running_policy_for_release
from app.mm.watermark import MinFree, Watermarks, min_free_kbytes
from app.mm.zone import ZONE_NAMES, ZoneId
from app.trace.sink import RingSink
from app.units import align_up
from app.virtio_mem.device import Device
from app.virtio_mem.driver.driver import Driver, ImportedBlock

# Kinds that become allocations of the guest, so that a caller can free a part of them.
_OWNED_KINDS = (PageKind.ANON, PageKind.FILE_CLEAN, PageKind.FILE_DIRTY, PageKind.THP, PageKind.HUGETLB)


def load_capture(
    machine: CapturedMachine, options: CaptureOptions, *, sink: RingSink
) -> tuple[Guest, dict[str, object]]:
    """Returns the guest that `machine` calls for, and the load report, JSON-ready.

    Raises InvalidValue, Unknown.
    """
    if not 0 <= options.pinned_fraction <= 1:
        raise InvalidValue("pinned_fraction", options.pinned_fraction, "a number from 0 to 1")
    return _Loader(machine, options, sink).run()


class _Loader:
    """One load; its parts become the guest."""

    def __init__(self, machine: CapturedMachine, options: CaptureOptions, sink: RingSink) -> None:
        self.machine = machine
        self.options = options
        self.sink = sink
        self.geometry = geometry_of(machine)
        self.policy = (
            policy(options.policy) if options.policy else running_policy_for_release(machine.kernel_release)
        )
        self.pages = CapturedPages(machine, self.geometry)
        self.report = LoadReport(machine)
        self.online = self._online()

    def run(self) -> tuple[Guest, dict[str, object]]:
        """Does all of it."""
        census = self.pages.take_census()
        zones = zones_of_pageblocks(self.machine, self.geometry, census.absent < census.pageblock_nr_pages)
        devices = plan_devices(self.machine, self.geometry, self.options, self._reserved_blocks(census))
        memmaps = self._guess_memmaps(census, zones, devices)
        per_cpu = self._guess_per_cpu(census, zones, memmaps)
        node = self._node(devices)
        self._online_zones(node, zones)
        self._place_types(node, census, zones)
        self.pages.load(
            node,
            per_cpu=per_cpu,
            memmaps=np.array(sorted(memmaps.values()), np.int64),
            owners={kind: number + 1 for number, kind in enumerate(_OWNED_KINDS)},
        )
        self._settle(node, memmaps)
        guest = self._guest(node)
        for device in devices:
            self._attach(guest, device)
        self._pin(guest)
        self.report.compare(node)
        return guest, self.report.describe(guest)

    def _reserved_blocks(self, census: PageblockCensus) -> NDArray[np.bool_]:
        """Returns for every memory block whether it has reserved pages."""
        per_block = self.geometry.pageblocks_per_memory_block
        padded = np.pad(census.reserved, (0, -len(census.reserved) % per_block))
        return np.asarray(padded.reshape(-1, per_block).any(1), np.bool_)

    def _online(self) -> str:
        if self.options.online is not None:
            if self.options.online not in ONLINE_KINDS:
                raise InvalidValue("online", self.options.online, " or ".join(ONLINE_KINDS))
            return self.options.online
        found = self.machine.auto_online_blocks
        return found if found in ONLINE_KINDS else "online_movable"

    # ------------------------------------------------------------------------------------- guessing

    def _zone_facts(self, zone: ZoneId) -> list[CapturedZone]:
        return [fact for fact in self.machine.zones if fact.name == ZONE_NAMES[zone]]

    def _guess_per_cpu(
        self, census: PageblockCensus, zones: NDArray[np.int8], memmaps: dict[int, int]
    ) -> NDArray[np.int64]:
        """Returns the pageblocks whose unmarked pages wait on per-cpu lists."""
        is_free_to_guess = np.ones(len(zones), np.bool_)
        is_free_to_guess[list(memmaps.values())] = False
        found = []
        for zone in ZoneId:
            counted = sum(fact.pcp_count for fact in self._zone_facts(zone))
            # The kernel's own pages never lie in ZONE_MOVABLE (B-10).
            is_sure = zone is ZoneId.MOVABLE and self.options.per_cpu is PerCpuAssumption.AUTO
            assumption = PerCpuAssumption.ALL if is_sure else self.options.per_cpu
            blocks = guess_per_cpu(census, is_free_to_guess & (zones == zone), counted, assumption=assumption)
            self.report.add_per_cpu(zone, counted, int(census.unmarked[blocks].sum()))
            found.append(blocks)
        return np.concatenate(found)

    def _guess_memmaps(
        self, census: PageblockCensus, zones: NDArray[np.int8], devices: list[CapturedDevice]
    ) -> dict[int, int]:
        """Returns memory block -> pageblock of its memmap, where that can be told."""
        size, per_block = self.geometry.memory_block_size, self.geometry.pageblocks_per_memory_block
        memmap_fills_pageblock = size // self.geometry.page_size * 64 == self.geometry.pageblock_size
        if not memmap_fills_pageblock or not self.report.has_virtio_memory:
            return {}
        found: dict[int, int] = {}
        is_kernel_zone = (zones >= 0) & (zones < ZoneId.MOVABLE)
        for device in devices:
            first, end = device.region.addr // size, -(-device.region.end // size)
            normal = np.flatnonzero(zones == ZoneId.NORMAL)
            starts_here = bool(len(normal)) and int(normal[0]) >= first * per_block
            found.update(
                guess_memmaps(
                    np.where(is_kernel_zone, census.unmarked, 0) == census.pageblock_nr_pages,
                    [block for block in device.memory_blocks if block not in found],
                    region=(first * per_block, end * per_block),
                    in_normal=starts_here,
                )
            )
        self.report.nr_memmaps = len(found)
        return found

    def _place_types(self, node: Node, census: PageblockCensus, zones: NDArray[np.int8]) -> None:
        types = np.full(len(zones), Migratetype.MOVABLE, np.uint8)
        facts = self.machine.pagetypeinfo
        if facts is not None:
            for zone in ZoneId:
                counts: dict[str, int] = {}
                for key, row in facts.blocks.items():
                    if key.name == ZONE_NAMES[zone]:
                        counts = {name: counts.get(name, 0) + count for name, count in row.items()}
                self.report.nr_types_unplaced += guess_types(census, zones == zone, counts, types)
        load.set_pageblock_types(node, types)

    # -------------------------------------------------------------------------------------- making

    def _node(self, devices: list[CapturedDevice]) -> Node:
        page_size = self.geometry.page_size
        end = max([self.machine.nr_pages * page_size, *(device.region.end for device in devices)])
        return Node(
            self.geometry,
            self.policy,
            nr_pages=align_up(end, self.geometry.memory_block_size) // page_size,
            min_free=self._min_free(),
            sink=self.sink,
        )

    def _min_free(self) -> MinFree:
        """Returns what must have decided the captured min_free_kbytes."""
        captured = self.machine.min_free_kbytes
        scale = self.machine.watermark_scale_factor or MinFree().scale_factor
        managed = [sum(fact.managed for fact in self._zone_facts(zone)) for zone in ZoneId]
        sizes = (self.geometry.page_size, self.geometry.pageblock_nr_pages)
        for rule in (MinFree(scale_factor=scale), MinFree(-1, has_huge_pages=False, scale_factor=scale)):
            if captured is None or captured == min_free_kbytes(managed, *sizes, rule):
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
                node.memory_blocks.set_online(index, index + 1, ZoneId(int(here.max())))
        for block in self.machine.memory_blocks:
            if block.state != "online":
                node.memory_blocks.set_offline(block.phys_index)

    def _settle(self, node: Node, memmaps: dict[int, int]) -> None:
        """Memmaps, per-cpu pages and watermarks."""
        for block_id, pageblock in memmaps.items():
            load.set_memmap(node, block_id, pageblock * self.geometry.pageblock_nr_pages)
        node.recompute_watermarks()
        for zone in ZoneId:
            facts = self._zone_facts(zone)
            if len(facts) == 1 and facts[0].managed and len(facts[0].protection) > ZoneId.MOVABLE:
                fact = facts[0]
                reserves = fact.protection[: len(ZoneId)]
                load.set_watermarks(node, zone, Watermarks(fact.min, fact.low, fact.high), reserves)

    def _guest(self, node: Node) -> Guest:
        boot = sum(zone.present for zone in node.zones) * self.geometry.page_size
        identity = GuestIdentity(
            name=self.options.name,
            preset=self.geometry.name,
            policy=self.policy.name,
            fallback=tuple(self.options.fallback),
            online=self.online,
            seed=self.options.seed,
            boot_size=boot,
            source="capture",
        )
        guest = Guest(identity, node, sink=self.sink)
        for kind in _OWNED_KINDS:
            owner = guest.allocations.new_id()
            pfns = node.owned_pfns(owner)
            if len(pfns):
                guest.allocations.adopt(Allocation(owner, kind, 0, 0, f"captured {kind.api_name}"))
        guest.allocations.recount()
        return guest

    def _attach(self, guest: Guest, planned: CapturedDevice) -> None:
        device = Device(planned.id, planned.region, sink=self.sink)
        plugged = self._plugged_blocks(guest.node, planned)
        edges = np.flatnonzero(np.diff(np.concatenate(([0], plugged, [0]))))
        device.adopt(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True), 0)
        device.adopt(device.plugged_runs(), device.plugged_size)
        driver = guest.attach(device, fallback=self.options.fallback, online=self.online)
        driver.import_state(self._imported(guest.node, device, driver, planned))
        self.report.add_device(planned, device.plugged_size)

    def _plugged_blocks(self, node: Node, planned: CapturedDevice) -> NDArray[np.int8]:
        """Returns 1 for each device block with a page that is not offline, in memory blocks that are there."""
        region, size = planned.region, self.geometry.memory_block_size
        plugged = np.zeros(region.nr_blocks, np.int8)
        nr_pages = region.block_size // self.geometry.page_size
        for index in planned.memory_blocks:
            first = max(index * size - region.addr, 0) // region.block_size
            end = min(((index + 1) * size - region.addr) // region.block_size, region.nr_blocks)
            is_online = node.memory_blocks.zone_id(index) is not None
            for block in range(first, end):
                pfn = (region.addr + block * region.block_size) // self.geometry.page_size
                plugged[block] = not is_online or not node.is_all(pfn, pfn + nr_pages, PageKind.OFFLINE)
        return plugged

    def _imported(
        self, node: Node, device: Device, driver: Driver, planned: CapturedDevice
    ) -> Iterator[ImportedBlock]:
        """Yields the state of each memory block of the device, by its plugged sub-blocks."""
        size, subblock = self.geometry.memory_block_size, driver.subblock_size
        per_subblock = subblock // device.region.block_size
        for index in planned.memory_blocks:
            if not driver.owns(index):
                continue
            first = (index * size - device.region.addr) // device.region.block_size
            bits = 0
            for number in range(size // subblock):
                start = first + number * per_subblock
                if device.count_plugged(start, start + per_subblock) == per_subblock:
                    bits |= 1 << number
            yield ImportedBlock(index, node.memory_blocks.zone_id(index), bits)

    def _pin(self, guest: Guest) -> None:
        """Pins the assumed share of anonymous pages."""
        if not self.options.pinned_fraction:
            return
        pfns = load.find_runs(guest.node, PageKind.ANON)
        stream = RandomStream(self.options.seed)
        chosen = pfns[stream.choose(len(pfns), int(len(pfns) * self.options.pinned_fraction))]
        self.report.nr_pinned = pin_runs(guest.node, chosen)
