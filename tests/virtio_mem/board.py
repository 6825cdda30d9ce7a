"""A machine for driver tests: boot memory, one device, its driver and every event, in one value."""

from typing import NamedTuple

from app.mm import hotplug
from app.mm.geometry import preset
from app.mm.hotplug_rules import HotplugRules, OnlinePolicy
from app.mm.node import Node
from app.mm.outcome import Errno
from app.mm.page import PageKind
from app.mm.policies.policy import KernelPolicy, policy
from app.mm.zone import ZoneId
from app.trace.events import ContigAttempted, RequestAnswered, UnplugAttempted
from app.trace.sink import ListSink
from app.virtio_mem.device import Device
from app.virtio_mem.driver.bigblock_mode import BigBlockMode
from app.virtio_mem.driver.driver import Driver
from app.virtio_mem.driver.fallback import parse_fallback
from app.virtio_mem.driver.options import DriverOptions, ModuleParameters
from app.virtio_mem.driver.report import PassOutcome
from app.virtio_mem.driver.subblock_mode import SubblockMode
from app.virtio_mem.invariants import verify_device, verify_driver
from app.virtio_mem.region import DeviceRegion

# Owner of pages that tests put down.
TEST_OWNER = 7


class Machine(NamedTuple):
    """What to build; sizes in bytes. The device begins where `boot_size` is rounded up to."""

    preset: str = "x86-64"
    policy: str | KernelPolicy = "linux-5.19"
    fallback: tuple[str, ...] = ("memory_block", "chunk", "pageblock")
    online: OnlinePolicy = OnlinePolicy.ONLINE_KERNEL
    boot_size: int = 1 << 30
    region_size: int = 1 << 30
    block_size: int = 2 << 20
    parameters: ModuleParameters = ModuleParameters()
    # Another kernel's driver on this kernel's memory.
    driver_policy: KernelPolicy | None = None


# Device blocks, sub-blocks and pageblocks of 1 MiB, chunks of 2, sections of 4, memory blocks of 8 (ids from 8).
TOY = Machine(preset="toy", boot_size=64 << 20, region_size=64 << 20, block_size=1 << 20)


class Board(NamedTuple):
    """The machine that was built."""

    node: Node
    device: Device
    driver: Driver
    sink: ListSink

    @property
    def sbm(self) -> SubblockMode:
        """The book of a driver in sub-block mode."""
        assert isinstance(self.driver.book, SubblockMode)
        return self.driver.book

    @property
    def bbm(self) -> BigBlockMode:
        """The book of a driver in big block mode."""
        assert isinstance(self.driver.book, BigBlockMode)
        return self.driver.book

    def resize(self, size: int) -> PassOutcome:
        """Sets the target, runs the driver and checks every invariant of device and driver."""
        self.device.set_requested_size(size)
        outcome = self.driver.run()
        self.verify()
        return outcome

    def verify(self) -> None:
        """Asserts that device and driver break no law."""
        assert verify_device(self.device) == []
        assert verify_driver(self.driver, self.device) == []

    def pfn(self, offset: int) -> int:
        """Returns the page at `offset` bytes inside the device's region."""
        return (self.device.region.addr + offset) // self.node.geometry.page_size

    def put(self, offset: int, kind: PageKind, order: int = 0) -> int:
        """Allocates a run of pages at `offset` bytes inside the region; returns its pfn."""
        pfn = self.pfn(offset)
        assert self.node.alloc_at(pfn, order, kind, owner=TEST_OWNER)
        return pfn

    def online(self, memory_block: int, zone: ZoneId) -> Errno:
        """Onlines a memory block by hand; the driver hears of it."""
        size = self.node.geometry.memory_block_nr_pages
        return hotplug.online_pages(self.node, memory_block * size, (memory_block + 1) * size, zone)

    def offline(self, memory_block: int) -> Errno:
        """Offlines a memory block by hand; the driver hears of it."""
        size = self.node.geometry.memory_block_nr_pages
        return hotplug.offline_pages(self.node, memory_block * size, (memory_block + 1) * size).result

    def requests(self) -> list[tuple[str, int, int, str]]:
        """Returns what was asked so far: request, first device block, blocks, answer."""
        region = self.device.region
        return [
            (event.request, (event.addr - region.addr) // region.block_size, event.nb_blocks, event.response)
            for event in self.sink.events
            if isinstance(event, RequestAnswered)
        ]

    def count_contig_calls(self) -> int:
        """Returns how many calls of alloc_contig_range() the node has told of, once it tells the same sink."""
        return sum(isinstance(event, ContigAttempted) for event in self.sink.events)

    def attempts(self) -> list[tuple[str, int, int, str]]:
        """Returns what was taken: level, first device block, blocks, result."""
        page_size, region = self.node.geometry.page_size, self.device.region
        return [
            (
                event.level,
                (event.start_pfn * page_size - region.addr) // region.block_size,
                (event.end_pfn - event.start_pfn) * page_size // region.block_size,
                event.result,
            )
            for event in self.sink.events
            if isinstance(event, UnplugAttempted)
        ]


def build(machine: Machine | None = None, *, sink: ListSink | None = None) -> Board:
    """Builds a machine with all of its boot memory free in ZONE_NORMAL, and nothing plugged."""
    machine = machine or Machine()
    sink = sink or ListSink()
    geometry = preset(machine.preset)
    kernel = policy(machine.policy) if isinstance(machine.policy, str) else machine.policy
    size = geometry.memory_block_size
    region_start = -(-machine.boot_size // size) * size
    node = Node(geometry, kernel, nr_pages=(region_start + machine.region_size) // geometry.page_size)
    node.hotplug_rules = HotplugRules(machine.online)
    boot_end = machine.boot_size // geometry.page_size
    hotplug.boot_memory(node, 0, boot_end, ZoneId.NORMAL)
    node.set_free(0, boot_end)
    node.recompute_watermarks()
    region = DeviceRegion(region_start, machine.region_size, machine.block_size)
    device = Device("vm0", region, sink=sink)
    options = DriverOptions(parse_fallback(machine.fallback), machine.driver_policy, machine.parameters)
    return Board(node, device, Driver(device, node, options, sink=sink), sink)
