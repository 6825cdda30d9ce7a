"""A guest's memory as the outside world reads it: zones, memory blocks, pageblocks, devices; JSON-ready.

Left out: the text of /proc files (app.mm.vmstat), pictures.
"""

from collections.abc import Iterable
from dataclasses import asdict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.guest.devices import AttachedDevice
from app.mm.census import dominant_kinds, pageblock_runs
from app.mm.memory_block import MemoryBlockState
from app.mm.node import Node
from app.mm.outcome import CmaOutcome, ContigOutcome, Errno
from app.mm.policies.quantities import Mode
from app.mm.zone import ZONE_NAMES, Zone
from app.virtio_mem.driver.driver import Driver, DriverState
from app.virtio_mem.driver.states import BlockState

# A driver has some of these, by its age; the others are 0.
_NO_BLOCKS = {state.name.lower(): 0 for state in BlockState}


class MapRows(NamedTuple):
    """The kind of most pages of each pageblock from pfn 0 on, by number; and how many make a memory block."""

    kinds: NDArray[np.uint8]
    pageblocks_per_memory_block: int


def map_rows(node: Node) -> MapRows:
    """Returns what a picture of the memory shows. Linear in runs of pages."""
    return MapRows(dominant_kinds(node), node.geometry.pageblocks_per_memory_block)


def describe_contig(outcome: ContigOutcome) -> dict[str, object]:
    """Returns how an alloc_contig_range() call ended; the result is the kernel's name."""
    obstacle = outcome.obstacle
    return {
        "result": str(outcome.result),
        "step": outcome.step or None,
        "obstacle": None if obstacle is None else {"pfn": obstacle.pfn, "kind": obstacle.kind.api_name},
        "migrated_pages": outcome.nr_migrated,
    }


def describe_cma(outcome: CmaOutcome, nr_pages: int) -> dict[str, object]:
    """Returns how a cma_alloc() call ended: where, after how many calls, and what stopped the last of them."""
    last = describe_contig(outcome.calls[-1] if outcome.calls else ContigOutcome(outcome.result))
    return {
        "result": str(outcome.result),
        "pfn": outcome.pfn if outcome.result is Errno.OK else None,
        "nr_pages": nr_pages,
        "calls": len(outcome.calls),
        "step": last["step"],
        "obstacle": last["obstacle"],
        "migrated_pages": sum(call.nr_migrated for call in outcome.calls),
    }


def describe_zones(node: Node) -> list[dict[str, object]]:
    """Returns the zones that have memory, in bytes."""
    return [_describe_zone(zone, node.geometry.page_size) for zone in node.zones if zone.present]


def describe_memory(node: Node) -> dict[str, object]:
    """Returns how much memory there is, in bytes: online, managed by the buddy, and free."""
    size = node.geometry.page_size
    return {
        "total": sum(zone.present for zone in node.zones) * size,
        "managed": sum(zone.managed for zone in node.zones) * size,
        "free": sum(zone.nr_free for zone in node.zones) * size,
    }


def describe_device(attached: AttachedDevice) -> dict[str, object]:
    """Returns the host's book of a device and what its driver says; sizes in bytes."""
    device, driver = attached.device, attached.driver
    config = device.config
    is_big = driver.plan.mode is Mode.BIG_BLOCK
    return {
        "id": device.id,
        "addr": config.addr,
        "block_size": config.block_size,
        "region_size": config.region_size,
        "usable_region_size": config.usable_region_size,
        "requested_size": config.requested_size,
        "size": config.plugged_size,
        "node": config.node_id,
        "mode": "bbm" if is_big else "sbm",
        "subblock_size": None if is_big else driver.unit_size,
        "big_block_size": driver.unit_size if is_big else None,
        "unplug_levels": [str(level) for level in driver.levels],
        "driver": {
            "state": str(DriverState.WORKING if attached.is_at_work else driver.state),
            "retry_ms": driver.armed_ms,
            "is_loaded": driver.is_loaded,
            **asdict(driver.options.parameters),
            "ignored_parameters": list(driver.ignored_parameters),
        },
        "blocks": _NO_BLOCKS | driver.count_blocks(),
    }


def describe_memory_blocks(node: Node, attached: Iterable[tuple[str, Driver]]) -> list[dict[str, object]]:
    """Returns every memory block that is present; attached: (device id, driver)."""
    drivers = tuple(attached)
    return [describe_memory_block(node, block_id, drivers) for block_id in node.memory_blocks.present_ids()]


def describe_memory_block(
    node: Node, block_id: int, attached: Iterable[tuple[str, Driver]]
) -> dict[str, object]:
    """Returns one memory block that is present."""
    zone = node.memory_blocks.zone_id(block_id)
    is_online = node.memory_blocks.state(block_id) is MemoryBlockState.ONLINE
    return {
        "id": block_id,
        "start_pfn": block_id * node.geometry.memory_block_nr_pages,
        "state": "online" if is_online else "offline",
        "zone": None if zone is None else ZONE_NAMES[zone],
        "node": node.memory_blocks.numa_node(block_id),
        "device": next((device for device, driver in attached if driver.owns(block_id)), None),
    }


def describe_rules(node: Node) -> dict[str, object]:
    """Returns how hotplugged memory is treated, beside where it goes online."""
    rules = node.hotplug_rules
    return {
        "auto_movable_ratio": rules.auto_movable_ratio,
        "auto_movable_numa_aware": rules.is_auto_movable_numa_aware,
        "offline_max_rounds": rules.offline_max_rounds,
    }


def describe_pageblocks(node: Node) -> list[dict[str, object]]:
    """Returns the online pageblocks, neighbours that are alike in one row."""
    return [
        {
            "start_pageblock": run.start,
            "nr_pageblocks": run.end - run.start,
            "migratetype": run.migratetype.name.lower(),
            "zone": run.zone_name,
            "node": run.numa_node,
            "pages": {kind.api_name: count for kind, count in run.pages.items()},
        }
        for run in pageblock_runs(node)
    ]


def _describe_zone(zone: Zone, page_size: int) -> dict[str, object]:
    marks = zone.watermarks
    return {
        "name": zone.name,
        "node": zone.numa_node,
        "spanned": zone.spanned * page_size,
        "present": zone.present * page_size,
        "managed": zone.managed * page_size,
        "free": zone.nr_free * page_size,
        "min": marks.min * page_size,
        "low": marks.low * page_size,
        "high": marks.high * page_size,
    }
