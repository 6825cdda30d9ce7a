"""An operation's states, on a guest that is driven act by act."""

from dataclasses import replace

import pytest

from app.guest.allocations import AllocationSpec
from app.guest.creation import create_guest
from app.guest.driver_module import unload_driver
from app.guest.faults.rules_json import read_rule
from app.guest.guest import Guest
from app.guest.sleep import SleepKind
from app.guest.spec import DeviceSpec, GuestSpec
from app.operations.guest_time import ClockMode
from app.operations.operation import Operation, OperationState, Standing

MIB = 2**20
GIB = 2**30


def _guest(*, is_pinned: bool = False) -> Guest:
    devices = (DeviceSpec(size=GIB, requested_size=512 * MIB),)
    guest = create_guest(GuestSpec(name="web", boot_size=GIB, online="online_kernel", devices=devices))
    if is_pinned:
        # The last page of what is plugged: free, as memory is given out from below.
        guest.pages.allocate(AllocationSpec(kind="pinned", at_pfns=((4 * GIB + 400 * MIB) // 4096,)))
    guest.take_outcomes()
    return guest


def _begin(guest: Guest, requested_size: int) -> Operation:
    size = guest.progress("vm0").size
    guest.begin_resize("vm0", requested_size)
    return Operation(
        id="op-1",
        guest="web",
        device="vm0",
        requested_size=requested_size,
        size_before=size,
        begun_us=guest.clock.now_us,
        standing=Standing(size=size),
    )


def _run(guest: Guest, operation: Operation, until_ns: int | None, mode: ClockMode) -> list[Standing]:
    """Runs the guest act by act, as whoever watches it does; returns how the operation stood after each."""
    seen = []
    is_done = False
    while not is_done:
        is_done = guest.settle(max_acts=1) if until_ns is None else guest.run_until(until_ns, max_acts=1)
        operation.look(guest, guest.take_outcomes(), mode)
        seen.append(operation.standing)
    return seen


def test_operation_runs_until_the_size_is_there() -> None:
    """Its size moves with every act; it has succeeded when the driver's work item has ended."""
    guest = _guest()
    operation = _begin(guest, 0)
    seen = _run(guest, operation, None, ClockMode.INSTANT)
    assert len({standing.size for standing in seen}) > 3
    assert [standing.state for standing in seen][-2:] == [OperationState.RUNNING, OperationState.SUCCEEDED]
    described = operation.describe()
    assert (described["achieved"], described["requested"], described["reason"]) == (
        512 * MIB,
        512 * MIB,
        None,
    )
    assert described["ended_us"] == guest.clock.now_us


def test_operation_in_mode_instant_is_partial_at_once() -> None:
    """No time passes by itself, so nothing more will come, though the driver's timer is armed."""
    guest = _guest(is_pinned=True)
    operation = _begin(guest, 0)
    _run(guest, operation, None, ClockMode.INSTANT)
    assert operation.standing.state is OperationState.PARTIAL
    assert "held by pinned" in (operation.standing.reason or "")
    assert operation.standing.outcome is not None
    assert operation.standing.outcome["state"] == "partial"


def test_operation_waits_for_a_retry_and_is_partial_when_that_takes_nothing() -> None:
    """The first retry decides; what the guest does later changes nothing."""
    guest = _guest(is_pinned=True)
    operation = _begin(guest, 0)
    states = [standing.state for standing in _run(guest, operation, 10_000_000_000, ClockMode.MANUAL)]
    assert states[-1] is OperationState.WAITING_RETRY
    retry = operation.standing.retry
    assert retry is not None
    assert (retry.interval_ms, retry.count) == (50_000, 1)
    _run(guest, operation, 60_000_000_000, ClockMode.MANUAL)
    assert operation.standing.state is OperationState.PARTIAL
    assert retry.due_us <= (operation.standing.ended_us or 0) < retry.due_us + 1_000_000
    over = operation.standing
    guest.pages.free(1)
    _run(guest, operation, 900_000_000_000, ClockMode.MANUAL)
    assert guest.progress("vm0").size == 0
    assert operation.standing is over


def test_operation_succeeds_by_a_retry_that_finds_the_way_free() -> None:
    """The pin went while the driver waited."""
    guest = _guest(is_pinned=True)
    operation = _begin(guest, 0)
    _run(guest, operation, 10_000_000_000, ClockMode.MANUAL)
    guest.pages.free(1)
    _run(guest, operation, 60_000_000_000, ClockMode.MANUAL)
    assert operation.standing.state is OperationState.SUCCEEDED
    assert operation.standing.retry is None


def test_operation_is_superseded_by_another_target() -> None:
    """By another operation, which it names, or by anything else that sets the target."""
    guest = _guest()
    named, seen = _begin(guest, 0), _begin(guest, 128 * MIB)
    named.supersede("op-2", guest)
    assert (named.standing.state, named.standing.superseded_by) == (OperationState.SUPERSEDED, "op-2")
    guest.begin_resize("vm0", 256 * MIB)
    seen.look(guest, [], ClockMode.MANUAL)
    assert seen.standing.state is OperationState.SUPERSEDED
    assert "268435456" in (seen.standing.reason or "")


def test_operation_that_is_over_never_changes() -> None:
    """Neither looks nor what the device does later touch it."""
    guest = _guest()
    operation = _begin(guest, 0)
    operation.cancel(guest, "cancelled on request")
    over = operation.standing
    _run(guest, operation, None, ClockMode.INSTANT)
    assert operation.standing is over
    assert operation.describe()["is_over"]


def test_operation_of_a_crashed_guest_is_partial() -> None:
    """It says what the guest died of."""
    guest = _guest()
    operation = _begin(guest, 0)
    guest.settle(max_acts=2)
    guest.condition.crash("out of memory")
    operation.look(guest, [], ClockMode.MANUAL)
    assert operation.standing.state is OperationState.PARTIAL
    assert operation.standing.reason == "the guest crashed: out of memory"


def test_operation_of_a_sleeping_guest_says_that_it_sleeps() -> None:
    """It is no guest that hangs: it can be woken, and goes on."""
    guest = _guest()
    guest.sleep.begin(SleepKind.S2IDLE)
    operation = _begin(guest, 0)
    operation.look(guest, [], ClockMode.MANUAL)
    assert operation.standing.reason == "the guest sleeps until it is resumed"
    guest.sleep.end()
    _run(guest, operation, 10_000_000_000, ClockMode.MANUAL)
    assert operation.describe()["state"] == "succeeded"


def test_operation_of_a_hung_guest_goes_on_running() -> None:
    """The driver neither works nor rests; it may go on."""
    guest = _guest()
    operation = _begin(guest, 0)
    guest.condition.hang()
    operation.look(guest, [], ClockMode.MANUAL)
    assert (operation.standing.state, operation.standing.reason) == (
        OperationState.RUNNING,
        "the guest stands still",
    )


@pytest.mark.parametrize(
    ("rule", "target", "told"),
    [
        ({"kind": "device_busy"}, 0, "the device was busy (ETXTBSY)"),
        ({"kind": "device_busy"}, GIB, "the device was busy (ETXTBSY)"),
        ({"kind": "device_nack"}, 0, "the device refused it (NACK) (ENOMEM)"),
        ({"kind": "device_error"}, 0, "the driver has given the device up"),
        ({"kind": "contig_busy"}, 0, "a fault rule struck (EBUSY)"),
        ({"kind": "contig_nomem"}, 0, "a fault rule struck (ENOMEM)"),
        ({"kind": "add_memory_nomem"}, GIB, "a fault rule struck (ENOMEM)"),
        ({"kind": "notification_lost"}, 0, "the driver was not told of the new target"),
        ({"kind": "driver_broken"}, 0, "the driver has given the device up"),
        ({"kind": "driver_absent"}, 0, "a fault rule keeps the driver from working"),
    ],
)
def test_reason_is_what_stopped_the_work(rule: dict[str, object], target: int, told: str) -> None:
    """A sentence for each sort of fault; none of them is a lack of memory."""
    guest = _guest()
    guest.faults.add(read_rule(rule))
    operation = _begin(guest, target)
    _run(guest, operation, None, ClockMode.INSTANT)
    assert operation.standing.state is OperationState.PARTIAL
    assert told in (operation.standing.reason or "")
    assert "lack of memory" not in (operation.standing.reason or "")


def test_reason_of_the_drivers_own_limits() -> None:
    """Too much that nobody onlines, a parameter that forbids, and no driver at all."""
    devices = (DeviceSpec(size=4 * GIB),)
    offline = create_guest(GuestSpec(name="web", boot_size=GIB, online="offline", devices=devices))
    operation = _begin(offline, 4 * GIB)
    _run(offline, operation, None, ClockMode.INSTANT)
    assert operation.standing.reason == (
        "3 GiB could not be plugged: 3 GiB as too much of the added memory is not online (ENOSPC)"
    )
    guest = _guest()
    driver = guest.find_device("vm0").driver
    driver.set_parameters(replace(driver.options.parameters, unplug_online=False))
    forbidden = _begin(guest, 0)
    _run(guest, forbidden, None, ClockMode.MANUAL)
    assert forbidden.standing.state is OperationState.PARTIAL
    assert "unplug_online=no" in (forbidden.standing.reason or "")
    unload_driver(guest, "vm0")
    unloaded = _begin(guest, 128 * MIB)
    _run(guest, unloaded, None, ClockMode.MANUAL)
    assert "no driver is loaded" in (unloaded.standing.reason or "")


def test_operation_of_an_absent_driver_runs_until_it_is_back() -> None:
    """Something comes by itself: an absence with an end is no end of the operation; one without is."""
    guest = _guest()
    guest.faults.add(read_rule({"kind": "driver_absent", "duration_us": 20_000_000}))
    operation = _begin(guest, 0)
    (absent,) = _run(guest, operation, guest.clock.now_ns, ClockMode.REALTIME)
    assert absent.state is OperationState.RUNNING
    assert "the driver goes on at 20." in (operation.standing.reason or "")
    _run(guest, operation, 30_000_000_000, ClockMode.REALTIME)
    assert operation.standing.state is OperationState.SUCCEEDED
    guest.faults.add(read_rule({"kind": "driver_absent"}))
    endless = _begin(guest, 512 * MIB)
    endless.look(guest, [], ClockMode.REALTIME)
    assert endless.standing.state is OperationState.PARTIAL


def test_work_item_of_the_target_before_is_no_try_of_this_operation() -> None:
    """Asked for while the last act's time passes, it waits for its own first retry, and tells of its own work."""
    guest = _guest(is_pinned=True)
    guest.begin_resize("vm0", GIB)
    while guest.progress("vm0").size < GIB:
        guest.settle(max_acts=1)
    guest.take_outcomes()
    assert guest.progress("vm0").is_at_work
    assert guest.describe_device("vm0")["driver"]["state"] == "working"  # type: ignore[index]  # a dictionary
    operation = _begin(guest, 0)
    _run(guest, operation, guest.clock.now_ns + 10 * 10**9, ClockMode.MANUAL)
    assert operation.standing.state is OperationState.WAITING_RETRY
    outcome = operation.standing.outcome
    assert outcome is not None
    assert (outcome["requested_size"], outcome["achieved"]) == (0, GIB - guest.progress("vm0").size)
