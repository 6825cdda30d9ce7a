"""Memory blocks set by hand: what sysfs takes, what it refuses and why, and what the driver makes of it."""

import pytest

from app.errors import GuestCrashed, InvalidValue, MemoryBlockUnchanged, Unknown
from app.guest.allocations import AllocationSpec
from app.guest.guest import Guest
from app.guest.spec import DeviceSpec
from app.mm.owned import room_for
from app.mm.page import PageKind
from app.units import GIB, MIB
from tests.guest.making import toy_guest, x86_guest

# Of the toy guests' device: memory blocks of 8 MiB, the region at 4 GiB.
FIRST = 4 * GIB // (8 * MIB)


def plugged(size: int = 16 * MIB, **changes: object) -> Guest:
    """Returns a toy guest with so much of its device plugged."""
    guest = toy_guest(**changes)
    guest.resize("vm0", size)
    return guest


def refusal(guest: Guest, block_id: int, state: str) -> dict[str, object]:
    """Returns the members of the error that setting a memory block raises; nothing but page places changes."""
    before = guest.memory_blocks()
    with pytest.raises(MemoryBlockUnchanged) as raised:
        guest.blocks.set_state(block_id, state)
    assert guest.memory_blocks() == before
    assert guest.verify() == []
    return raised.value.members


@pytest.mark.parametrize(
    ("state", "zone"), [("online", "Normal"), ("online_kernel", "Normal"), ("online_movable", "Movable")]
)
def test_a_block_goes_offline_and_where_it_is_told(state: str, zone: str) -> None:
    """Sysfs' words; `online` follows the policy, here contig-zones. Both take time."""
    guest = plugged(online="offline")
    began_us = guest.clock.now_us
    row = guest.blocks.set_state(FIRST, state)
    assert (row["id"], row["state"], row["zone"], row["device"]) == (FIRST, "online", zone, "vm0")
    assert 0 < int(str(row["simulated_us"])) == guest.clock.now_us - began_us
    assert guest.blocks.set_state(FIRST, "offline")["state"] == "offline"
    assert guest.verify() == []


def test_pages_in_use_move_away() -> None:
    """HP-5: and what that took is told."""
    guest = plugged()
    pfn = FIRST * guest.geometry.memory_block_nr_pages
    guest.pages.allocate(AllocationSpec(kind="anon", at_pfns=(pfn, pfn + 1)))
    row = guest.blocks.set_state(FIRST, "offline")
    assert (row["state"], row["migrated_pages"]) == ("offline", 2)
    assert guest.verify() == []


def test_offline_block_is_unplugged_at_once_by_a_driver_that_waits() -> None:
    """8.8: hearing that a block went offline, the driver does not wait for its timer, and takes it cheaply."""
    guest = plugged(online="online_kernel")
    pfn = FIRST * guest.geometry.memory_block_nr_pages
    row = guest.pages.allocate(
        AllocationSpec(kind="slab", at_pfns=(pfn, pfn + guest.geometry.memory_block_nr_pages))
    )
    assert guest.resize("vm0", 0)["size"] == 2 * MIB
    guest.pages.free(int(str(row["id"])))
    guest.blocks.set_state(FIRST + 1, "offline")
    guest.settle()
    assert guest.describe_device("vm0")["size"] == 0
    assert guest.memory_blocks()["memory_blocks"] == toy_guest().memory_blocks()["memory_blocks"]


def test_driver_goes_on_adding_when_its_memory_goes_online() -> None:
    """D-6: it stops at 1 GiB offline, and goes on when half of that is left."""
    guest = x86_guest(online="offline", devices=(DeviceSpec(size=4 * GIB),))
    guest.resize("vm0", 4 * GIB)
    sizes = [guest.describe_device("vm0")["size"]]
    for block_id in range(32, 40):
        guest.blocks.set_state(block_id, "online_movable")
        guest.settle()
        sizes.append(guest.describe_device("vm0")["size"])
    assert sizes == [nr_blocks * 128 * MIB for nr_blocks in (8, 8, 8, 8, 12, 12, 12, 12, 16)]
    assert guest.verify() == []


@pytest.mark.parametrize(
    ("kind", "zone", "errno", "reason"),
    [
        ("slab", "online_kernel", "EBUSY", "unmovable_page"),
        ("pinned", "online_movable", "EINTR", "offline_timeout"),
    ],
)
def test_a_page_in_the_way_is_named(kind: str, zone: str, errno: str, reason: str) -> None:
    """HP-5, HP-6: kernel memory ends it at once; a pin would keep Linux trying, us for as long as told."""
    guest = plugged(online=zone, offline_max_rounds=7)
    pfn = FIRST * guest.geometry.memory_block_nr_pages + 3
    guest.pages.allocate(AllocationSpec(kind=kind, at_pfns=(pfn,)))
    members = refusal(guest, FIRST, "offline")
    assert (members["errno"], members["reason"]) == (errno, reason)
    assert members["obstacle"] == {"pfn": pfn, "kind": "unmovable" if kind == "slab" else "pinned"}
    assert (members["rounds"], members["is_simulator_limit"]) == (
        (7, True) if kind == "pinned" else (0, False)
    )


def test_no_room_to_migrate_to_is_enomem() -> None:
    """HP-5: everything else is full."""
    guest = plugged(8 * MIB)
    nr_pages = room_for(guest.node, PageKind.ANON, 0)
    guest.pages.allocate(AllocationSpec(kind="anon", nr_pages=nr_pages))
    members = refusal(guest, FIRST, "offline")
    assert (members["errno"], members["reason"]) == ("ENOMEM", "no_memory")


def test_state_that_it_has_already_is_einval() -> None:
    """As sysfs answers."""
    guest = plugged(8 * MIB)
    assert refusal(guest, FIRST, "online_kernel")["reason"] == "already_online"
    guest.blocks.set_state(FIRST, "offline")
    assert refusal(guest, FIRST, "offline") == {
        "memory_block": FIRST,
        "errno": "EINVAL",
        "reason": "already_offline",
        "obstacle": None,
        "rounds": 0,
        "is_simulator_limit": False,
    }


def test_boot_memory_with_a_hole_never_goes_offline() -> None:
    """HP-5: a memory block that is there in part is no matter of its contents."""
    guest = toy_guest(boot_size=60 * MIB)
    with pytest.raises(InvalidValue, match="holes") as refused:
        guest.blocks.set_state(7, "offline")
    assert refused.value.members["errno"] == "EINVAL"


def test_what_cannot_be_is_refused() -> None:
    """No such word, no such block, nobody at home."""
    guest = plugged(8 * MIB)
    with pytest.raises(InvalidValue, match="online, online_kernel, online_movable, offline"):
        guest.blocks.set_state(FIRST, "going-offline")
    for block_id in (-1, FIRST + 1, 1 << 40):
        with pytest.raises(Unknown, match="memory block"):
            guest.blocks.set_state(block_id, "offline")
    guest.condition.crash("test")
    with pytest.raises(GuestCrashed):
        guest.blocks.set_state(FIRST, "offline")
