"""What the recorder's notes state without a file of steps: online policies, boot memory that memmaps fill up, resets.

The footprint of the small guest is that of the recorded ones, which have 1 and 2 GiB of boot memory:

    reserved   present less managed: of the second GiB, its memmap and tables that grow with memory; of the first, the
               same, and what every guest has: the kernel's image, bounce buffers
    used       SUnreclaim + Shmem + AnonPages + PageTables of meminfo after boot, which memory pressure does not free
"""

from app.guest.boot import RebootKind
from app.guest.creation import create_guest
from app.guest.spec import DeviceSpec, GuestSpec
from app.mm.zone import ZoneId
from app.trace.events import MemoryDeviceSizeChanged, RequestAnswered
from app.units import GIB, MIB
from tests.kernel_facts import wording
from tests.kernel_facts.facts import FactTable, Row
from tests.kernel_facts.recordings import scenario, snapshot_of
from tests.kernel_facts.snapshot_guest import PAGE

_KERNEL = "6.1"
_MEMORY_BLOCK = 128 * MIB
# kB, after boot with 1 GiB: SUnreclaim, Shmem, AnonPages, PageTables.
_USED_KB = 8060 + 3216 + 128 + 36
_OTHER_GUEST = (
    "its initramfs and command line were others than those of the guests whose footprint is known: a block"
)


def rows(kernel: str) -> list[Row]:
    """Returns the facts, which are of one kernel."""
    if kernel != _KERNEL:
        return []
    table = FactTable(kernel, "stated")
    table.at(0, "auto-movable, ratio 301")
    table.exact(
        "memory blocks in zone Normal", {56, 60}, _normal_blocks("auto-movable"), show=wording.numbers
    )
    table.at(1, "online, contig-zones")
    table.exact(
        "memory blocks in zone Normal", set(range(32, 64)), _normal_blocks("online"), show=wording.numbers
    )
    _add_small_guest(table)
    _add_system_reset(table)
    return table.rows


def _normal_blocks(online: str) -> set[int]:
    """Returns which memory blocks of 4 GiB are in zone Normal, plugged into a guest of 1 GiB."""
    device = DeviceSpec(size=4 * GIB)
    guest = create_guest(GuestSpec(name="stated", boot_size=GIB, online=online, devices=(device,)))
    guest.resize("vm0", 4 * GIB)
    blocks = guest.node.memory_blocks
    return {index for index in blocks.present_ids() if blocks.zone_id(index) is ZoneId.NORMAL}


# --------------------------------------------------------------- 192 MiB of boot memory, 8 GiB asked for


def _reserved(name: str) -> tuple[int, int]:
    """Returns pages of boot memory that a recorded guest has, and those that its buddy never got, holes included."""
    facts = scenario(_KERNEL, name)
    snapshot = next(found for step in facts.steps if (found := snapshot_of(step)) and "zones" in found)
    managed = sum(snapshot["zones"][zone]["managed"] for zone in ("DMA", "DMA32"))
    nr_pages = facts.settings[0].boot_bytes // PAGE
    return nr_pages, nr_pages - managed


def _footprint(boot_size: int) -> int:
    """Returns the bytes beside the memmap that the buddy never gets in a guest of so much boot memory."""
    (first, reserved), (second, more) = _reserved("idle_movable"), _reserved("fill_too_little_room")
    memmap = first // 64
    tables = (more - reserved) * first // (second - first) - memmap
    fixed = reserved - memmap - tables
    return (fixed + tables * (boot_size // PAGE) // first) * PAGE


def _add_small_guest(table: FactTable) -> None:
    boot_size = 192 * MIB
    spec = GuestSpec(
        name="stated",
        boot_size=boot_size,
        boot_reserved=_footprint(boot_size),
        boot_used=_USED_KB * 1024,
        devices=(DeviceSpec(size=8 * GIB),),
    )
    guest = create_guest(spec)
    table.at(2, "192 MiB of boot memory, 0 to 8 GiB")
    guest.resize("vm0", 8 * GIB)
    device = guest.describe_device("vm0")
    size = int(str(device["size"]))
    table.within("size reached", (2944 * MIB, size), _MEMORY_BLOCK, why=_OTHER_GUEST, show=wording.mib)
    asked = [event for event in guest.events.events if isinstance(event, RequestAnswered)]
    last = [(event.request, event.addr - 4 * GIB - size) for event in asked[-2:]]
    table.exact("last requests, behind what stays", [("PLUG", 0), ("UNPLUG", 0)], last)
    table.exact("adding memory failed", "ENOMEM", str(guest.find_device("vm0").driver.last_result))
    table.at(3, "8 GiB to 0")
    guest.resize("vm0", 0)
    table.exact("size reached", 0, int(str(guest.describe_device("vm0")["size"])), show=wording.mib)


# -------------------------------------------------------------------------------------- system_reset


def _add_system_reset(table: FactTable) -> None:
    """Adds that everything is unplugged at once, the target stays, and one event tells of it."""
    device = DeviceSpec(size=4 * GIB, requested_size=GIB)
    guest = create_guest(GuestSpec(name="stated", boot_size=GIB, devices=(device,)))
    guest.advance(2_000_000)
    before = guest.events.newest
    guest.reboot(RebootKind.SYSTEM_RESET)
    config = guest.find_device("vm0").device.config
    told = [row.event for row in guest.events.read(before, 100)]
    table.at(4, "system_reset with 1 GiB plugged")
    table.exact("size at once", 0, config.plugged_size, show=wording.mib)
    table.exact("requested size", GIB, config.requested_size, show=wording.mib)
    sizes = [event.size for event in told if isinstance(event, MemoryDeviceSizeChanged)]
    table.exact("sizes told", [0], sizes)
