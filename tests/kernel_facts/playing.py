"""A simulated guest in the place of a recorded one: does a step and tells what came of it in the recording's words."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from app.guest.guest import Guest
from app.trace.events import ContigAttempted, Event, RequestAnswered
from app.virtio_mem.device import Device
from app.virtio_mem.driver.driver import Driver
from tests.kernel_facts.recordings import Call, Request

PAGEBLOCK = 512
_RESULTS = {"0": 0, "EBUSY": -16, "ENOMEM": -12}
_ANSWERS = ("ACK", "NACK", "BUSY", "ERROR")


class Done(NamedTuple):
    """What a step made: the size after it, requests, the size after each request, alloc_contig_range() calls."""

    size: int
    requests: list[Request]
    sizes: list[int]
    calls: list[Call]
    migrated_pages: int

    def call_counts(self) -> dict[str, int]:
        """Returns how often a call of some size had some result, as recordings sum them up."""
        counts = Counter(f"{count * 2}MiB ret={result}" for _, count, result in self.calls)
        return dict(counts)


class Played:
    """One guest with one device, vm0."""

    def __init__(self, guest: Guest) -> None:
        """Takes the guest as it is."""
        self.guest = guest

    @property
    def device(self) -> Device:
        """Its device."""
        return self.guest._devices.get("vm0").device  # noqa: SLF001 - what the guest keeps is what tests look at

    @property
    def driver(self) -> Driver:
        """The device's driver."""
        return self.guest._devices.get("vm0").driver  # noqa: SLF001 - as above

    @property
    def first_pfn(self) -> int:
        """Where the device's region begins."""
        return self.device.region.addr // self.guest.geometry.page_size

    def resize(self, requested_size: int) -> Done:
        """Asks for a size."""
        return self.watch(lambda: self.guest.resize("vm0", requested_size))

    def ask_again(self, requested_size: int) -> Done:
        """Asks for a size that is the target already, as the recorder does: for one block first if nothing is plugged.

        With memory plugged the driver notices the second target before its first request.
        """
        if self.device.plugged_size:
            return self.resize(requested_size)
        one = self.device.region.block_size
        return self.watch(lambda: [self.guest.resize("vm0", size) for size in (one, requested_size)])

    def watch(self, act: Callable[[], object]) -> Done:
        """Does `act` and tells what device and kernel did meanwhile."""
        sink = self.guest.events
        emitted, size = sink.emitted, self.device.plugged_size
        act()
        events = sink.events[len(sink.events) - (sink.emitted - emitted) :]
        return self._tell(events, size)

    def online_pageblocks(self) -> frozenset[int]:
        """Returns the pageblocks of the region that are plugged and online: those that a page map shows."""
        page_size, blocks = self.guest.geometry.page_size, self.guest.node.memory_blocks
        per_block = self.device.region.block_size // (PAGEBLOCK * page_size)
        per_memory_block = self.guest.geometry.memory_block_nr_pages // PAGEBLOCK
        first_memory_block = self.first_pfn // self.guest.geometry.memory_block_nr_pages
        return frozenset(
            number
            for first, end in self.device.plugged_runs()
            for number in range(first * per_block, end * per_block)
            if blocks.zone_id(first_memory_block + number // per_memory_block) is not None
        )

    def _tell(self, events: Sequence[Event], size: int) -> Done:
        done = Done(self.device.plugged_size, [], [], [], 0)
        migrated = 0
        for event in events:
            if isinstance(event, RequestAnswered):
                request = self._request(event)
                done.requests.append(request)
                size += self._step(request)
                done.sizes.append(size)
            elif isinstance(event, ContigAttempted):
                done.calls.append(self._call(event))
                migrated += event.nr_migrated
        return done._replace(migrated_pages=migrated)

    def _request(self, event: RequestAnswered) -> Request:
        region = self.device.region
        first = (event.addr - region.addr) // region.block_size
        return event.request.lower(), first, event.nb_blocks, _ANSWERS.index(event.response)

    def _step(self, request: Request) -> int:
        """Returns by how much a request changed the size."""
        op, _, blocks, answer = request
        size = 0 if answer else blocks * self.device.region.block_size
        return size if op == "plug" else -size

    def _call(self, event: ContigAttempted) -> Call:
        first = (event.start_pfn - self.first_pfn) // PAGEBLOCK
        return first, (event.end_pfn - event.start_pfn) // PAGEBLOCK, _RESULTS[event.result]
