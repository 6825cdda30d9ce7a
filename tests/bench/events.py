"""What events cost a resize: kept, and written for a reader, against a guest that forgets them at once.

A device grows and shrinks; the reader takes what there is after every slice, as the service does.
"""

import time
from collections.abc import Iterable

from app.api.event_stream import written
from app.guest.allocations import AllocationSpec
from app.guest.creation import create_guest
from app.guest.guest import Guest
from app.guest.spec import DeviceSpec, GuestSpec
from app.guest.warm_up import warm_up
from app.operations.events import MOST_IN_BATCH, Batch, describe_event
from app.trace.sink import NullSink
from app.units import GIB
from tests.bench.subject import Effort
from tests.bench.table import Row, Target, at_most

_DEVICE = "vm0"
# As many as there are between two looks at the clock of a slice.
_ACTS = 64


def measure(effort: Effort) -> Iterable[Row]:
    """Yields ratios of processor time: an idle device, where acts are shortest, and one whose every page moves."""
    warm_up(lambda _done, _of, _where: None)
    size = 128 * GIB // effort.divisor
    for what, used, rounds in (("idle device", 0, 3), ("half of its pages move", size // 2, 1)):
        guests = [_make(size, used) for _ in range(3)]
        # Forgetting is the yardstick; both others keep.
        guests[0].events.emit = NullSink().emit  # type: ignore[method-assign]  # the same object is in many hands
        kept, read = [], []
        for _ in range(effort.rounds * rounds):
            forgets, keeps, tells = (
                _cycle_s(guest, size, used, has_reader=number == 2) for number, guest in enumerate(guests)
            )
            kept.append(keeps / forgets)
            read.append(tells / forgets)
        yield _row(f"{what}: kept", kept, None)
        yield _row(f"{what}: kept and read", read, at_most(1.15))


def _row(what: str, ratios: list[float], target: Target | None) -> Row:
    return Row("events", what, "x without", ratios, target)


def _make(size: int, used: int) -> Guest:
    devices = (DeviceSpec(size=2 * size, id=_DEVICE, requested_size=size),)
    guest = create_guest(GuestSpec(name="measured", boot_size=16 * GIB, devices=devices))
    if used:
        guest.pages.allocate(AllocationSpec(kind="anon", order=0, nr_pages=used // guest.geometry.page_size))
    return guest


def _cycle_s(guest: Guest, size: int, used: int, *, has_reader: bool) -> float:
    """Returns the processor seconds of a shrinking to what is used, and of growing back."""
    cursor = guest.events.newest
    start = time.thread_time()
    for target in (used + size // 4, size):
        guest.begin_resize(_DEVICE, target)
        is_done = False
        while not is_done:
            is_done = guest.settle(max_acts=_ACTS)
            while has_reader and (rows := guest.events.read(cursor, MOST_IN_BATCH)):
                cursor = rows[-1].id
                written(Batch([describe_event(row) for row in rows]))
        guest.take_outcomes()
    return time.thread_time() - start
