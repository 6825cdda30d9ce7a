"""A capture's pages: looked at pageblock by pageblock, and then made the pages of a node.

Kept here: pages are looked at in batches, so that a large machine needs little memory.
Left out: what flags mean (app.guest.capture.kinds), and what they do not tell (app.guest.capture.guess).
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.guest.capture.guess import PageblockCensus
from app.guest.capture.kinds import UNMARKED, FlagTable
from app.guest.capture.machine import CapturedMachine
from app.mm import load
from app.mm.geometry import Geometry
from app.mm.node import Node
from app.mm.page import PageKind
from app.mm.zone import ZoneId
from app.units import align_up

# Pages looked at in one piece: enough for NumPy, and little memory. A multiple of every chunk.
_BATCH_PAGES = 1 << 20
# Pages that no zone manages.
_UNMANAGED = (PageKind.NONE, PageKind.RESERVED, PageKind.OFFLINE)


class Batch(NamedTuple):
    """Pages from start_pfn on: their kinds, and 1 where one continues a compound; uint8[pageblock, page]."""

    first_pageblock: int
    kinds: NDArray[np.uint8]
    tails: NDArray[np.uint8]

    def local(self, pageblocks: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns those of `pageblocks` that lie in this batch, as rows of it."""
        rows = pageblocks - self.first_pageblock
        return rows[(rows >= 0) & (rows < len(self.kinds))]


class Corrections(NamedTuple):
    """What flags alone do not tell, as pageblocks: int64[...], ascending."""

    # Their unmarked pages wait on per-cpu lists.
    per_cpu: NDArray[np.int64]
    # One run that holds memmap each.
    memmaps: NDArray[np.int64]
    # Present, but never given to the buddy.
    unmanaged: NDArray[np.int64]
    # What is offline here is unplugged; elsewhere a balloon holds such pages, and lets them move.
    unplugged: NDArray[np.int64]


class CapturedPages:
    """All pages of one capture."""

    def __init__(self, machine: CapturedMachine, geometry: Geometry) -> None:
        """Classifies the flag words that occur."""
        self._machine = machine
        self._geometry = geometry
        self._table = FlagTable(machine.run_flags)

    def batches(self) -> Iterator[Batch]:
        """Yields whole chunks of pages, ascending; pages behind the capture are NONE."""
        size = self._geometry.pageblock_nr_pages
        end = align_up(self._machine.nr_pages, self._geometry.chunk_nr_pages)
        for start in range(0, end, _BATCH_PAGES):
            stop = min(start + _BATCH_PAGES, end)
            runs = self._machine.runs_in(start, stop)
            missing = (0, stop - start - int(runs.nr_pages.sum()))
            kinds, tails = (
                np.pad(np.repeat(column, runs.nr_pages), missing).reshape(-1, size)
                for column in self._table.classify(runs.flags)
            )
            yield Batch(start // size, kinds, tails)

    def take_census(self) -> PageblockCensus:
        """Counts what every pageblock holds."""
        parts = [_count(batch.kinds) for batch in self.batches()]
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return PageblockCensus(pageblock_nr_pages=self._geometry.pageblock_nr_pages, **columns)

    def load(self, node: Node, corrections: Corrections, owners: Mapping[PageKind, int]) -> None:
        """Makes the pages of every online pageblock of `node`, and counts what its zones manage.

        owners: the allocation of used pages, by kind.
        """
        owner_of_kind = np.zeros(len(PageKind), np.int64)
        owner_of_kind[list(owners)] = list(owners.values())
        zones = node.pageblock_zones()
        managed = np.zeros(len(ZoneId), np.int64)
        for batch in self.batches():
            here = zones[batch.first_pageblock : batch.first_pageblock + len(batch.kinds)]
            _correct(batch, here, corrections)
            counts = np.count_nonzero(~np.isin(batch.kinds, _UNMANAGED), axis=1)
            for zone in ZoneId:
                managed[zone] += counts[here == zone].sum()
            start_pfn = batch.first_pageblock * self._geometry.pageblock_nr_pages
            load.load_pages(node, start_pfn, batch.kinds.ravel(), batch.tails.ravel(), owner_of_kind)
        for zone in ZoneId:
            load.set_managed(node, zone, int(managed[zone]))
        load.find_pcp_pages(node)


def _correct(batch: Batch, zones: NDArray[np.int8], corrections: Corrections) -> None:
    """Writes into a batch what its flags alone did not tell."""
    kinds = batch.kinds
    # A hole inside memory that is online has pages, which nobody may use.
    kinds[(kinds == PageKind.NONE) & (zones >= 0)[:, None]] = PageKind.RESERVED
    is_unplugged = np.zeros(len(kinds), np.bool_)
    is_unplugged[batch.local(corrections.unplugged)] = True
    kinds[(kinds == PageKind.OFFLINE) & ~is_unplugged[:, None]] = PageKind.MOVABLE_OPS
    for pageblocks, kind in ((corrections.per_cpu, PageKind.PCP), (corrections.unmanaged, PageKind.RESERVED)):
        rows = batch.local(pageblocks)
        kinds[rows] = np.where(kinds[rows] == UNMARKED, np.uint8(kind), kinds[rows])
    # The kernel's own pages never lie in ZONE_MOVABLE (B-10): what shows no flag there has its own way to move.
    kinds[(kinds == UNMARKED) & (zones == ZoneId.MOVABLE)[:, None]] = PageKind.MOVABLE_OPS
    # A memmap was allocated as a whole: one run.
    batch.tails[batch.local(corrections.memmaps), 1:] = 1


def _count(kinds: NDArray[np.uint8]) -> dict[str, NDArray[np.int64]]:
    """Returns the census' columns of some pageblocks, uint8[pageblock, page]."""
    unmarked = kinds == UNMARKED
    begins = unmarked.copy()
    begins[:, 1:] &= ~unmarked[:, :-1]
    return {
        "unmarked": unmarked.sum(1),
        "unmarked_runs": begins.sum(1),
        "kernel": (kinds == PageKind.UNMOVABLE).sum(1),
        "reserved": (kinds == PageKind.RESERVED).sum(1),
        "offline": (kinds == PageKind.OFFLINE).sum(1),
        "absent": (kinds == PageKind.NONE).sum(1),
    }
