"""Memory taken back through device and driver, events and reasons on: from an idle guest, and page by page."""

import time
from collections.abc import Iterable

from app.guest.allocations import AllocationSpec
from app.guest.creation import create_guest
from app.guest.guest import Guest
from app.guest.spec import DeviceSpec, GuestSpec
from app.guest.warm_up import warm_up
from app.units import GIB
from tests.bench.subject import Effort
from tests.bench.table import Row, at_least

_DEVICE = "vm0"


def measure(effort: Effort) -> Iterable[Row]:
    """Yields simulated GiB per second of processor time."""
    warm_up(lambda _done, _of, _where: None)
    for online in ("online_movable", "online_kernel"):
        yield from _idle(effort, online)
    yield _all_moves(effort)


def _idle(effort: Effort, online: str) -> Iterable[Row]:
    """A device of which nothing is in use, plugged and unplugged as a whole."""
    size = 256 * GIB // effort.divisor
    guest = _make(size, boot_size=8 * GIB, online=online)
    plugs, unplugs = [], []
    for _ in range(effort.rounds):
        plugs.append(_timed_resize(guest, size))
        unplugs.append(_timed_resize(guest, 0))
    yield Row("unplug", f"idle guest, {online}: unplug", "GiB/s", unplugs, at_least(1000))
    yield Row("unplug", f"idle guest, {online}: plug", "GiB/s", plugs)


def _all_moves(effort: Effort) -> Row:
    """A device full of single anonymous pages, each of which must move to boot memory."""
    size = 16 * GIB // effort.divisor
    speeds = []
    for _ in range(effort.rounds):
        guest = _make(size, boot_size=24 * GIB, online="online_movable")
        guest.resize(_DEVICE, size)
        guest.pages.allocate(AllocationSpec(kind="anon", order=0, nr_pages=size // guest.geometry.page_size))
        speeds.append(_timed_resize(guest, 0))
    return Row("unplug", "every page moves, order 0", "GiB/s", speeds, at_least(4))


def _make(size: int, *, boot_size: int, online: str) -> Guest:
    devices = (DeviceSpec(size=size, id=_DEVICE),)
    levels = ("memory_block", "chunk", "pageblock")
    spec = GuestSpec(name="measured", boot_size=boot_size, online=online, devices=devices, fallback=levels)
    return create_guest(spec)


def _timed_resize(guest: Guest, requested_size: int) -> float:
    """Resizes the device, which must succeed wholly; returns GiB per second of processor time."""
    before = guest.describe_device(_DEVICE)["size"]
    start = time.thread_time()
    outcome = guest.resize(_DEVICE, requested_size)
    elapsed = time.thread_time() - start
    assert outcome["state"] == "done", f"the guest could not be resized: {outcome}"
    assert isinstance(before, int)
    return abs(requested_size - before) / GIB / elapsed
