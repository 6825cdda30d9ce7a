"""Loading: a captured machine becomes a guest that keeps every law, or is refused by name."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from app.errors import InvalidValue, Unknown
from app.guest.capture.guess import PerCpuAssumption
from app.guest.capture.loader import load_capture
from app.guest.capture.machine import CapturedMachine
from app.guest.capture.plan import CaptureOptions
from app.guest.capture.proc_text import IomemRange, ZoneKey
from app.guest.guest import Guest
from app.mm.page import PageKind
from app.mm.zone import ZoneId
from app.trace.sink import RingSink
from app.units import MIB
from app.virtio_mem.device import Device
from tests.captures import machines as m
from tests.captures.real_guests import device_of

SUBBLOCK = 2 * MIB


def load(machine: CapturedMachine, **options: object) -> Guest:
    """Returns the guest of a machine, which must be sound."""
    told = CaptureOptions(name="test", **options)  # type: ignore[arg-type]  # tests name the members
    guest, _ = load_capture(machine, told, sink=RingSink(1000))
    assert guest.verify() == []
    return guest


def plugged(device: Device) -> list[tuple[int, int]]:
    """Returns the plugged runs in sub-blocks, from the start of the region."""
    return [(start, end) for start, end in device.plugged_runs()]


def kinds_at(guest: Guest, *places: int) -> list[PageKind]:
    """Returns the kinds of pages of the device's memory."""
    return [guest.node.kind_of(m.BLOCK + place) for place in places]


def test_every_page_has_the_kind_that_its_flags_say() -> None:
    """Compounds whole, single pages single, everything where it was."""
    guest = load(
        m.guest_machine(
            (0, 3, m.ANON),
            (3, 4, m.CLEAN),
            (4, 6, m.SHMEM),
            (6, 7, m.PGTABLE),
            (7, 8, m.PIN),
            *m.compound(8, 8, m.SLAB | m.HEAD, m.SLAB | m.TAIL),
            *m.compound(512, 512, m.THP_HEAD, m.THP_TAIL),
            *m.compound(1024, 512, m.HUGETLB_HEAD, m.HUGETLB_TAIL),
            (1536, 1540, m.UNMARKED),
            (1540, 1541, m.SLAB),
        )
    )
    assert kinds_at(guest, 0, 2, 3, 5, 6, 7) == [
        PageKind.ANON,
        PageKind.ANON,
        PageKind.FILE_CLEAN,
        PageKind.FILE_DIRTY,
        PageKind.UNMOVABLE,
        PageKind.PINNED,
    ]
    assert kinds_at(guest, 8, 15, 16, 512, 1023, 1024, 1535) == [
        *[PageKind.UNMOVABLE] * 2,
        PageKind.FREE,
        *[PageKind.THP] * 2,
        *[PageKind.HUGETLB] * 2,
    ]
    assert kinds_at(guest, 1536, 1540, 1541) == [PageKind.UNMOVABLE_PAGES, PageKind.UNMOVABLE, PageKind.FREE]
    assert [run.tolist() for run in (guest.node.owned_pfns(4), guest.node.owned_pfns(5))] == [
        [m.BLOCK + 512],
        [m.BLOCK + 1024],
    ]


def test_pages_of_programs_are_allocations_that_can_be_freed() -> None:
    """One allocation for each kind; freeing the pins of a captured guest lets its memory go."""
    guest = load(m.guest_machine((0, 10, m.ANON), (600, 604, m.PIN), (700, 702, m.OFFLINE)))
    rows = {row.label: row for row in guest.pages.allocations}
    assert {label: row.nr_pages for label, row in rows.items()} == {
        "captured anon": 10,
        "captured pinned": 4,
        "captured movable_ops": 2,
    }
    assert guest.resize("vm0", 0)["size"] == SUBBLOCK
    guest.pages.free(rows["captured pinned"].id)
    assert guest.resize("vm0", 0)["size"] == 0
    assert guest.verify() == []


def test_first_new_allocation_has_an_id_of_its_own() -> None:
    """Ids of captured kinds are not given again."""
    guest = load(m.guest_machine((0, 10, m.ANON)))
    assert guest.pages.allocations.new_id() not in {row.id for row in guest.pages.allocations}


def test_device_has_plugged_what_is_not_offline() -> None:
    """Sub-blocks that are offline as a whole are unplugged; the target is what is plugged."""
    guest = load(m.guest_machine((512, 1536, m.OFFLINE), (5120, 5200, m.OFFLINE)))
    device = device_of(guest)
    assert plugged(device) == [(0, 1), (3, 128)]
    assert device.requested_size == device.plugged_size == 126 * SUBBLOCK
    assert kinds_at(guest, 512, 5120) == [PageKind.OFFLINE, PageKind.MOVABLE_OPS]


def test_device_of_a_chunk_driver_is_plugged_by_chunks() -> None:
    """5.10 unplugs 4 MiB: where half of it is offline, a balloon took it."""
    parts = ((512, 1024, m.OFFLINE), (2048, 3072, m.OFFLINE))
    guest = load(replace(m.guest_machine(*parts), kernel_release="5.10.0-46-amd64"))
    assert plugged(device_of(guest)) == [(0, 4), (6, 128)]
    assert kinds_at(guest, 512, 2048) == [PageKind.MOVABLE_OPS, PageKind.OFFLINE]
    assert guest.describe_device("vm0")["subblock_size"] == 2 * SUBBLOCK


