"""Freeing some random pages of an allocation, a few of many at little cost.

    a few of many    pages of online memory are drawn; those that belong to the allocation are freed
    many of few      the allocation's runs are looked up, and some of them chosen

Kept here: every run is as likely as another; what is freed counts as backed by the host, as it was in use.
Left out: which allocation, and how much (app.guest.programs.reclaim, app.guest.programs.phase_work).
"""

import numpy as np
from numpy.typing import NDArray

from app.guest.allocations import Allocation
from app.guest.programs.surroundings import Surroundings
from app.guest.random_stream import RandomStream
from app.mm.owned import free_drawn_runs, online_pageblocks
from app.mm.page import PageKind

# Drawing a page costs as much as walking over this many.
_WALKED_PER_DRAW = 16
# Draws beyond those that hit on average: a few runs are found at once nearly always.
_SPARE_DRAWS = 8
_NR_ROUNDS = 2


class RandomFrees:
    """Frees random pages of one guest; every choice comes from one stream."""

    def __init__(self, guest: Surroundings, stream: RandomStream) -> None:
        """Frees pages of `guest` out of its table."""
        self._guest = guest
        self.stream = stream

    def free(self, row: Allocation, nr_runs: int, *, usable_by: PageKind | None = None) -> int:
        """Frees up to nr_runs random runs of an allocation; returns how many.

        usable_by: only where pages of this kind may lie (B-10); None: anywhere.
        """
        nr_runs = min(nr_runs, row.nr_pages >> row.order)
        if nr_runs <= 0:
            return 0
        blocks = online_pageblocks(self._guest.node, usable_by or row.kind)
        freed = 0
        for _ in range(_NR_ROUNDS):
            freed += self._free_drawn(row, nr_runs - freed, blocks)
        if freed < nr_runs:
            freed += self._free_chosen(row, nr_runs - freed, blocks)
        if freed:
            self._guest.table.debit(row.id, freed << row.order)
        return freed

    def _free_drawn(self, row: Allocation, nr_runs: int, blocks: NDArray[np.int64]) -> int:
        """Draws pages, and frees what they hit; nothing when a walk is cheaper."""
        order = self._guest.geometry.pageblock_order
        nr_pages = len(blocks) << order
        nr_draws = nr_runs * (1 + nr_pages // row.nr_pages) + _SPARE_DRAWS
        if not nr_runs or nr_draws > nr_pages // _WALKED_PER_DRAW:
            return 0
        draws = self.stream.below(nr_pages, nr_draws)
        pfns = (blocks[draws >> order] << order) | (draws & ((1 << order) - 1))
        firsts = free_drawn_runs(self._guest.node, row.id, row.order, drawn=pfns, limit=nr_runs)
        self._guest.backings.touch(firsts, 1 << row.order)
        return len(firsts)

    def _free_chosen(self, row: Allocation, nr_runs: int, blocks: NDArray[np.int64]) -> int:
        pfns = self._guest.node.owned_pfns(row.id)
        pfns = pfns[np.isin(pfns >> self._guest.geometry.pageblock_order, blocks)]
        chosen = pfns[self.stream.choose(len(pfns), min(nr_runs, len(pfns)))]
        self._guest.backings.touch(chosen, 1 << row.order)
        self._guest.node.free_runs(chosen)
        return len(chosen)
