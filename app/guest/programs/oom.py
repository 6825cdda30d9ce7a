"""The out-of-memory killer: the process with the most memory of its own dies, and leaves its pages.

Mirrors mm/oom_kill.c in what it comes to without swap and without anybody's oom_score_adj. A process here is a label:
all allocations that bear it; one without a label is a process of its own. What is its own is anonymous memory: page
cache and memory of the kernel outlive it.
Left out: when somebody has to die (app.guest.programs.page_supply), and who starts it again.
"""

from collections.abc import Iterable
from typing import NamedTuple

from app.guest.allocations import Allocation
from app.guest.programs.kernel_log import LEVEL_EMERGENCY, KernelLog
from app.guest.programs.surroundings import Surroundings
from app.mm.page import PageKind
from app.trace.events import OomKilled

OWN_KINDS = frozenset({PageKind.ANON, PageKind.THP, PageKind.PINNED})
NO_VICTIM = "Out of memory and no killable processes"


class Victim(NamedTuple):
    """A process: its label, the id of its first allocation, and its pages."""

    label: str
    allocation_id: int
    nr_pages: int


def choose_victim(rows: Iterable[Allocation]) -> Victim | None:
    """Returns the process with the most pages of its own, the oldest of equal ones; None: nobody has any."""
    victims: dict[str | int, Victim] = {}
    for row in rows:
        if row.kind in OWN_KINDS and row.nr_pages:
            before = victims.get(row.label or row.id, Victim(row.label, row.id, 0))
            victims[row.label or row.id] = before._replace(nr_pages=before.nr_pages + row.nr_pages)
    return max(victims.values(), key=lambda victim: victim.nr_pages, default=None)


class OomKiller:
    """Kills processes of one guest, and says so in its log."""

    def __init__(self, guest: Surroundings, log: KernelLog) -> None:
        """Takes pages out of the guest's table."""
        self._guest = guest
        self._log = log

    def kill(self) -> Victim | None:
        """Kills the largest process and frees its pages; returns it, or None when there is none to kill.

        Its allocations stay, empty.
        """
        victim = choose_victim(self._guest.table)
        now_us = self._guest.clock.now_us
        if victim is None:
            self._log.write(now_us, f"Kernel panic - not syncing: {NO_VICTIM}", level=LEVEL_EMERGENCY)
            return None
        kbytes = victim.nr_pages * self._guest.geometry.page_size // 1024
        self._log.write(
            now_us,
            f"Out of memory: Killed process {victim.allocation_id} ({victim.label or 'unnamed'}) "
            f"total-vm:{kbytes}kB, anon-rss:{kbytes}kB, file-rss:0kB, shmem-rss:0kB",
        )
        self._guest.sink.emit(OomKilled(victim.label, victim.allocation_id, victim.nr_pages, now_us))
        self._guest.backings.look()
        for row in [row for row in self._guest.table if _is_of(row, victim)]:
            self._guest.table.debit(row.id, self._guest.node.free_runs(self._guest.node.owned_pfns(row.id)))
        return victim


def _is_of(row: Allocation, victim: Victim) -> bool:
    is_same = row.label == victim.label if victim.label else row.id == victim.allocation_id
    return is_same and row.kind in OWN_KINDS
