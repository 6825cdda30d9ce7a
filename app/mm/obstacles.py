"""What keeps a range of pages from being taken: every run in it that cannot go away by itself.

Looked at, not tried: the run that stops an allocation first is one of these, unless memory is short.
Kept here: which kinds neither leave nor are free (section 3), CMA pageblocks that nobody but CMA may take (4.2).
Left out: the order in which a kernel would find them, and shortages (app.mm.contig tries).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.mm.contig import outer_range
from app.mm.kernels import layout, walk
from app.mm.node import Node
from app.mm.page import Migratetype, PageKind, kept_types
from app.mm.policies.switches import UnmovableWindow
from app.mm.zone import ZoneId

# Kinds that migration does not move, and that are not free either.
STAYING = (
    PageKind.PINNED,
    PageKind.UNMOVABLE,
    PageKind.UNMOVABLE_PAGES,
    PageKind.RECLAIMABLE,
    PageKind.RESERVED,
    PageKind.OFFLINE,
    PageKind.HWPOISON,
)
_STAYS = np.isin(np.arange(layout.NR_KINDS), STAYING)
_STOPS_ISOLATION = _STAYS & (np.arange(layout.NR_KINDS) != PageKind.PINNED)
_GIGANTIC = int(layout.GIGANTIC)
# Runs read in one crossing.
_BATCH = 1 << 14


class Blocker(NamedTuple):
    """A run that stays where it is: 2**order pages from pfn on, and whose they are."""

    pfn: int
    kind: PageKind
    order: int
    owner: int


def find_blockers(node: Node, start_pfn: int, end_pfn: int) -> NDArray[np.int64]:
    """Returns what stays in the range that is isolated for [start_pfn, end_pfn), ascending: (pfn, head byte, owner).

    A CMA pageblock is one row, of the area's owner, whatever its pages are. Linear in the range's runs.
    """
    first, end = outer_range(node, start_pfn, end_pfn)
    rows = _staying_runs(node, first, end)
    if (first, end) != (start_pfn, end_pfn):
        rows = rows[_matters(node, rows, start_pfn, end_pfn)]
    cma = _cma_pageblocks(node, first, end)
    if not len(cma):
        return rows
    size = node.geometry.pageblock_nr_pages
    outside = rows[~np.isin(rows[:, 0] // size * size, cma[:, 0])]
    together = np.concatenate((cma, outside))
    return together[np.argsort(together[:, 0], kind="stable")]


def as_blockers(rows: NDArray[np.int64]) -> list[Blocker]:
    """Returns rows of find_blockers() with their names."""
    return [Blocker(pfn, PageKind(head & 15), head >> 4, owner) for pfn, head, owner in rows.tolist()]


def run_at(node: Node, pfn: int) -> Blocker:
    """Returns the run that holds a page, as it is; of kind NONE where no memory is online."""
    first = int(layout.covering_head(node.arrays, pfn))
    if first < 0:
        return Blocker(pfn, PageKind.NONE, 0, 0)
    head = int(layout.head_at(node.arrays, first))
    return Blocker(first, PageKind(head & 15), head >> 4, int(layout.owner_at(node.arrays, first)))


def _staying_runs(node: Node, start_pfn: int, end_pfn: int) -> NDArray[np.int64]:
    """Returns the runs of [start_pfn, end_pfn) that stay, one that reaches into it from before included."""
    first = run_at(node, start_pfn)
    # A run that begins before is read from its beginning; unplugged and offline memory has no first run.
    pfn = first.pfn
    table = np.zeros((min(_BATCH, end_pfn - pfn), 3), np.int64)
    found = []
    while pfn < end_pfn:
        count = int(walk.collect_runs(node.arrays, pfn, end_pfn, table))
        if not count:
            break
        found.append(_staying(table[:count]))
        last_pfn, last_head, _ = table[count - 1].tolist()
        pfn = last_pfn + (1 << (last_head >> 4))
    return np.concatenate(found) if found else np.empty((0, 3), np.int64)


def _matters(node: Node, rows: NDArray[np.int64], start_pfn: int, end_pfn: int) -> NDArray[np.bool_]:
    """Returns which runs stop an allocation of [start_pfn, end_pfn), of those in the range that is isolated for it.

    Outside, nothing has to move: what counts is whether a pageblock may be isolated, where all of it is looked at.
    """
    pfns, kinds = rows[:, 0], rows[:, 1] & 15
    is_inside = (pfns < end_pfn) & (pfns + (1 << (rows[:, 1] >> 4)) > start_pfn)
    if node.policy.unmovable_window is UnmovableWindow.INTEREST:
        return is_inside
    zone = node.zone_at(start_pfn)
    is_trusted = zone is not None and zone.id is ZoneId.MOVABLE
    stops = (kinds == PageKind.RESERVED) if is_trusted else _STOPS_ISOLATION[kinds]
    matters: NDArray[np.bool_] = is_inside | stops
    return matters


def _staying(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    kinds, owners = rows[:, 1] & 15, rows[:, 2]
    is_gigantic = (kinds == PageKind.HUGETLB) & (owners > 0) & (owners & _GIGANTIC != 0)
    staying: NDArray[np.int64] = rows[_STAYS[kinds] | is_gigantic]
    return staying


def _cma_pageblocks(node: Node, start_pfn: int, end_pfn: int) -> NDArray[np.int64]:
    """Returns the CMA pageblocks of a range, each as one row of its area."""
    order = node.geometry.pageblock_order
    first, end = start_pfn >> order, -(-end_pfn >> order)
    types = kept_types(node.arrays.block_type[first:end])
    pfns = (first + np.flatnonzero(types == Migratetype.CMA)) << order
    rows = [(pfn, node.kind_of(pfn) | (order << 4), _area_owner(node, pfn)) for pfn in pfns.tolist()]
    return np.array(rows, np.int64).reshape(-1, 3)


def _area_owner(node: Node, pfn: int) -> int:
    """Returns the owner of the area that has a page; 0 where a pageblock became CMA by accident (I-10)."""
    areas = node.cma_areas.values()
    return next((area.owner for area in areas if area.start_pfn <= pfn < area.end_pfn), 0)
