"""Telling how a device's size changes: the first change at once, then at most one a second, with the newest size.

    size    128  256  384 ... 2048 MiB           512
    told    128                |2048  ... rests  512          (MEMORY_DEVICE_SIZE_CHANGE)
            |<---- 1 s ------->|

Mirrors QEMU's rate limit of events (recorded facts: `events`), on the guest's clock.
Left out: whoever reads the events (app.operations).
"""

from app.guest.clock import SimulatedClock
from app.trace.events import MemoryDeviceSizeChanged
from app.trace.sink import Sink

INTERVAL_NS = 1_000_000_000


class SizeChanges:
    """What is still to tell of one device; an actor of the guest's agenda."""

    def __init__(self, device_id: str, clock: SimulatedClock, sink: Sink) -> None:
        """Starts with nothing told."""
        self._device_id = device_id
        self._clock = clock
        self._sink = sink
        # Until then sizes are held back.
        self._quiet_until_ns = 0
        # The newest size that was not told; None: there is none.
        self._held_back: int | None = None

    def fork(self, clock: SimulatedClock, sink: Sink) -> "SizeChanges":
        """Returns an independent copy for a copied guest."""
        copy = SizeChanges(self._device_id, clock, sink)
        copy._quiet_until_ns, copy._held_back = self._quiet_until_ns, self._held_back
        return copy

    def note(self, size: int) -> None:
        """Tells a device's new size, in bytes, or holds it back for the rest of the second."""
        self._held_back = size
        if self._clock.now_ns >= self._quiet_until_ns:
            self.tell_now()

    def due_ns(self) -> int | None:
        """When a size that is held back will be told; None: there is none."""
        return None if self._held_back is None else self._quiet_until_ns

    def act(self) -> None:
        """The second is over."""
        self.tell_now()

    def tell_now(self) -> None:
        """Tells what is held back, if anything is: nobody will let time pass by itself."""
        if self._held_back is None:
            return
        size, self._held_back = self._held_back, None
        self._quiet_until_ns = self._clock.now_ns + INTERVAL_NS
        self._sink.emit(MemoryDeviceSizeChanged(self._device_id, size, self._clock.now_us))

    def state(self) -> tuple[object, ...]:
        """Returns all that decides what will be told when, for a digest."""
        return (self._quiet_until_ns, self._held_back)
