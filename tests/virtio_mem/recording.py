"""What no single moment shows: laws of order, checked on a record of requests, config reads, passes and memory blocks.

Kept here: INV-22 (the limit at each addition), INV-26 (the timer doubles; a broken driver is silent), INV-27.
Left out: what can be seen at any moment (app.virtio_mem.invariants).
"""

from app.mm.checks.violation import Violation
from app.trace.events import DriverPassEnded, Event, MemoryBlockChanged
from app.trace.sink import ListSink
from app.virtio_mem.device import Device
from app.virtio_mem.protocol import DeviceConfig, Request, RequestType, Response
from tests.virtio_mem.passing import PassingPort

# Results of a pass after which a driver still works (8.3).
_GOES_ON = frozenset({"0", "ENOSPC", "ETXTBSY", "EBUSY", "ENOMEM", "EAGAIN", "EINTR"})
_FIRST_MS, _LAST_MS = 50_000, 300_000


class Recording(PassingPort, ListSink):
    """A driver's port to its device, and the sink of driver and node."""

    def __init__(self, device: Device, *, memory_block_size: int, most_offline: int) -> None:
        """Starts with nothing seen; sizes in bytes."""
        PassingPort.__init__(self, device)
        ListSink.__init__(self)
        self.found: list[Violation] = []
        self._memory_block_size = memory_block_size
        self._most_offline = most_offline
        self._seen_generation = -1
        self._offline: set[int] = set()
        self._present: set[int] = set()
        self._is_broken = False
        # The timer's value when it was armed last; 0: it starts anew.
        self._armed_ms = 0

    # ------------------------------------------------------------------------------------- the port

    @property
    def config(self) -> DeviceConfig:
        """The config space; who reads it has seen every notification so far."""
        self._seen_generation = self._device.generation
        return self._device.config

    def handle(self, request: Request) -> Response:
        """Carries a request over, and notes one that should not have been sent."""
        if self._is_broken:
            self._note("INV-26", request.type.name, "silence of a broken driver", "a request")
        is_bound = request.type in {RequestType.PLUG, RequestType.UNPLUG}
        if is_bound and self._seen_generation != self._device.generation:
            seen = f"that of notification {self._seen_generation}"
            self._note("INV-27", request.type.name, f"config {self._device.generation} read first", seen)
        return self._device.handle(request)

    # ------------------------------------------------------------------------------------- the sink

    def emit(self, event: Event) -> None:
        """Keeps an event, and notes one that breaks a law of order."""
        super().emit(event)
        if isinstance(event, DriverPassEnded):
            self._check_timer(event)
        elif isinstance(event, MemoryBlockChanged):
            self._check_memory_block(event)

    def _check_timer(self, event: DriverPassEnded) -> None:
        self._is_broken = event.result not in _GOES_ON
        if event.result == "0":
            self._armed_ms = 0
        if not event.retry_ms:
            return
        last = self._armed_ms
        accepted = {last, min(2 * last, _LAST_MS)} if last else {_FIRST_MS}
        if event.retry_ms not in accepted:
            self._note("INV-26", "timer", f"one of {sorted(accepted)} ms", f"{event.retry_ms} ms")
        self._armed_ms = event.retry_ms

    def _check_memory_block(self, event: MemoryBlockChanged) -> None:
        block_id = event.memory_block
        is_added = event.state == "offline" and block_id not in self._present
        act = self._offline.add if event.state == "offline" else self._offline.discard
        act(block_id)
        (self._present.discard if event.state == "absent" else self._present.add)(block_id)
        size = len(self._offline) * self._memory_block_size
        if is_added and size > self._most_offline:
            self._note(
                "INV-22", f"memory block {block_id}", f"at most {self._most_offline} offline", str(size)
            )

    def _note(self, law: str, where: str, expected: str, found: str) -> None:
        self.found.append(Violation(law, f"device {self.id} {where}", expected, found))