def test_offline_memory_blocks_are_plugged_and_in_no_zone() -> None:
    """The driver added them, and nobody onlined them."""
    machine = m.guest_machine((m.BLOCK, 2 * m.BLOCK, m.NOPAGE))
    blocks = (*machine.memory_blocks[:2], m.memory_block(2, state="offline"))
    zones = tuple(
        row._replace(spanned=m.BLOCK, present=m.BLOCK) if row.name == "Normal" else row
        for row in machine.zones
    )
    guest = load(replace(machine, memory_blocks=blocks, zones=zones))
    assert plugged(device_of(guest)) == [(0, 128)]
    counts = guest.describe_device("vm0")["blocks"]
    assert isinstance(counts, dict)
    assert {name: count for name, count in counts.items() if count} == {"kernel": 1, "offline": 1}
    assert guest.resize("vm0", 64 * SUBBLOCK)["state"] == "done"


def test_memory_block_that_lost_its_pages_meanwhile_is_absent() -> None:
    """The list of blocks was read before the last one was unplugged, its page flags after that."""
    guest = load(m.guest_machine((m.BLOCK, 2 * m.BLOCK, m.NOPAGE)))
    assert plugged(device_of(guest)) == [(0, 64)]
    assert guest.node.memory_blocks.present_ids() == [0, 1]


def test_policy_follows_the_release_unless_told() -> None:
    """A captured 5.10 runs as 5.10; the caller may ask what another kernel would do."""
    machine = replace(m.guest_machine(), kernel_release="5.10.0-46-amd64")
    assert load(machine).identity.policy == "linux-5.10"
    assert load(machine, policy="linux-5.19").identity.policy == "linux-5.19"


@pytest.mark.parametrize(
    ("auto_online", "zones", "expected"),
    [
        ("online_kernel", ("Movable",), "online_kernel"),
        ("online_movable", ("Normal",), "online_movable"),
        ("online", ("Normal", "Normal", "Movable"), "online_kernel"),
        ("offline", ("Normal", "Movable", "Movable"), "online_movable"),
        (None, ("Normal",), "online_kernel"),
    ],
)
def test_new_memory_goes_where_the_machine_puts_it(
    auto_online: str | None, zones: tuple[str, ...], expected: str
) -> None:
    """auto_online_blocks decides; where it names no zone, most of the device's memory does."""
    machine = m.guest_machine(nr_blocks=len(zones), zones=zones)
    assert load(replace(machine, auto_online_blocks=auto_online)).identity.online == expected
    assert load(machine, online="online_movable").identity.online == "online_movable"


def test_boot_memory_is_what_no_driver_added() -> None:
    """Present memory without the memory blocks of the devices that are online."""
    assert load(m.guest_machine((512, 1024, m.OFFLINE))).identity.boot_size == m.BLOCK_SIZE
    assert load(m.machine_of(m.paint(2 * m.BLOCK, (0, 1, m.RESERVED)))).identity.boot_size == m.BLOCK_SIZE


def test_movable_memory_is_loaded_as_such() -> None:
    """ZONE_MOVABLE keeps its memory blocks, its free pages, and lets per-cpu pages go."""
    machine = m.guest_machine((0, 512, m.ANON), (600, 700, m.UNMARKED), zones=("Movable", "Movable"))
    guest = load(machine)
    assert guest.node.zones[ZoneId.MOVABLE].present == 2 * m.BLOCK
    assert kinds_at(guest, 600) == [PageKind.PCP]
    assert guest.resize("vm0", 0)["size"] == 0


def test_watermarks_of_several_nodes_add_up() -> None:
    """Zones of one name are one zone; its marks and reserves are theirs together."""
    rows = (
        m.zone("DMA32", 0, m.BLOCK, protection=(0, 7)),
        m.zone("Normal", m.BLOCK, 2 * m.BLOCK, protection=(0, 0)),
        m.zone("Normal", 2 * m.BLOCK, 3 * m.BLOCK, node=1, min=1, low=2, high=3, protection=(5,)),
    )
    node = load(replace(m.guest_machine(), zones=rows)).node
    assert node.zones[ZoneId.NORMAL].watermarks == (11, 22, 33)
    # Node 1 has the zone Normal only: its first number is against that one.
    assert [node.zones[ZoneId.NORMAL].lowmem_reserve(zone) for zone in ZoneId] == [0, 0, 5, 0]
    assert [node.zones[ZoneId.DMA32].lowmem_reserve(zone) for zone in ZoneId] == [0, 0, 7, 0]


def test_reserves_follow_the_zones_that_the_kernel_has() -> None:
    """s390x has no DMA32: its second number is against Normal."""
    rows = (
        m.zone("DMA", 0, m.BLOCK, protection=(0, 8, 9)),
        m.zone("Normal", m.BLOCK, 3 * m.BLOCK),
        m.zone("Movable", 0, 0),
    )
    node = load(replace(m.guest_machine(), zones=rows)).node
    assert [node.zones[ZoneId.DMA].lowmem_reserve(zone) for zone in ZoneId] == [0, 0, 8, 9]


