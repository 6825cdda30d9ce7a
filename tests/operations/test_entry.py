"""A guest under its name: slices, steps, looks and notes."""

import time

from app.guest.creation import create_guest
from app.guest.spec import DeviceSpec, GuestSpec
from app.operations.entry import Entry
from app.operations.guest_time import ClockMode, ClockSetting, GuestTime
from app.operations.operation import Operation, OperationState, Standing

MIB = 2**20
GIB = 2**30


def _entry(mode: ClockMode = ClockMode.INSTANT) -> Entry:
    guest = create_guest(GuestSpec(name="web", boot_size=GIB, devices=(DeviceSpec(size=4 * GIB),)))
    time_of = GuestTime(ClockSetting(mode), wall_s=time.monotonic(), now_ns=guest.clock.now_ns, due_ns=None)
    return Entry("web", guest, guest.nr_pages, time_of)


def _begin(entry: Entry, requested_size: int) -> Operation:
    entry.guest.begin_resize("vm0", requested_size)
    operation = Operation(
        id="op-1",
        guest="web",
        device="vm0",
        requested_size=requested_size,
        size_before=0,
        begun_us=0,
        standing=Standing(size=0),
    )
    entry.operations["vm0"] = operation
    entry.note()
    return operation


def test_run_slice_ends_after_its_time_and_goes_on_where_it_was() -> None:
    """A slice of no time is one act; the next one takes up the work, and tells the outcome at its end."""
    entry = _entry()
    operation = _begin(entry, 4 * GIB)
    is_done, outcomes = entry.run_slice(None, 0)
    entry.note()
    assert (is_done, outcomes, entry.is_settled) == (False, [], False)
    is_done, outcomes = entry.run_slice(None, 10)
    assert is_done
    assert [outcome["size"] for outcome in outcomes] == [4 * GIB]
    assert operation.standing.state is OperationState.SUCCEEDED
    assert entry.operations == {"vm0": operation}
    entry.note()
    assert entry.operations == {}
    assert entry.is_settled


def test_run_slice_of_slow_acts_is_no_longer_than_the_first() -> None:
    """Each act takes twice the slice: others get their turn after one."""

    class Slow:
        nr_acts = 0

        def due_ns(self) -> int:
            return 0

        def act(self) -> None:
            self.nr_acts += 1
            time.sleep(0.002)

    entry, slow = _entry(ClockMode.MANUAL), Slow()
    entry.guest.agenda.add(slow)
    assert entry.run_slice(entry.guest.clock.now_ns + 1, 0.001) == (False, [])
    assert slow.nr_acts == 1


def test_run_slice_to_a_moment_stops_there() -> None:
    """The clock is at the end of the slice, be there something to do or not."""
    entry = _entry(ClockMode.MANUAL)
    end_ns = entry.guest.clock.now_ns + 5_000_000
    _begin(entry, 4 * GIB)
    assert entry.run_slice(end_ns, 10) == (True, [])
    assert entry.guest.clock.now_ns == end_ns
    assert 0 < entry.guest.progress("vm0").size < 4 * GIB


def test_run_steps_counts_acts_and_ends_when_nobody_is_due() -> None:
    """Three acts of the driver, then as many as there are."""
    entry = _entry(ClockMode.MANUAL)
    _begin(entry, 2 * GIB)
    assert entry.run_steps(3, 10) == (0, [])
    first = entry.guest.progress("vm0").size
    assert 0 < first < 2 * GIB
    left, outcomes = entry.run_steps(1000, 10)
    assert (left, [outcome["state"] for outcome in outcomes]) == (0, ["done"])
    assert entry.run_steps(5, 0) == (0, [])


def test_run_steps_returns_what_is_left_when_its_time_is_over() -> None:
    """Others get their turn between two slices of an advance."""
    entry = _entry(ClockMode.MANUAL)
    _begin(entry, 2 * GIB)
    assert entry.run_steps(3, 0)[0] == 2


def test_describe_adds_the_clock_and_is_made_anew_after_a_note() -> None:
    """What the guest says is kept until something may have happened."""
    entry = _entry(ClockMode.MANUAL)
    before = entry.describe()
    assert before["clock"] == {"mode": "manual", "scale": 1.0, "is_behind": False}
    entry.guest.plug("vm0", 128 * MIB)
    assert entry.describe()["devices"] == before["devices"]
    entry.note()
    assert entry.describe()["devices"] != before["devices"]
    assert entry.describe()["simulated_us"] == entry.guest.clock.now_us


def test_end_operations_ends_them_where_they_stand() -> None:
    """A deleted guest's operations are cancelled; a failed one's are partial, and the guest is not asked."""
    entry = _entry(ClockMode.MANUAL)
    cancelled = _begin(entry, 256 * MIB)
    entry.end_operations("the guest was deleted")
    assert (cancelled.standing.state, cancelled.standing.reason) == (
        OperationState.CANCELLED,
        "the guest was deleted",
    )
    failed = _begin(entry, 512 * MIB)
    entry.end_operations("the service failed", is_failure=True)
    assert failed.standing.state is OperationState.PARTIAL
    assert entry.operations == {}
