"""Pages for programs, whatever it takes: first what is free, then reclaimed page cache, then a killed process's.

    free pages        high ─────────────────────────────  kswapd sleeps again
        |             low  ─────────────────────────────  kswapd is woken, and frees while others go on
        |             min  ─────────────────────────────  who wants pages frees some himself, and waits: direct reclaim
        v                                                 nothing to free: somebody is killed; nobody to kill: panic

Mirrors the slow path of mm/page_alloc.c in what it comes to, without swap and without compaction (B-19, B-20).
Kept here: what was waited for is told with every answer, so that pressure and load follow from it.
Left out: what is reclaimed first (app.guest.programs.reclaim), who is killed (app.guest.programs.oom).
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

from app.guest.allocations import Allocation
from app.guest.programs.oom import NO_VICTIM, OomKiller
from app.guest.programs.reclaim import Reclaimed, Reclaimer
from app.guest.programs.surroundings import Surroundings
from app.mm.owned import pages_missing, room_for
from app.mm.page import PageKind

_MIN, _LOW, _HIGH = range(3)
# Direct reclaim frees at least so many pages at once, and doubles that while it is not enough.
_SMALLEST_BATCH = 32
# The kernel kills nobody for a larger run: who asks for one has to go without.
_LARGEST_CHEAP_ORDER = 3


@dataclass
class Counters:
    """What /proc/vmstat says of memory pressure since boot: pages, and how often."""

    pgsteal_kswapd: int = 0
    pgsteal_direct: int = 0
    pageoutrun: int = 0
    allocstall: int = 0
    oom_kill: int = 0

    def fork(self) -> "Counters":
        """Returns an independent copy."""
        return replace(self)


class Supply(NamedTuple):
    """What somebody got who wanted pages.

    stall_ns: how long he waited; kswapd_ns: how long the kernel freed pages beside him; killed: labels; panic: why the
    guest is dead, "" while it is not.
    """

    nr_runs: int
    stall_ns: int = 0
    kswapd_ns: int = 0
    killed: tuple[str, ...] = ()
    panic: str = ""


class PageSupply:
    """Supplies the programs of one guest with pages."""

    def __init__(
        self, guest: Surroundings, *, reclaimer: Reclaimer, killer: OomKiller, counters: Counters
    ) -> None:
        """Gives pages of the guest to rows of its table."""
        self._guest = guest
        self._reclaimer = reclaimer
        self._killer = killer
        self._counters = counters

    def take(self, allocation_id: int, nr_runs: int, *, kswapd_ns: int) -> Supply:
        """Allocates nr_runs runs for an allocation; kswapd_ns: the time that kswapd has meanwhile.

        Fewer are had when the guest dies, when the allocation's own process is killed, and for orders that are never
        reclaimed or killed for until they are there.
        """
        row = self._guest.table.get(allocation_id)
        got = self._guest.table.grow(row.id, nr_runs)
        if got == nr_runs and not pages_missing(self._guest.node, row.kind, _LOW):
            return Supply(got)
        missing = (nr_runs - got) << row.order
        background = self._run_kswapd(row.kind, missing, limit_ns=kswapd_ns)
        if got < nr_runs and background.nr_pages:
            got += self._guest.table.grow(row.id, nr_runs - got)
        if got == nr_runs:
            return Supply(got, kswapd_ns=background.cost_ns)
        supply = self._take_directly(row, nr_runs - got)
        return supply._replace(nr_runs=got + supply.nr_runs, kswapd_ns=background.cost_ns)

    def _run_kswapd(self, kind: PageKind, missing: int, *, limit_ns: int) -> Reclaimed:
        nr_pages = pages_missing(self._guest.node, kind, _HIGH) + missing
        done = self._reclaimer.reclaim(nr_pages, by="kswapd", wanted_by=kind, limit_ns=limit_ns)
        self._counters.pageoutrun += 1
        self._counters.pgsteal_kswapd += done.nr_pages
        return done

    def _take_directly(self, row: Allocation, nr_runs: int) -> Supply:
        """Frees pages until nr_runs runs are had, and kills when there is nothing to free."""
        got, stall_ns, batch = 0, 0, max(nr_runs << row.order, _SMALLEST_BATCH)
        killed: list[str] = []
        self._counters.allocstall += 1
        while got < nr_runs:
            nr_pages = batch + pages_missing(self._guest.node, row.kind, _MIN)
            done = self._reclaimer.reclaim(nr_pages, by="direct", wanted_by=row.kind)
            self._counters.pgsteal_direct += done.nr_pages
            stall_ns += done.cost_ns
            batch *= 2
            if not done.nr_pages:
                if not self._may_kill(row):
                    break
                victim = self._killer.kill()
                if victim is None:
                    return Supply(got, stall_ns, killed=tuple(killed), panic=NO_VICTIM)
                self._counters.oom_kill += 1
                killed.append(victim.label)
                stall_ns += self._guest.pace.stretch(self._guest.profile.oom_kill_ns)
                if row.label == victim.label:
                    return Supply(0, stall_ns, killed=tuple(killed))
            got += self._guest.table.grow(row.id, nr_runs - got)
            if row.order > _LARGEST_CHEAP_ORDER:
                break
        return Supply(got, stall_ns, killed=tuple(killed))

    def _may_kill(self, row: Allocation) -> bool:
        """Returns whether memory is out, and not only in too small pieces: those, compaction would join."""
        return row.order <= _LARGEST_CHEAP_ORDER and not room_for(self._guest.node, row.kind, 0)