def test_machine_of_other_sizes_is_loaded() -> None:
    """s390x: pageblocks of 1 MiB, four to a chunk."""
    flags = m.paint(3 * m.BLOCK, (m.BLOCK, m.BLOCK + 256, m.ANON))
    machine = m.machine_of(
        flags,
        architecture="s390x",
        pagetypeinfo=m.types({}, 8),
        iomem=m.virtio(m.BLOCK_SIZE, 2 * m.BLOCK_SIZE, 2 * m.BLOCK_SIZE),
    )
    guest = load(machine)
    assert (guest.geometry.name, guest.geometry.pageblock_nr_pages) == ("s390x", 256)
    assert guest.resize("vm0", 0)["size"] == 0


def test_machine_of_large_pages_is_loaded() -> None:
    """arm64 with pages of 16 KiB: a sub-block is 32 MiB, four to a memory block."""
    block = 8192
    flags = m.paint(3 * block, (block, block + 1, m.SLAB))
    machine = m.machine_of(
        flags,
        page_size=16384,
        architecture="aarch64",
        buddyinfo={ZoneKey(0, "Normal"): (0,) * 12},
        pagetypeinfo=m.types({}, 11),
        memory_blocks=tuple(m.memory_block(n) for n in range(3)),
        iomem=m.virtio(128 * MIB, 256 * MIB, 256 * MIB),
    )
    guest = load(machine)
    assert guest.resize("vm0", 0)["size"] == 32 * MIB


def test_machine_without_optional_files_is_loaded() -> None:
    """No pagetypeinfo, no sysfs of memory blocks: types and blocks are made up of what is there."""
    ram = IomemRange(0, 3 * m.BLOCK_SIZE, "System RAM", 0)
    machine = m.guest_machine((0, 5, m.SLAB))
    machine = replace(
        machine,
        pagetypeinfo=None,
        memory_blocks=(),
        memory_block_size=None,
        iomem=(ram, *machine.iomem),
        auto_online_blocks=None,
    )
    guest = load(machine)
    assert plugged(device_of(guest)) == [(0, 128)]
    assert guest.resize("vm0", 0)["size"] == SUBBLOCK


def test_pinned_fraction_pins_a_share_by_the_seed() -> None:
    """The same seed pins the same pages, another one others; all of them at 1."""
    machine = m.guest_machine((0, 1000, m.ANON))

    def pinned(fraction: float, seed: int) -> NDArray[np.bool_]:
        guest = load(machine, pinned_fraction=fraction, seed=seed)
        return np.array([guest.node.kind_of(m.BLOCK + n) is PageKind.PINNED for n in range(1000)])

    first = pinned(0.25, 1)
    assert first.sum() == 250
    assert (first == pinned(0.25, 1)).all()
    assert (first != pinned(0.25, 2)).any()
    assert pinned(1, 0).all()
    assert not pinned(0, 0).any()


def test_pinned_fraction_is_of_all_pages_that_look_movable() -> None:
    """Anonymous pages, page cache, and huge pages as a whole; kernel memory cannot be pinned."""
    guest = load(
        m.guest_machine(
            (0, 1, m.ANON),
            (1, 2, m.CLEAN),
            (2, 3, m.SHMEM),
            (3, 4, m.SLAB),
            *m.compound(512, 512, m.THP_HEAD, m.THP_TAIL),
        ),
        pinned_fraction=1,
    )
    assert kinds_at(guest, 0, 1, 2, 512, 1023) == [PageKind.PINNED] * 5
    assert kinds_at(guest, 3, 4) == [PageKind.UNMOVABLE, PageKind.FREE]


def test_per_cpu_assumption_decides_over_unmarked_pages() -> None:
    """What zoneinfo cannot explain stays; the caller may say otherwise."""
    machine = m.guest_machine((512, 600, m.UNMARKED))
    sizes = {word: load(machine, per_cpu=word).resize("vm0", 0)["size"] for word in PerCpuAssumption}
    assert sizes == {"auto": SUBBLOCK, "none": SUBBLOCK, "all": 0}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pinned_fraction", -0.1),
        ("pinned_fraction", 1.5),
        ("pinned_fraction", float("nan")),
        ("online", "movable"),
        ("online", ""),
        ("fallback", ("pageblock", "chunk")),
        ("fallback", ()),
        ("device", "vm0"),
        ("block_size", 12345),
    ],
)
def test_options_out_of_range_are_refused(field: str, value: object) -> None:
    """The error names the option and its value."""
    with pytest.raises(InvalidValue) as caught:
        load(m.guest_machine(), **{field: value})
    told = list(value) if isinstance(value, tuple) else value
    assert (caught.value.members["field"], str(caught.value.members["value"])) == (field, str(told))


def test_unknown_policy_is_refused() -> None:
    """A policy that nobody defined is answered with those that are."""
    with pytest.raises(Unknown):
        load(m.guest_machine(), policy="linux-1.0")
