"""What each pageblock holds: its type, its zone, and how many pages of each kind; and every run and free block.

Left out: the text of /proc files (app.mm.vmstat).
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.mm.kernels import layout, walk
from app.mm.node import Node
from app.mm.page import Migratetype, PageKind

# Pageblocks looked at in one crossing, a power of two: 4096 rows of 16 counters are 512 KiB.
_BATCH = 4096


class PageblockRun(NamedTuple):
    """Pageblocks [start, end) that are alike; `pages`: pages of each kind in each of them, none that is 0."""

    start: int
    end: int
    migratetype: Migratetype
    zone_name: str
    numa_node: int
    pages: dict[PageKind, int]


class Run(NamedTuple):
    """2**order pages of one kind and one owner, from pfn on."""

    pfn: int
    kind: PageKind
    order: int
    owner: int


class FreeBlock(NamedTuple):
    """An entry of a free list: 2**order free pages from pfn on, on a list of `migratetype`."""

    pfn: int
    order: int
    migratetype: Migratetype


def collect_runs(node: Node) -> list[Run]:
    """Returns every run of online memory, ascending. Meant for small nodes: one value a run."""
    table = np.zeros((node.nr_pages + 1, 3), np.int64)
    count = int(walk.collect_runs(node.arrays, 0, node.nr_pages, table))
    return [Run(pfn, PageKind(head & 15), head >> 4, owner) for pfn, head, owner in table[:count].tolist()]


def collect_free_blocks(node: Node, zone: int) -> list[FreeBlock]:
    """Returns a zone's free lists, type by type, small orders first, each list from its head on."""
    blocks: list[FreeBlock] = []
    pfns = np.zeros(node.nr_pages, np.int64)
    for migratetype in Migratetype:
        for order in range(node.geometry.max_order + 1):
            count = int(walk.list_pfns(node.arrays, int(zone), order, int(migratetype), pfns))
            blocks += [FreeBlock(pfn, order, migratetype) for pfn in pfns[:count].tolist()]
    return blocks


def count_kinds(node: Node, first: int, end: int) -> NDArray[np.int64]:
    """Returns pages[pageblock - first, kind] of the pageblocks [first, end); rows without memory are 0."""
    order = node.geometry.pageblock_order
    counts = np.zeros((end - first, layout.NR_KINDS), np.int64)
    walk.count_kinds(node.arrays, first << order, end << order, counts)
    return counts


def dominant_kinds(node: Node) -> NDArray[np.uint8]:
    """Returns the kind of most pages of each pageblock from pfn 0 on; NONE where no memory is online."""
    nr_pageblocks = node.nr_pages >> node.geometry.pageblock_order
    kinds = np.zeros(nr_pageblocks, np.uint8)
    for first, end in online_batches(node):
        kinds[first:end] = count_kinds(node, first, end).argmax(axis=1)
    return kinds


def pageblock_runs(node: Node) -> Iterator[PageblockRun]:
    """Yields the online pageblocks, ascending, neighbours that are alike in one run."""
    last: PageblockRun | None = None
    for first, end in online_batches(node):
        for run in _runs_of_batch(node, first, end):
            if last is not None and last.end == run.start and last[2:] == run[2:]:
                last = last._replace(end=run.end)
                continue
            if last is not None:
                yield last
            last = run
    if last is not None:
        yield last


def online_batches(node: Node) -> Iterator[tuple[int, int]]:
    """Yields [first, end) of pageblocks that are online and in one zone, about _BATCH at most.

    No run of pages reaches from one batch into the next.
    """
    batch = max(_BATCH, node.geometry.chunk_nr_pages >> node.geometry.pageblock_order)
    zones = node.arrays.block_zone
    edges = np.flatnonzero(np.diff(zones)) + 1
    bounds = [0, *edges.tolist(), len(zones)]
    for start, end in pairwise(bounds):
        if zones[start]:
            for first in range(start, end, batch):
                yield first, min(first + batch, end)


def _runs_of_batch(node: Node, first: int, end: int) -> Iterator[PageblockRun]:
    types = node.arrays.block_type[first:end].astype(np.int64)
    rows = np.concatenate((types[:, None], count_kinds(node, first, end)), axis=1)
    changes = np.flatnonzero((rows[1:] != rows[:-1]).any(axis=1)) + 1
    bounds = [0, *changes.tolist(), end - first]
    zone = node.zones[int(node.arrays.block_zone[first]) - 1]
    for start, stop in pairwise(bounds):
        migratetype, *counts = rows[start].tolist()
        pages = {PageKind(kind): count for kind, count in enumerate(counts) if count}
        kind = Migratetype(migratetype)
        yield PageblockRun(first + start, first + stop, kind, zone.name, zone.numa_node, pages)


def total_kinds(node: Node) -> NDArray[np.int64]:
    """Returns the pages of each kind on the whole node, int64[kind]. Linear in online pageblocks."""
    totals = np.zeros(layout.NR_KINDS, np.int64)
    for first, end in online_batches(node):
        totals += count_kinds(node, first, end).sum(axis=0)
    return totals
