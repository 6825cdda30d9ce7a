"""A guest's faults over time: windows, death and reboot; copies; and that no rule costs nothing."""

from app.guest.allocations import AllocationSpec
from app.guest.boot import RebootKind
from app.guest.faults.rules_json import change_rule, read_rule
from app.guest.guest import Guest
from app.units import MIB
from tests.guest.making import x86_guest

SECOND_US = 1_000_000


def _add(guest: Guest, **rule: object) -> int:
    number = guest.faults.add(read_rule(rule))["id"]
    assert isinstance(number, int)
    return number


def _size(guest: Guest) -> object:
    return guest.describe_device("vm0")["size"]


def test_hung_guest_takes_its_target_and_acts_when_it_goes_on() -> None:
    """The host sets a target meanwhile; nothing happens before the window ends, then everything does."""
    guest = x86_guest()
    _add(guest, kind="guest_hung", after_us=SECOND_US, duration_us=10 * SECOND_US)
    guest.advance(2 * SECOND_US)
    guest.begin_resize("vm0", 512 * MIB)
    guest.run_until(10 * SECOND_US * 1000)
    assert (guest.condition.describe()["state"], _size(guest)) == ("hung", 0)
    guest.run_until(12 * SECOND_US * 1000)
    assert (guest.condition.describe()["state"], _size(guest)) == ("running", 512 * MIB)
    assert guest.verify() == []


def test_endless_hang_ends_with_its_rule() -> None:
    """settle() does not wait for ever; with the rule gone, the driver goes on where it stood."""
    guest = x86_guest()
    number = _add(guest, kind="guest_hung")
    assert guest.resize("vm0", 512 * MIB)["state"] == "partial"
    guest.faults.remove(number)
    guest.settle()
    assert _size(guest) == 512 * MIB


def test_request_can_set_off_a_hang_in_the_middle_of_the_work() -> None:
    """The third unplug request is answered, and the guest stands still for a minute before it asks for the fourth."""
    guest = x86_guest()
    guest.resize("vm0", 1024 * MIB)
    _add(guest, kind="guest_hung", match={"request": "unplug"}, skip=2, count=1, duration_us=60 * SECOND_US)
    guest.begin_resize("vm0", 0)
    guest.run_until((guest.clock.now_us + 30 * SECOND_US) * 1000)
    assert _size(guest) == 640 * MIB
    assert guest.verify() == []
    guest.settle()
    assert _size(guest) == 0
    (rule,) = guest.faults.describe_all()
    assert (rule["hits"], rule["is_in_force"]) == (1, False)


def test_reboot_ends_a_hang() -> None:
    """The guest that hung is gone; its rule strikes no more, and another rule does not wake it."""
    guest = x86_guest()
    _add(guest, kind="guest_hung")
    guest.begin_resize("vm0", 256 * MIB)
    guest.reboot(RebootKind.SYSTEM_RESET)
    _add(guest, kind="guest_slow", factor=2)
    guest.settle()
    assert (guest.condition.describe()["state"], _size(guest)) == ("running", 256 * MIB)


def test_driver_of_a_guest_that_dies_by_itself_is_at_rest() -> None:
    """Whoever kills it, no work item is left that has no end."""
    guest = x86_guest()
    guest.begin_resize("vm0", 1024 * MIB)
    guest.run_until(1000)
    guest.condition.crash("Out of memory and no killable processes")
    assert guest.progress("vm0").is_at_work
    guest.settle()
    assert not guest.progress("vm0").is_at_work
    assert guest.verify() == []


def test_dead_guest_does_nothing_and_comes_back_empty() -> None:
    """Work under way is dropped, timers do not fire; the reset unplugs all, the new kernel plugs what is asked for."""
    guest = x86_guest()
    guest.resize("vm0", 1024 * MIB)
    guest.pages.allocate(AllocationSpec(kind="anon", nr_pages=1000, label="heap"))
    _add(
        guest,
        kind="guest_crash",
        match={"request": "unplug"},
        skip=1,
        count=1,
        reboot_after_us=30 * SECOND_US,
    )
    guest.begin_resize("vm0", 256 * MIB)
    guest.run_until((guest.clock.now_us + 20 * SECOND_US) * 1000)
    assert guest.condition.is_crashed
    assert _size(guest) == 768 * MIB
    assert guest.verify() == []
    guest.advance(10 * 60 * SECOND_US)
    assert guest.condition.is_running
    assert _size(guest) == 256 * MIB
    assert list(guest.pages.allocations) == []
    assert guest.verify() == []


def test_absent_driver_is_absent_after_a_reboot_too() -> None:
    """Nobody probes the device before the window ends; then the new kernel's driver plugs what is asked for."""
    guest = x86_guest()
    guest.resize("vm0", 256 * MIB)
    _add(guest, kind="driver_absent", duration_us=60 * SECOND_US)
    guest.reboot(RebootKind.SYSTEM_RESET)
    guest.advance(50 * SECOND_US)
    assert _size(guest) == 0
    guest.advance(20 * SECOND_US)
    assert _size(guest) == 256 * MIB
    assert guest.verify() == []


def test_slow_guest_takes_so_many_times_as_long() -> None:
    """The same work, ten times the time; after the window as fast as ever."""
    guest, slow = x86_guest(), x86_guest()
    _add(slow, kind="guest_slow", factor=10, duration_us=3600 * SECOND_US)
    for one in (guest, slow):
        one.resize("vm0", 512 * MIB)
    assert slow.clock.now_ns == 10 * guest.clock.now_ns
    slow.advance(2 * 3600 * SECOND_US)
    assert slow.pace.slowness == 1


def test_changed_rule_begins_anew() -> None:
    """A hang that is changed to end does; the rule's counters go on."""
    guest = x86_guest()
    number = _add(guest, kind="guest_hung")
    spec = change_rule(guest.faults.get(number).spec, {"after_us": 5 * SECOND_US, "duration_us": SECOND_US})
    described = guest.faults.change(number, spec)
    assert guest.condition.is_running
    assert (described["is_in_force"], described["hits"]) == (False, 1)
    guest.advance(5 * SECOND_US)
    assert guest.condition.state() == ("hung", "")
    guest.advance(SECOND_US)
    assert guest.condition.state() == ("running", "")


def test_copy_of_a_guest_has_the_same_faults_to_come() -> None:
    """Equal digests, equal strokes; a rule in the copy is its own."""
    guest = x86_guest()
    _add(guest, kind="device_busy", probability=0.5)
    guest.resize("vm0", 512 * MIB)
    copy = guest.fork()
    assert copy.digest() == guest.digest()
    for one in (guest, copy):
        one.advance(3600 * SECOND_US)
    assert copy.digest() == guest.digest()
    copy.faults.remove(1)
    assert guest.faults.get(1).seen > 0
    hung = x86_guest()
    _add(hung, kind="guest_hung")
    assert not hung.fork().condition.is_running


def test_guest_without_rules_is_asked_nothing() -> None:
    """Neither device nor driver has anybody to ask, before a rule and after it; the digest tells rules apart."""
    guest = x86_guest()
    attached = guest.find_device("vm0")
    before = guest.digest()
    for is_ruled in (False, True, False):
        if is_ruled:
            _add(guest, kind="device_busy")
            assert attached.device.interference is not None
            assert guest.digest() != before
            guest.faults.remove(1)
        assert attached.device.interference is None
        assert attached.faults is None
