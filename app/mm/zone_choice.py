"""Which zone memory goes to when it goes online: as told, next to its like, or as the ratio to kernel memory allows.

    auto-movable, 301 per cent, 1 GiB of boot memory, memory blocks of 128 MiB
    MMMMMMMM MMMMMMMM MMMMMMMM KMMMKMMM      the kernel's 25th block is its device's own, and earns three more

Mirrors zone_for_pfn_range() and the auto-movable policy of mm/memory_hotplug.c (HP-3, HP-10).
Left out: movable_node.
"""

from typing import NamedTuple

from app.mm.hotplug_rules import OnlinePolicy
from app.mm.memory_block import MemoryGroup
from app.mm.node import Node
from app.mm.zone import Zone, ZoneId


def zone_for(node: Node, start_pfn: int, end_pfn: int, wanted: OnlinePolicy) -> ZoneId:
    """Returns the zone for [start_pfn, end_pfn), memory blocks of one group; wanted: anything but offline."""
    if wanted is OnlinePolicy.ONLINE_MOVABLE:
        return ZoneId.MOVABLE
    kernel_zone = _kernel_zone_for(node, start_pfn, end_pfn)
    if wanted is OnlinePolicy.ONLINE_KERNEL:
        return kernel_zone
    if node.hotplug_rules.online is OnlinePolicy.AUTO_MOVABLE:
        return ZoneId.MOVABLE if _is_auto_movable(node, start_pfn, end_pfn) else kernel_zone
    # contig-zones: inside the span of one of the two zones alone, it belongs there.
    zones = _zones_at(node, start_pfn)
    is_in_movable = _is_spanned(zones[ZoneId.MOVABLE], start_pfn, end_pfn)
    is_in_kernel = _is_spanned(zones[kernel_zone], start_pfn, end_pfn)
    return ZoneId.MOVABLE if is_in_movable and not is_in_kernel else kernel_zone


def _kernel_zone_for(node: Node, start_pfn: int, end_pfn: int) -> ZoneId:
    """Returns the kernel zone whose span the range is in: what was boot memory of a lower zone goes back there."""
    for zone in _zones_at(node, start_pfn)[: ZoneId.NORMAL]:
        if _is_spanned(zone, start_pfn, end_pfn):
            return zone.id
    return ZoneId.NORMAL


def _zones_at(node: Node, pfn: int) -> list[Zone]:
    """Returns the zones of the NUMA node to which a memory block belongs."""
    return node.zones_of(node.memory_blocks.numa_node(pfn // node.geometry.memory_block_nr_pages))


def _is_spanned(zone: Zone, start_pfn: int, end_pfn: int) -> bool:
    return start_pfn < zone.end_pfn and zone.start_pfn < end_pfn


# ------------------------------------------------------------------------------------ auto-movable


class _Balance(NamedTuple):
    """Pages of kernel memory from boot, and of all movable memory; CMA counts as movable."""

    kernel_early: int
    movable: int


def _is_auto_movable(node: Node, start_pfn: int, end_pfn: int) -> bool:
    """Whether the ratio allows that a group's unit, this range or what it is a part of, becomes movable."""
    group = node.memory_blocks.group_of(start_pfn // node.geometry.memory_block_nr_pages)
    nr_pages = end_pfn - start_pfn
    if group is not None:
        zones = _zones_of_unit(node, start_pfn, group.unit_nr_pages)
        if any(zone is not None and zone is not ZoneId.MOVABLE for zone in zones):
            return False  # Then all of the unit shall be kernel memory.
        # What of the unit is still to come.
        nr_pages = zones.count(None) * node.geometry.memory_block_nr_pages
    there = node.memory_blocks.numa_node(start_pfn // node.geometry.memory_block_nr_pages)
    is_fine_there = not node.hotplug_rules.is_auto_movable_numa_aware or _is_in_ratio(
        node, group, nr_pages, there
    )
    return is_fine_there and _is_in_ratio(node, group, nr_pages, None)


def _is_in_ratio(node: Node, group: MemoryGroup | None, nr_pages: int, numa_node: int | None) -> bool:
    """Whether the ratio holds with nr_pages more of a group: on one NUMA node, or on all together (None)."""
    ratio = node.hotplug_rules.auto_movable_ratio
    if not ratio:
        return False
    groups = [one for one in node.memory_blocks.groups() if numa_node in (None, one.numa_node)]
    balance = _without_others(_balance(node, groups, numa_node), groups, group, ratio)
    if balance.kernel_early <= 0:
        return False
    own = 0 if group is None else group.present_kernel
    return balance.movable + nr_pages <= ratio * (balance.kernel_early + own) // 100


def _zones_of_unit(node: Node, pfn: int, unit_nr_pages: int) -> list[ZoneId | None]:
    """Returns the zone of each memory block of the unit that holds `pfn`; None: not online."""
    size = node.geometry.memory_block_nr_pages
    first = (pfn - pfn % unit_nr_pages) // size
    return [node.memory_blocks.zone_id(block) for block in range(first, first + unit_nr_pages // size)]


def _balance(node: Node, groups: list[MemoryGroup], numa_node: int | None) -> _Balance:
    """Returns what one NUMA node has, or all together (None); groups: those there."""
    zones = node.zones if numa_node is None else node.zones_of(numa_node)
    kernel = sum(zone.present for zone in zones if zone.id is not ZoneId.MOVABLE)
    movable = sum(zone.present for zone in zones if zone.id is ZoneId.MOVABLE)
    size = node.geometry.memory_block_nr_pages
    cma = sum(
        area.nr_pages
        for area in node.cma_areas.values()
        if numa_node in (None, node.memory_blocks.numa_node(area.start_pfn // size))
    )
    hotplugged = sum(group.present_kernel for group in groups)
    return _Balance(kernel - hotplugged - cma, movable + cma)


def _without_others(
    balance: _Balance, groups: list[MemoryGroup], asking: MemoryGroup | None, ratio: int
) -> _Balance:
    """Takes out what other groups have movable, and the early kernel memory that it needs beyond their own."""
    kernel_early, movable = balance
    for group in groups:
        if group is asking:
            continue
        movable -= group.present_movable
        kernel_early -= max(0, group.present_movable * 100 // ratio - group.present_kernel)
    return _Balance(kernel_early, movable)
