"""A node as plain values: what a naive twin, which has no arrays, can be compared with.

Left out: watermarks, which are inputs here, and everything that has no effect on later acts.
"""

from typing import NamedTuple

import numpy as np

from app.mm.kernels import layout, walk
from app.mm.node import Node
from app.mm.page import PageKind
from app.mm.zone import zone_index

# (zone, order, type): names a free list.
ListName = tuple[int, int, int]


class Run(NamedTuple):
    """2**order pages of one kind and one owner."""

    kind: int
    order: int
    owner: int


class ZoneCounters(NamedTuple):
    """What a zone counts."""

    nr_free: int
    nr_free_cma: int
    nr_reserved_highatomic: int
    managed: int
    present: int
    start_pfn: int
    end_pfn: int
    nr_isolate: int


class Observed(NamedTuple):
    """Everything that decides what a node will do."""

    runs: dict[int, Run]  # by first pfn, free ones too
    lists: dict[ListName, list[int]]  # first pfns, head of the list first; empty lists left out
    types: dict[int, int]  # by pageblock, online ones only: its byte, with the isolate bit if there is one
    zones: dict[int, int]
    counters: dict[int, ZoneCounters]  # by zone
    memory_blocks: dict[int, str]  # "online in 2", "offline"; absent ones left out


def observe(node: Node) -> Observed:
    """Reads all of it from a node's arrays."""
    zones = {block: int(zone) - 1 for block, zone in enumerate(node.arrays.block_zone.tolist()) if zone}
    types = node.arrays.block_type.tolist()
    return Observed(
        runs=observe_runs(node),
        lists=observe_lists(node),
        types={block: types[block] for block in zones},
        zones=zones,
        counters={zone.index: _counters(node, zone.index) for zone in node.zones},
        memory_blocks={block: _state(node, block) for block in node.memory_blocks.present_ids()},
    )


def observe_runs(node: Node) -> dict[int, Run]:
    """Returns every run of online memory by its first pfn."""
    table = np.zeros((node.nr_pages + 1, 3), np.int64)
    count = int(walk.collect_runs(node.arrays, 0, node.nr_pages, table))
    return {pfn: Run(head & 15, head >> 4, owner) for pfn, head, owner in table[:count].tolist()}


def observe_lists(node: Node) -> dict[ListName, list[int]]:
    """Returns every free list that is not empty, head first."""
    lists: dict[ListName, list[int]] = {}
    pfns = np.zeros(node.nr_pages + 1, np.int64)
    for zone in range(len(node.zones)):
        for order in range(node.geometry.max_order + 1):
            for migratetype in range(layout.NR_TYPES):
                count = int(walk.list_pfns(node.arrays, zone, order, migratetype, pfns))
                if count:
                    lists[zone, order, migratetype] = pfns[:count].tolist()
    return lists


def nr_pages_of_kind(node: Node, kind: PageKind) -> int:
    """Returns how many pages of a kind there are."""
    return sum(1 << run.order for run in observe_runs(node).values() if run.kind == kind)


def _counters(node: Node, zone: int) -> ZoneCounters:
    view = node.zones[zone]
    return ZoneCounters(
        view.nr_free,
        view.nr_free_cma,
        int(node.stat[zone, layout.S_NR_RESERVED_HIGHATOMIC]),
        view.managed,
        view.present,
        view.start_pfn,
        view.end_pfn,
        view.nr_isolate,
    )


def _state(node: Node, block: int) -> str:
    zone = node.memory_blocks.zone_id(block)
    if zone is None:
        return str(node.memory_blocks.state(block))
    return f"online in {zone_index(node.memory_blocks.numa_node(block), zone)}"
