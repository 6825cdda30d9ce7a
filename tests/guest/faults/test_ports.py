"""What a rule does to a device and its driver, seen on whole guests; the invariants hold after each."""

import pytest

from app.guest.allocations import AllocationSpec
from app.guest.faults.rules_json import read_rule
from app.guest.guest import Guest
from app.mm.page import PageKind
from app.units import MIB
from tests.guest.making import FIRST_DEVICE_PFN, x86_guest

HOUR_US = 3600 * 1_000_000


def _with_fault(guest: Guest, **rule: object) -> int:
    number = guest.faults.add(read_rule(rule))["id"]
    assert isinstance(number, int)
    return number


def _driver(guest: Guest) -> dict[str, object]:
    driver = guest.describe_device("vm0")["driver"]
    assert isinstance(driver, dict)
    return driver


@pytest.mark.parametrize(
    ("kind", "asked", "target", "state"),
    [
        ("device_busy", "plug", 768, "waiting_retry"),
        ("device_busy", "unplug", 256, "waiting_retry"),
        # A NACK to an unplug is a shortage; one to a plug makes the driver ask again at once (8.2).
        ("device_nack", "unplug", 256, "waiting_retry"),
        ("device_error", "plug", 768, "broken"),
        ("device_error", "unplug", 256, "broken"),
    ],
)
def test_answer_of_a_device_stops_its_driver(kind: str, asked: str, target: int, state: str) -> None:
    """8.2, D-4: pages of a refused unplug go back; nothing has changed but the driver's state."""
    guest = x86_guest()
    guest.resize("vm0", 512 * MIB)
    _with_fault(guest, kind=kind, match={"request": asked}, count=1)
    outcome = guest.resize("vm0", target * MIB)
    assert (outcome["state"], outcome["size"], _driver(guest)["state"]) == ("partial", 512 * MIB, state)
    assert guest.verify() == []
    guest.advance(HOUR_US)
    # The fault is over: who waits gets it, who is broken never will.
    assert guest.describe_device("vm0")["size"] == (512 if state == "broken" else target) * MIB
    assert guest.verify() == []


def test_slow_device_takes_longer_and_answers_as_ever() -> None:
    """Four plug requests of a second each."""
    guest, slow = x86_guest(), x86_guest()
    _with_fault(slow, kind="device_slow", delay_us=1_000_000)
    for one in (guest, slow):
        assert one.resize("vm0", 512 * MIB)["state"] == "done"
    assert slow.clock.now_us - guest.clock.now_us == 4_000_000


def test_addresses_choose_the_requests_that_are_struck() -> None:
    """The third memory block cannot be plugged; what lies below it is."""
    guest = x86_guest()
    third = (FIRST_DEVICE_PFN * 4096) + 256 * MIB
    _with_fault(guest, kind="device_busy", match={"start_addr": third, "end_addr": third + 1})
    assert guest.resize("vm0", 512 * MIB)["size"] == 256 * MIB


def test_lost_notification_leaves_the_guest_as_it_was() -> None:
    """The config says more, and nobody looks; the next notification tells it all."""
    guest = x86_guest()
    _with_fault(guest, kind="notification_lost", count=1)
    outcome = guest.resize("vm0", 512 * MIB)
    assert (outcome["state"], outcome["size"], outcome["requested_size"]) == ("partial", 0, 512 * MIB)
    guest.advance(HOUR_US)
    assert guest.describe_device("vm0")["size"] == 0
    assert guest.verify() == []
    assert guest.resize("vm0", 512 * MIB)["state"] == "done"


def test_absent_driver_notices_nothing_until_it_is_back() -> None:
    """Requests stay unanswered for as long as the window is open; then the driver reads the config."""
    guest = x86_guest()
    _with_fault(guest, kind="driver_absent", match={"device": "vm0"}, duration_us=5_000_000)
    assert guest.resize("vm0", 512 * MIB)["size"] == 0
    guest.advance(4_000_000)
    assert guest.describe_device("vm0")["size"] == 0
    guest.advance(2_000_000)
    assert guest.describe_device("vm0")["size"] == 512 * MIB


