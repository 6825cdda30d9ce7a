"""What programs of a small guest live by, for tests: its surroundings, and page supply on them.

A toy guest of 64 MiB manages 504 pages of 128 KiB in zone Normal; its marks are min 24, low 30, high 36.
Left out: fixtures; a test makes what it needs.
"""

from app.guest.allocations import Allocation
from app.guest.cost import HYPERALLOC_2025
from app.guest.devices import Backings
from app.guest.guest import Guest
from app.guest.programs.kernel_log import KernelLog
from app.guest.programs.oom import OomKiller
from app.guest.programs.page_supply import Counters, PageSupply
from app.guest.programs.random_frees import RandomFrees
from app.guest.programs.reclaim import Reclaimer
from app.guest.programs.surroundings import Surroundings
from app.guest.random_stream import RandomStream
from app.mm.page import PageKind
from app.mm.zone import ZoneId
from tests.guest.making import toy_guest

NR_MANAGED, MIN, LOW, HIGH = 504, 24, 30, 36
DROP_NS = HYPERALLOC_2025.drop_clean_page_ns
WRITE_NS = HYPERALLOC_2025.write_back_page_ns
KILL_NS = HYPERALLOC_2025.oom_kill_ns


def small_guest(**changes: object) -> Guest:
    """Returns a toy guest without devices."""
    return toy_guest(devices=(), **changes)


def surroundings_of(guest: Guest) -> Surroundings:
    """Returns what programs of a guest without devices live by."""
    parts = (guest.node, guest.pages.allocations, Backings(), guest.clock, guest.events)
    return Surroundings(*parts, HYPERALLOC_2025, guest.pace)


class Supplied:
    """Page supply on a small guest, and the parts that tests look at."""

    def __init__(self, guest: Guest) -> None:
        """Makes it on `guest`."""
        self.guest = guest
        self.table = guest.pages.allocations
        self.counters = Counters()
        self.log = KernelLog()
        around = surroundings_of(guest)
        self.frees = RandomFrees(around, RandomStream(1))
        self.reclaimer = Reclaimer(around, self.frees)
        self.killer = OomKiller(around, self.log)
        self.supply = PageSupply(around, reclaimer=self.reclaimer, killer=self.killer, counters=self.counters)

    def open(
        self, label: str, kind: PageKind = PageKind.ANON, nr_pages: int = 0, order: int = 0
    ) -> Allocation:
        """Makes an allocation of so many pages."""
        return self.table.fill(kind, order, nr_pages >> order, label=label)

    def pages(self) -> dict[str, int]:
        """Returns the pages of each label that has some."""
        return {row.label: row.nr_pages for row in self.table if row.nr_pages}

    @property
    def nr_free(self) -> int:
        """Free pages."""
        return self.guest.node.zones[ZoneId.NORMAL].nr_free
