"""Where memory goes online: as told, next to its like, or by the ratio, as recorded."""

import pytest

from app.mm import cma, hotplug
from app.mm.geometry import preset
from app.mm.hotplug_rules import HotplugRules, OnlinePolicy
from app.mm.node import Node
from app.mm.policies.policy import policy
from app.mm.zone import ZoneId
from app.mm.zone_choice import zone_for

KERNEL, MOVABLE = ZoneId.NORMAL, ZoneId.MOVABLE
# Pages of a memory block of the geometry "toy".
SIZE = 64


def node_of(nr_boot: int, nr_blocks: int, rules: HotplugRules | None = None) -> Node:
    """Returns a node with so many memory blocks of boot memory, and room for as many as nr_blocks."""
    node = Node(preset("toy"), policy("linux-5.19"), nr_pages=nr_blocks * SIZE)
    hotplug.boot_memory(node, 0, nr_boot * SIZE, KERNEL)
    node.set_free(0, nr_boot * SIZE)
    node.hotplug_rules = rules or HotplugRules()
    return node


def add(node: Node, block: int, group: str = "vm0", *, unit: int = 1) -> str:
    """Adds a memory block of a group and returns where it went online by itself: K, M, or - for nowhere."""
    node.memory_blocks.register_group(group, unit * SIZE)
    assert hotplug.add_memory(node, block * SIZE, (block + 1) * SIZE, group=group) == "0"
    zone = node.memory_blocks.zone_id(block)
    return {None: "-", KERNEL: "K", MOVABLE: "M"}[zone]


@pytest.mark.parametrize(
    ("online", "expected"),
    [("offline", "----"), ("online", "KKKK"), ("online_kernel", "KKKK"), ("online_movable", "MMMM")],
)
def test_added_memory_goes_where_the_policy_says(online: str, expected: str) -> None:
    """HP-2, D-7: inside the addition; `online` makes kernel memory where no zone spans the place."""
    node = node_of(2, 8, HotplugRules(OnlinePolicy(online)))
    assert "".join(add(node, block) for block in range(4, 8)) == expected


@pytest.mark.parametrize(("around", "expected"), [(MOVABLE, MOVABLE), (KERNEL, KERNEL), (None, KERNEL)])
def test_online_by_hand_keeps_zones_contiguous(around: ZoneId | None, expected: ZoneId) -> None:
    """HP-3: a block inside the span of ZONE_MOVABLE alone belongs there."""
    node = node_of(2, 8)
    for block in (4, 5, 6):
        add(node, block)
    for block in (4, 6) if around is not None else ():
        hotplug.online_pages(node, block * SIZE, (block + 1) * SIZE, around or KERNEL)
    assert zone_for(node, 5 * SIZE, 6 * SIZE, OnlinePolicy.ONLINE) is expected
    assert hotplug.online_memory_block(node, 5, OnlinePolicy.ONLINE) == "0"
    assert node.memory_blocks.zone_id(5) is expected


def test_kernel_memory_goes_back_to_the_zone_that_spans_it() -> None:
    """What was zone DMA32's boot memory is no other zone's later."""
    node = Node(preset("toy"), policy("linux-5.19"), nr_pages=4 * SIZE)
    hotplug.boot_memory(node, 0, 3 * SIZE, ZoneId.DMA32)
    node.set_free(0, 3 * SIZE)
    assert hotplug.offline_pages(node, SIZE, 2 * SIZE).result == "0"
    assert zone_for(node, SIZE, 2 * SIZE, OnlinePolicy.ONLINE_KERNEL) is ZoneId.DMA32
    assert zone_for(node, 3 * SIZE, 4 * SIZE, OnlinePolicy.ONLINE_KERNEL) is KERNEL


def auto(ratio: int = 301) -> HotplugRules:
    """Returns the policy auto-movable."""
    return HotplugRules(OnlinePolicy.AUTO_MOVABLE, auto_movable_ratio=ratio)


def test_auto_movable_puts_recorded_blocks_into_recorded_zones() -> None:
    """HP-3: eight blocks of boot memory at 301 %; recorded on 6.1, 6.16 and 7.3: the 25th and 29th are Normal."""
    node = node_of(8, 40, auto())
    went = "".join(add(node, block) for block in range(8, 40))
    assert [number for number, zone in enumerate(went, 1) if zone == "K"] == [25, 29]