def test_broken_driver_does_nothing_any_more() -> None:
    """It breaks as it begins the work item, the second of them."""
    guest = x86_guest()
    _with_fault(guest, kind="driver_broken", skip=1, count=1)
    assert guest.resize("vm0", 256 * MIB)["state"] == "done"
    assert guest.resize("vm0", 512 * MIB)["size"] == 256 * MIB
    assert _driver(guest) == {"state": "broken", "retry_ms": 0} | _driver(guest)
    assert guest.verify() == []


def test_busy_attempts_fall_through_the_levels() -> None:
    """A memory block that is always busy is taken in sub-blocks, and stays online without any."""
    guest = x86_guest()
    guest.resize("vm0", 256 * MIB)
    _with_fault(guest, kind="contig_busy", match={"level": "memory_block"})
    outcome = guest.resize("vm0", 0)
    assert (outcome["state"], outcome["size"]) == ("done", 0)
    levels = outcome["by_level"]
    assert isinstance(levels, dict)
    assert levels["memory_block"]["bytes"] == 0
    assert levels["pageblock"]["bytes"] == 256 * MIB
    assert guest.verify() == []


def test_shortage_in_an_attempt_ends_the_work_for_now() -> None:
    """ENOMEM goes to the timer (8.7); the retry takes it."""
    guest = x86_guest()
    guest.resize("vm0", 256 * MIB)
    _with_fault(guest, kind="contig_nomem", count=1)
    outcome = guest.resize("vm0", 0)
    assert (outcome["state"], outcome["size"]) == ("partial", 256 * MIB)
    assert _driver(guest)["state"] == "waiting_retry"
    guest.advance(HOUR_US)
    assert guest.describe_device("vm0")["size"] == 0
    assert guest.verify() == []


def test_held_pages_keep_their_places_and_kinds() -> None:
    """A tenth of the pages is held: the rest moves, they stay what they are, and only what was free is taken."""
    guest = x86_guest()
    guest.resize("vm0", 128 * MIB)
    guest.pages.allocate(AllocationSpec(kind="anon", nr_pages=200_000))
    _with_fault(guest, kind="migration_fails", fraction=0.1)
    outcome = guest.resize("vm0", 0)
    # One pageblock was free.
    assert outcome["size"] == 126 * MIB
    groups = outcome["obstacle_groups"]
    assert isinstance(groups, list)
    assert {(group["kind"], group["result"]) for group in groups} == {("pinned", "EBUSY")}
    assert outcome["migrated_pages"]
    assert PageKind.PINNED not in {
        guest.node.kind_of(pfn) for pfn in range(FIRST_DEVICE_PFN, FIRST_DEVICE_PFN + 32768)
    }
    assert sum(row.nr_pages for row in guest.pages.allocations) == 200_000
    assert guest.verify() == []


def test_memory_that_cannot_be_added_is_unplugged_again() -> None:
    """D-7: no memmap for the second block; what was plugged for it goes back, the first one stays."""
    guest = x86_guest()
    _with_fault(guest, kind="add_memory_nomem", skip=1, count=1)
    outcome = guest.resize("vm0", 512 * MIB)
    assert (outcome["size"], _driver(guest)["state"]) == (128 * MIB, "waiting_retry")
    assert guest.verify() == []


def test_broken_undo_of_an_addition_is_cleaned_up_later() -> None:
    """D-7: adding fails, and so does the unplug: the block is plugged and absent until the next work item."""
    guest = x86_guest()
    _with_fault(guest, kind="add_memory_nomem", count=1)
    _with_fault(guest, kind="device_busy", match={"request": "unplug"}, count=1)
    assert guest.resize("vm0", 256 * MIB)["size"] == 128 * MIB
    blocks = guest.describe_device("vm0")["blocks"]
    assert isinstance(blocks, dict)
    assert blocks["plugged"] == 1
    assert guest.verify() == []
    guest.advance(HOUR_US)
    assert guest.describe_device("vm0")["size"] == 256 * MIB
    assert guest.verify() == []
