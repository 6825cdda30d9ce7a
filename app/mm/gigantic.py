"""Gigantic pages: hugetlb pages above the largest order of the buddy, taken as contiguous ranges.

Mirrors alloc_contig_pages() of mm/page_alloc.c and the gigantic pages of mm/hugetlb.c (semantics K-3, K-4).
A gigantic page is tiled with runs of the largest order; the bit GIGANTIC in their owner says that they belong together.
Left out: pools, and areas that boot set aside for them (hugetlb_cma).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from app.mm.contig import alloc_contig_range
from app.mm.kernels import layout, walk
from app.mm.node import Node
from app.mm.outcome import ContigOutcome, Errno
from app.mm.page import PageKind
from app.mm.zone import Zone, ZoneId
from app.units import align_up

# Pages that cannot be in a candidate range: the kernel does not even try to isolate it.
_EXCLUDED = (PageKind.RESERVED, PageKind.HUGETLB)


class GiganticOutcome(NamedTuple):
    """Where a gigantic page was had, -1 without one, and every alloc_contig_range() call on the way."""

    pfn: int
    calls: tuple[ContigOutcome, ...]


def gigantic_owner(owner: int) -> int:
    """Returns the owner that the runs of `owner`'s gigantic pages have."""
    return owner | int(layout.GIGANTIC)


def alloc_gigantic(node: Node, order: int, owner: int, *, numa_node: int = 0) -> GiganticOutcome:
    """Takes 2**order aligned pages for `owner`: the first range that can be emptied, zone Normal first, ascending.

    The preferred NUMA node comes first. A gigantic page cannot be migrated, so that it is never taken from
    ZONE_MOVABLE. A range that failed leaves what alloc_contig_range() leaves. Linear in the pages looked at.
    """
    calls: list[ContigOutcome] = []
    nr_pages = 1 << order
    for zone in _zones_in_turn(node, numa_node):
        for pfn in range(align_up(zone.start_pfn, nr_pages), zone.end_pfn - nr_pages + 1, nr_pages):
            if not _is_candidate(node, pfn, pfn + nr_pages):
                continue
            calls.append(
                alloc_contig_range(
                    node, pfn, pfn + nr_pages, kind=PageKind.HUGETLB, owner=gigantic_owner(owner)
                )
            )
            if calls[-1].result is Errno.OK:
                return GiganticOutcome(pfn, tuple(calls))
    return GiganticOutcome(-1, tuple(calls))


def _zones_in_turn(node: Node, numa_node: int) -> Iterator[Zone]:
    """Yields the kernel zones as a zonelist has them: Normal first, of the preferred node, then of the others."""
    for distance in range(node.nr_numa_nodes):
        yield from reversed(node.zones_of((numa_node + distance) % node.nr_numa_nodes)[: ZoneId.MOVABLE])


def count_gigantic(node: Node) -> int:
    """Returns the pages of all gigantic pages. Linear in chunks."""
    nr_chunks = node.arrays.geo.nr_chunks
    # Their runs are chunks, whose bytes stand first.
    heads, owners = node.arrays.head[:nr_chunks], node.arrays.owner[:nr_chunks]
    is_gigantic = (heads & 15 == PageKind.HUGETLB) & (owners > 0) & (owners & int(layout.GIGANTIC) != 0)
    return int(np.count_nonzero(is_gigantic)) << node.geometry.max_order


def _is_candidate(node: Node, start_pfn: int, end_pfn: int) -> bool:
    """Returns whether a range is worth trying: online in one zone, nothing reserved, no hugetlb page in it."""
    if not node.is_one_zone(start_pfn, end_pfn):
        return False
    counts = np.zeros(((end_pfn - start_pfn) >> node.geometry.pageblock_order, layout.NR_KINDS), np.int64)
    walk.count_kinds(node.arrays, start_pfn, end_pfn, counts)
    return not counts[:, _EXCLUDED].any()
