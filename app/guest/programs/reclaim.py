"""Reclaim: page cache goes when memory is short, the oldest allocation's first; then caches of the kernel.

    clean page cache ──▶ dirty page cache, which is written back first ──▶ reclaimable slab

Mirrors what kswapd and direct reclaim of mm/vmscan.c come to without swap: programs' own pages stay.
Differs from Linux: pages have no age of their own, only their allocation has; a page that is dropped is not missed
later, so nothing is read in again; the shrinkers of slabs come last, and not beside the page cache.
Left out: when memory is short, and who waits meanwhile (app.guest.programs.page_supply).
"""

from collections.abc import Iterator
from typing import NamedTuple

from app.guest.allocations import Allocation
from app.guest.programs.random_frees import RandomFrees
from app.guest.programs.surroundings import Surroundings
from app.mm.page import PageKind
from app.trace.events import PagesReclaimed

# What may go, in this order.
RECLAIMABLE_KINDS = (PageKind.FILE_CLEAN, PageKind.FILE_DIRTY, PageKind.RECLAIMABLE)

_NS_PER_US = 1000


class Reclaimed(NamedTuple):
    """How many pages were freed, and the time that it took."""

    nr_pages: int = 0
    cost_ns: int = 0


class Reclaimer:
    """Reclaims pages of one guest."""

    def __init__(self, guest: Surroundings, frees: RandomFrees) -> None:
        """Takes pages out of the guest's table."""
        self._guest = guest
        self._frees = frees
        self._page_ns = dict.fromkeys(RECLAIMABLE_KINDS, guest.profile.drop_clean_page_ns)
        self._page_ns[PageKind.FILE_DIRTY] += guest.profile.write_back_page_ns

    def reclaim(
        self, nr_pages: int, *, by: str, wanted_by: PageKind, limit_ns: int | None = None
    ) -> Reclaimed:
        """Frees at least nr_pages where pages of the kind wanted_by may lie, as far as there are some, and time.

        Pages of a larger order go whole. by: "kswapd" or "direct"; limit_ns: None for as long as it takes.
        """
        freed, cost_ns = 0, 0
        for row in self._candidates():
            if freed >= nr_pages:
                break
            run_ns = max(1, self._guest.pace.stretch(self._page_ns[row.kind] << row.order))
            nr_runs = -(-(nr_pages - freed) >> row.order)
            if limit_ns is not None:
                nr_runs = min(nr_runs, (limit_ns - cost_ns) // run_ns)
            done = self._frees.free(row, nr_runs, usable_by=wanted_by)
            freed += done << row.order
            cost_ns += done * run_ns
        if freed:
            now_us = self._guest.clock.now_us
            self._guest.sink.emit(PagesReclaimed(by, freed, cost_ns // _NS_PER_US, now_us))
        return Reclaimed(freed, cost_ns)

    def _candidates(self) -> Iterator[Allocation]:
        """Yields what may go, oldest first of each kind; gigantic pages are none."""
        rows = [row for row in self._guest.table if row.kind in self._page_ns and row.nr_pages]
        for kind in RECLAIMABLE_KINDS:
            yield from (
                row for row in rows if row.kind is kind and row.order <= self._guest.geometry.max_order
            )