@pytest.mark.parametrize(("ratio", "expected"), [(0, "KKKK"), (50, "MKKM"), (100, "MMKM"), (400, "MMMM")])
def test_auto_movable_ratio_decides(ratio: int, expected: str) -> None:
    """Two blocks of boot memory: each kernel block of the device earns its own part of movable ones."""
    node = node_of(2, 8, auto(ratio))
    assert "".join(add(node, block) for block in range(4, 8)) == expected


def test_kernel_memory_of_one_device_earns_no_movable_memory_of_another() -> None:
    """HP-3: and what another device has movable needs its share of early kernel memory first."""
    node = node_of(2, 12, auto(100))
    assert "".join(add(node, block, "vm0") for block in (2, 3, 4, 5)) == "MMKM"
    # vm0 needs 3 early blocks, of which its own kernel block covers one: of the two there are, vm1 may count none.
    assert "".join(add(node, block, "vm1") for block in (8, 9)) == "KK"


def test_auto_movable_decides_for_whole_units() -> None:
    """HP-10: of a big block of two memory blocks, both are movable or none is."""
    node = node_of(3, 12, auto(100))
    went = [add(node, block, unit=2) for block in (4, 5, 6, 7, 8, 9)]
    assert went == ["M", "M", "K", "K", "M", "M"]


def test_unit_that_began_to_be_movable_ends_so() -> None:
    """HP-10: what is movable of a unit already is not counted again; the next unit finds the ratio used up."""
    node = node_of(2, 12, HotplugRules(OnlinePolicy.AUTO_MOVABLE))
    assert "".join(add(node, block, unit=2) for block in range(4, 12)) == "MMMMMMKK"


def test_groups_count_what_is_online() -> None:
    """HP-10: by kind of zone; offline memory counts nowhere."""
    node = node_of(2, 8, HotplugRules(OnlinePolicy.ONLINE_MOVABLE))
    add(node, 4)
    add(node, 5)
    (group,) = node.memory_blocks.groups()
    assert (group.present_kernel, group.present_movable) == (0, 2 * SIZE)
    hotplug.offline_pages(node, 4 * SIZE, 5 * SIZE)
    hotplug.online_memory_block(node, 4, OnlinePolicy.ONLINE_KERNEL)
    assert (group.present_kernel, group.present_movable) == (SIZE, SIZE)
    hotplug.offline_and_remove_memory(node, 4 * SIZE, 6 * SIZE)
    assert (group.present_kernel, group.present_movable) == (0, 0)


def test_cma_counts_as_movable_memory() -> None:
    """HP-3: half of the two boot blocks is an area: one and a half kernel blocks less, half a movable one more."""
    node = node_of(2, 8, auto(100))
    cma.declare_area(node, "dma", 0, SIZE // 2, order_per_bit=0)
    # 1.5 early blocks, 0.5 movable: one more is 1.5, and the next is the device's own.
    assert "".join(add(node, block) for block in (4, 5, 6)) == "MKM"


@pytest.mark.parametrize(("is_aware", "expected"), [(True, "KK"), (False, "MM")])
def test_auto_movable_looks_at_the_numa_node_too(*, is_aware: bool, expected: str) -> None:
    """HP-3: a node without boot memory of its own gets no movable memory, unless nobody asks."""
    node = Node(preset("toy"), policy("linux-5.19"), nr_pages=8 * SIZE, nr_numa_nodes=2)
    hotplug.boot_memory(node, 0, 2 * SIZE, KERNEL)
    node.set_free(0, 2 * SIZE)
    node.hotplug_rules = HotplugRules(OnlinePolicy.AUTO_MOVABLE, is_auto_movable_numa_aware=is_aware)
    node.memory_blocks.register_group("vm0", SIZE)
    for block in (4, 5):
        hotplug.add_memory(node, block * SIZE, (block + 1) * SIZE, numa_node=1, group="vm0")
    zones = [node.memory_blocks.zone_id(block) for block in (4, 5)]
    assert zones == [MOVABLE if letter == "M" else KERNEL for letter in expected]
