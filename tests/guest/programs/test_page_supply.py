"""Page supply, by hand on 504 pages with marks 24, 30 and 36: free pages, kswapd, direct reclaim, kills, panic."""

from app.guest.programs.oom import NO_VICTIM
from app.guest.programs.page_supply import Supply
from app.mm.page import PageKind
from tests.guest.programs.small import (
    DROP_NS,
    HIGH,
    KILL_NS,
    LOW,
    MIN,
    NR_MANAGED,
    Supplied,
    small_guest,
)

SECOND = 1_000_000_000


def test_above_low_nobody_waits() -> None:
    """Down to one page above low, kswapd sleeps; one page more wakes it, and it finds nothing."""
    on = Supplied(small_guest())
    row = on.open("heap")
    assert on.supply.take(row.id, NR_MANAGED - LOW - 1, kswapd_ns=SECOND) == Supply(NR_MANAGED - LOW - 1)
    assert on.counters.pageoutrun == 0
    assert on.supply.take(row.id, 1, kswapd_ns=SECOND) == Supply(1)
    assert on.counters.pageoutrun == 1


def test_kswapd_frees_up_to_high_while_the_program_goes_on() -> None:
    """100 pages of cache, memory full to low: the program waits for nothing, and free memory ends above high."""
    on = Supplied(small_guest())
    on.open("cache", PageKind.FILE_CLEAN, 100)
    row = on.open("heap", nr_pages=NR_MANAGED - 100 - LOW - 1)
    assert on.nr_free == LOW + 1
    supply = on.supply.take(row.id, 50, kswapd_ns=SECOND)
    # It had 7 pages above min at once; kswapd freed the other 43, and as many as lie from min to above high.
    freed = 43 + HIGH + 1 - MIN
    assert supply == Supply(50, kswapd_ns=freed * DROP_NS)
    assert on.nr_free == HIGH + 1
    assert on.pages()["cache"] == 100 - freed
    assert (on.counters.pgsteal_kswapd, on.counters.allocstall) == (freed, 0)


def test_direct_reclaim_waits_for_what_kswapd_cannot() -> None:
    """With no time for kswapd, who wants pages frees them: at least 32, and what is missing to min, and waits."""
    on = Supplied(small_guest())
    on.open("cache", PageKind.FILE_CLEAN, 100)
    row = on.open("heap", nr_pages=NR_MANAGED - 100 - MIN)
    supply = on.supply.take(row.id, 10, kswapd_ns=0)
    assert supply == Supply(10, stall_ns=33 * DROP_NS)
    assert on.nr_free == MIN + 23
    assert (on.counters.pgsteal_direct, on.counters.allocstall) == (33, 1)


def test_largest_process_dies_when_nothing_is_left() -> None:
    """A small program asks, the large one dies, and the small one gets its pages."""
    on = Supplied(small_guest())
    on.open("large", nr_pages=400)
    row = on.open("small", nr_pages=NR_MANAGED - 400 - MIN)
    supply = on.supply.take(row.id, 10, kswapd_ns=SECOND)
    assert supply == Supply(10, stall_ns=KILL_NS, killed=("large",))
    assert on.pages() == {"small": NR_MANAGED - 400 - MIN + 10}
    assert on.counters.oom_kill == 1
    assert on.guest.verify() == []


def test_who_asks_may_be_the_one_who_dies() -> None:
    """Then it gets nothing, and has nothing."""
    on = Supplied(small_guest())
    row = on.open("large", nr_pages=NR_MANAGED - MIN)
    assert on.supply.take(row.id, 10, kswapd_ns=0) == Supply(0, stall_ns=KILL_NS, killed=("large",))
    assert on.pages() == {}


def test_kernel_without_victims_panics() -> None:
    """Kernel memory took everything: nobody can be killed."""
    on = Supplied(small_guest())
    row = on.open("slab", PageKind.UNMOVABLE, NR_MANAGED - MIN)
    assert on.supply.take(row.id, 1, kswapd_ns=SECOND).panic == NO_VICTIM


def test_large_orders_go_without() -> None:
    """A run above order 3 is never killed for: the program has to do with fewer."""
    on = Supplied(small_guest())
    on.open("heap", nr_pages=200)
    row = on.open("buffers", PageKind.UNMOVABLE, order=4)
    supply = on.supply.take(row.id, 100, kswapd_ns=SECOND)
    assert 0 < supply.nr_runs < 100
    assert (supply.killed, supply.panic) == ((), "")
    assert on.pages()["heap"] == 200
