"""The work meter: acts end one after the other, and sum up to what passes cost as a whole."""

from app.guest.backing import BackedMemory
from app.guest.cost import HYPERALLOC_2025, Pace, cost_ns, work_of_pass
from app.guest.guest import Guest
from app.guest.work_meter import WorkMeter
from app.units import MIB
from app.virtio_mem.driver.report import PassCounts
from app.virtio_mem.driver.requests import RequestQueue
from tests.guest.making import FIRST_DEVICE_PFN, x86_guest


def metered(guest: Guest, pace: Pace | None = None) -> tuple[WorkMeter, BackedMemory, RequestQueue]:
    """Returns a meter of its own for the guest's device, the backing behind it, and a queue to that device."""
    device = guest._devices.get("vm0").device  # noqa: SLF001 - the meter is tried beside the guest's own
    backing = BackedMemory(guest.node, device)
    meter = WorkMeter(guest.geometry, backing, profile=HYPERALLOC_2025, pace=pace or Pace())
    return meter, backing, RequestQueue(device)


def cost_of(guest: Guest, counts: PassCounts, discarded: int = 0) -> int:
    """Returns what a pass costs as a whole, in ns."""
    return cost_ns(
        HYPERALLOC_2025, guest.geometry, work_of_pass(counts, guest.geometry, bytes_discarded=discarded)
    )


def test_acts_of_a_pass_sum_up_to_it() -> None:
    """However often it is asked meanwhile, a pass ends when its counts say."""
    guest = x86_guest()
    meter, _, queue = metered(guest)
    meter.begin(1000)
    meter.charge(PassCounts(device_requests=1), queue)
    assert meter.end_ns == 1000 + HYPERALLOC_2025.device_request_ns
    whole = PassCounts(contig_calls=3, contig_drains=3, isolated_pageblocks=192, device_requests=4)
    assert meter.end_pass(whole, queue) == (1000 + cost_of(guest, whole)) // 1000
    ended = meter.end_ns
    meter.end_pass(PassCounts(device_requests=1), queue)
    assert meter.end_ns == ended + HYPERALLOC_2025.device_request_ns


def test_late_act_begins_when_it_can() -> None:
    """An act begins at the clock's moment, or when the one before it has ended."""
    meter, _, queue = metered(x86_guest())
    meter.begin(500)
    meter.begin(200)
    assert meter.end_ns == 500
    meter.charge(PassCounts(), queue)
    assert meter.end_ns == 500


def test_slow_guest_takes_longer() -> None:
    """A pace stretches every act."""
    guest = x86_guest()
    meter, _, queue = metered(guest, Pace(slowness=2.5))
    meter.end_pass(PassCounts(device_requests=4), queue)
    assert meter.end_ns == int(2.5 * 4 * HYPERALLOC_2025.device_request_ns)


def test_discards_of_what_was_unplugged_are_charged_once() -> None:
    """Memory that the guest had touched costs the host a discard when it is unplugged, in whichever act."""
    guest = x86_guest()
    guest.plug("vm0", 128 * MIB)
    guest.node.alloc_at(FIRST_DEVICE_PFN + 5, 0, 5, owner=1)  # type: ignore[arg-type]  # a kind by its number
    meter, backing, queue = metered(guest)
    backing.look()
    assert backing.nr_touched == 1
    addr = guest._devices.get("vm0").device.region.addr  # noqa: SLF001 - where the test unplugs
    counts = PassCounts(device_requests=1)
    queue.unplugged.append((addr, 2 * MIB))
    meter.charge(counts, queue)
    assert meter.end_ns == cost_of(guest, counts, 2 * MIB)
    meter.end_pass(counts, queue)
    assert meter.end_ns == cost_of(guest, counts, 2 * MIB)
    assert (queue.unplugged, backing.nr_touched) == ([], 0)
