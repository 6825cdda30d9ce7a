"""The driver's work item: reads the config, cleans up, plugs or unplugs, and decides when to try again.

Mirrors virtio_mem_run_wq() of drivers/virtio/virtio_mem.c (semantics 8.3, D-2 to D-5), 5.10 to 6.18.

    run ──▶ pass ──▶ pass ...      a pass is followed by another at once when a new config interrupted it,
                      │            or when it has removed memory (its memmap may hold the next piece)
                      └──▶ idle | waiting_retry | broken

What plugs and unplugs is the mode's (app.virtio_mem.driver.walks); the two have one work item, timer and result.
It is done act by act (app.virtio_mem.driver.acts): begin() and step() let others in between, run() does not.
Invariants kept here: INV-26, INV-28.
Left out: waiting (the guest's clock owns it), the crash kernel of D-5, suspend (D-15).
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from enum import StrEnum
from typing import NamedTuple

from app.mm import hotplug
from app.mm.node import Node
from app.mm.outcome import Errno
from app.mm.policies.switches import Level
from app.mm.zone import ZoneId
from app.trace.events import DriverPassEnded
from app.trace.sink import NullSink, Sink
from app.virtio_mem.driver.acts import Acts
from app.virtio_mem.driver.causes import Cause
from app.virtio_mem.driver.fallback import choose_levels, plan_fallback
from app.virtio_mem.driver.interference import DriverInterference
from app.virtio_mem.driver.options import DriverOptions, ModuleParameters
from app.virtio_mem.driver.report import PassCounts, PassOutcome, PassTally, StuckPiece, WorkReport
from app.virtio_mem.driver.requests import RequestQueue
from app.virtio_mem.driver.states import BlockState
from app.virtio_mem.driver.walks import Book, make_walks
from app.virtio_mem.protocol import DevicePort

RETRY_MIN_MS = 50_000
RETRY_MAX_MS = 300_000
# A stale view of the host's makes the driver run again at once, for ever (S37); the simulator stops here.
MAX_PASSES = 1000


# Takes the counts of a pass that ends, and returns the simulated time in us then.
Charge = Callable[[PassCounts, RequestQueue], int]

# D-14: what starts the retry timer. Where the simulator gave up (EINTR), Linux would still be trying (HP-6).
_RETRIED = frozenset({Errno.ETXTBSY, Errno.EBUSY, Errno.ENOMEM, Errno.EINTR})


class DriverState(StrEnum):
    """What the driver is at."""

    IDLE = "idle"
    WORKING = "working"
    WAITING_RETRY = "waiting_retry"
    BROKEN = "broken"
    UNLOADED = "unloaded"


class ImportedBlock(NamedTuple):
    """A captured memory block: its id, its zone (None: offline), the bits of its plugged sub-blocks."""

    memory_block: int
    zone: ZoneId | None
    plugged: int


class Driver:
    """One device's driver, in the mode that its device, its kernel and its parameters make (G-7, 8.10)."""

    def __init__(
        self,
        device: DevicePort,
        node: Node,
        options: DriverOptions | None = None,
        *,
        sink: Sink | None = None,
        charge: Charge | None = None,
    ) -> None:
        """Probes the device.

        Raises InvalidValue when the levels make no sense here, or the driver refuses the device.
        """
        options = DriverOptions() if options is None else options
        policy = node.policy if options.policy is None else options.policy
        queue = RequestQueue(device, options.features)
        levels = choose_levels(node.geometry, policy, options.fallback)
        self.plan = plan_fallback(
            node.geometry,
            policy,
            fallback=levels,
            block_size=queue.block_size,
            parameters=options.parameters,
        )
        self._sink: Sink = NullSink() if sink is None else sink
        self._walks = make_walks(queue, node, self.plan, policy=policy, sink=self._sink)
        self.book: Book = self._walks.book
        self.options = options
        self.set_parameters(options.parameters)
        # Whether the module is there; without it the device is told what it shall have, and nothing happens.
        self.is_loaded = True
        self.is_broken = False
        # Milliseconds of the armed retry timer; 0 when it is not armed.
        self.armed_ms = 0
        # How the last pass ended; None before the first.
        self.last_result: Errno | None = None
        # What the timer will be armed with next (D-3).
        self.retry_ms = RETRY_MIN_MS
        self._charge = charge
        # D-5: an earlier kernel left memory plugged that this one does not use.
        self.is_unplug_all_required = queue.plugged_size > 0
        self._counts = PassCounts()
        self._offline_bytes = 0
        self._size_before = queue.plugged_size
        # The work item that is being done, how many acts of it are done, and how the last one ended.
        self._work: Acts[PassOutcome] | None = None
        self.nr_acts = 0
        self.outcome: PassOutcome | None = None

    # ----------------------------------------------------------------------------- what it tells

    @property
    def state(self) -> DriverState:
        """What the driver does now."""
        if not self.is_loaded:
            return DriverState.UNLOADED
        if self.is_broken:
            return DriverState.BROKEN
        if self.is_working:
            return DriverState.WORKING
        return DriverState.WAITING_RETRY if self.armed_ms else DriverState.IDLE

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels in use, largest first; the last one's unit is the least that is unplugged."""
        return tuple(unplug_level.level for unplug_level in self.plan.levels)

    @property
    def unit_size(self) -> int:
        """Bytes of the least that is plugged: a sub-block, or a big block."""
        return self.plan.unit_size

    @property
    def ignored_parameters(self) -> tuple[str, ...]:
        """The module parameters that were set and change nothing: the release or the mode does not know them."""
        parameters = self.options.parameters
        ignored = parameters.unknown_to(self.book.policy)
        wanted = parameters.bbm_block_size
        if not wanted or wanted == self.unit_size or "bbm_block_size" in ignored:
            return ignored
        return (*ignored, "bbm_block_size")

    def count_blocks(self) -> dict[str, int]:
        """Returns how many memory blocks or big blocks are in each state; those never used count as unused."""
        blocks = self.book.blocks
        counts = {state.name.lower(): blocks.counts[state] for state in self.book.states}
        counts[BlockState.UNUSED.name.lower()] += blocks.nr_blocks - blocks.next_index
        return counts

    # ------------------------------------------------------------------------------ the work item

    @property
    def queue(self) -> RequestQueue:
        """Its end of the device's queue, with the config as it was last read."""
        return self.book.queue

    @property
    def is_working(self) -> bool:
        """Whether a work item has begun and not ended."""
        return self._work is not None

    @property
    def is_work_queued(self) -> bool:
        """Whether memory went online or offline by hand, and a work item should follow (8.8)."""
        return self.is_loaded and self.book.is_work_wanted and not self.is_working

    def begin(self) -> None:
        """Begins the work item: because the config changed, or memory went online or offline."""
        assert self._work is None, "one work item handles everything in sequence (section 8)"
        self.armed_ms = 0
        self.nr_acts = 0
        self.book.is_active = True
        self._work = self._work_item()

    def begin_retry(self) -> None:
        """Begins the work item because the retry timer has expired; the next one waits twice as long (D-3)."""
        assert self.armed_ms, "INV-26: the retry timer fired without being armed"
        self.retry_ms = min(2 * self.retry_ms, RETRY_MAX_MS)
        self.begin()

    def step(self) -> bool:
        """Does the work item up to its next act; returns False when it has ended, and `outcome` is its."""
        assert self._work is not None, "there is no work item"
        self.nr_acts += 1
        try:
            next(self._work)
        except StopIteration as stop:
            self._work = None
            self.book.is_active = False
            self.outcome = stop.value
            return False
        return True

    def break_down(self) -> None:
        """Breaks as by an error that it does not expect (D-4), before it begins a work item."""
        self.is_broken = True
        self.last_result = Errno.EINVAL

    def abandon(self) -> None:
        """Ends a work item that is under way without an outcome; the timer is not armed any more."""
        self._work = None
        self.book.is_active = False
        self.armed_ms = 0
        # It was interrupted: whatever its target was, it is not met (INV-28).
        self.last_result = Errno.EAGAIN

    def unload(self) -> None:
        """Takes the module out of the kernel; memory that it added stays, and nobody speaks for it any more."""
        assert self._work is None, "the module is taken out between two work items"
        self.armed_ms = 0
        self.last_result = None
        self.is_loaded = False
        self.book.node.listeners.unsubscribe(self.book)

    def run(self) -> PassOutcome:
        """Runs the work item to its end at once."""
        self.begin()
        return self.finish()

    def fire_timer(self) -> PassOutcome:
        """Runs the work item to its end at once because the retry timer has expired."""
        self.begin_retry()
        return self.finish()

    def finish(self) -> PassOutcome:
        """Does what is left of the work item at once."""
        while self.step():
            pass
        assert self.outcome is not None, "a work item that ended has an outcome"
        return self.outcome

    def counts_of_pass(self) -> PassCounts:
        """Returns what the present pass has done so far."""
        return self.book.tally.counts(self.book.queue.nr_requests)

    def _work_item(self) -> Acts[PassOutcome]:
        queue = self.book.queue
        self._begin_report()
        result = Errno.OK
        nr_passes = 0
        is_wanted = self.is_loaded and not self.is_broken
        if not is_wanted:
            # Nobody reads the config; the outcome tells what was asked for.
            queue.refresh()
        while is_wanted and nr_passes < MAX_PASSES:
            nr_passes += 1
            result = yield from self._pass()
            is_wanted = self._is_pass_wanted(result)
        return self._outcome(result, nr_passes=nr_passes, is_livelocked=is_wanted)

    def _begin_report(self) -> None:
        """Begins to tell anew: of a work item, or of a target that took another's place in the middle of it."""
        self.book.report = WorkReport(self.plan, self.book.blocks)
        self._counts = PassCounts()
        self._offline_bytes = 0
        self._size_before = self.book.queue.plugged_size

    def _pass(self) -> Acts[Errno]:
        book = self.book
        book.tally = PassTally(book.queue.nr_requests)
        book.is_work_wanted = False
        book.report.begin_pass()
        result = yield from self._attempt()
        self._settle(result)
        queue = book.queue
        counts = self.counts_of_pass()
        self._counts = self._counts.plus(counts)
        self._offline_bytes += book.tally.offline_bytes
        now_us = 0 if self._charge is None else self._charge(counts, queue)
        self._sink.emit(
            DriverPassEnded(queue.device_id, str(result), queue.plugged_size, self.armed_ms, now_us)
        )
        return result

    def _attempt(self) -> Acts[Errno]:
        """The body of one pass; the config is read again whatever became of UNPLUG_ALL."""
        book = self.book
        queue = book.queue
        result = Errno.OK
        if self.is_unplug_all_required:
            yield
            result = queue.unplug_all()
            self.is_unplug_all_required = result is not Errno.OK
        if queue.is_config_changed:
            target = queue.requested_size
            queue.refresh()
            if queue.requested_size != target:
                self._begin_report()
        if result is Errno.OK:
            result = yield from self._walks.clean_up()
        if result is Errno.OK:
            result = yield from self._approach_target()
        elif result is not Errno.EAGAIN:
            # The pass did not come to its target.
            left = abs(queue.requested_size - queue.plugged_size)
            book.report.set_shortage(StuckPiece(None, None, None, result, left, Cause.DEVICE))
        if result is Errno.OK and book.is_removal_pending:
            result = Errno.EBUSY
        return result

    def _approach_target(self) -> Acts[Errno]:
        book = self.book
        missing = book.queue.requested_size - book.queue.plugged_size
        # A rest smaller than a unit stays (8.4, 8.5, S31).
        if missing > 0:
            book.report.forget_stuck()
            return (yield from self._walks.plug(missing // book.unit_size))
        if missing < 0:
            return (yield from self._walks.unplug(-missing // book.unit_size))
        return Errno.OK

    def _settle(self, result: Errno) -> None:
        """Sets timer and brokenness from a pass's result (8.3)."""
        self.armed_ms = 0
        self.last_result = result
        if result is Errno.OK:
            self.retry_ms = RETRY_MIN_MS
        elif result in _RETRIED:
            self.armed_ms = self.retry_ms
        elif result is not Errno.ENOSPC and result is not Errno.EAGAIN:
            self.is_broken = True  # D-4

    def _is_pass_wanted(self, result: Errno) -> bool:
        if self.is_broken:
            return False
        # Recorded: a pass that took a memory block offline is followed by one more at once; it heard of it itself.
        return result is Errno.EAGAIN or self.book.is_work_wanted or self.book.queue.is_config_changed

    def _outcome(self, result: Errno, *, nr_passes: int, is_livelocked: bool) -> PassOutcome:
        queue, report = self.book.queue, self.book.report
        is_done = result is Errno.OK
        return PassOutcome(
            result=result,
            nr_passes=nr_passes,
            requested_size=queue.requested_size,
            size_before=self._size_before,
            size=queue.plugged_size,
            by_level=report.by_level(),
            offline_bytes=self._offline_bytes,
            obstacles=() if is_done else report.obstacles(),
            obstacle_count=0 if is_done else report.obstacle_count(),
            obstacle_groups=() if is_done else report.obstacle_groups(),
            counts=self._counts,
            retry_ms=self.armed_ms,
            is_livelocked=is_livelocked,
            failures=report.failures(),
            types_lost=report.types_lost(),
        )

    def set_parameters(self, parameters: ModuleParameters) -> None:
        """Changes what the kernel lets change while the module is loaded: unplug_online and bbm_safe_unplug."""
        self.options = replace(self.options, parameters=parameters)
        self.book.parameters = parameters.known_to(self.book.policy)

    def set_interference(self, interference: DriverInterference | None) -> None:
        """Lets somebody be asked before attempts and additions, or nobody."""
        self.book.interference = interference

    def owns(self, memory_block: int) -> bool:
        """Whether a memory block was added by this driver, or can be."""
        return 0 <= self.book.position_of(memory_block) < self.book.blocks.nr_blocks

    # ---------------------------------------------------------------------------- captured guests

    def import_state(self, imported: Iterable[ImportedBlock]) -> None:
        """Takes over a captured guest's memory blocks; device and node must hold the same state already.

        Only before the first run(). Raises nothing: ids outside the region are our own defect.
        """
        book = self.book
        for memory_block, zone, plugged in imported:
            index = book.position_of(memory_block)
            assert self.owns(memory_block), f"INV-20: memory block {memory_block} is outside the region"
            assert plugged & ~book.blocks.full_mask == 0, f"INV-19: too many bits: {plugged:#x}"
            book.blocks.claim_up_to(index)
            book.blocks.plugged[index] = plugged
            book.settle_state(index, zone)
            book.offline_size += book.memory_block_size if zone is None else 0
            hotplug.adopt_memory_block(book.node, memory_block, book.queue.device_id)
        book.queue.refresh()
        self.is_unplug_all_required = False
