"""Reclaim: clean page cache of the oldest allocation first, then dirty, then slab; programs' pages stay."""

from app.guest.programs.reclaim import Reclaimed
from app.mm.page import PageKind
from app.trace.events import PagesReclaimed
from tests.guest.programs.small import DROP_NS, WRITE_NS, Supplied, small_guest


def filled() -> Supplied:
    """Returns a guest with some of everything."""
    on = Supplied(small_guest())
    on.open("slab", PageKind.RECLAIMABLE, 10)
    on.open("dirty", PageKind.FILE_DIRTY, 10)
    on.open("old", PageKind.FILE_CLEAN, 20)
    on.open("heap", PageKind.ANON, 50)
    on.open("new", PageKind.FILE_CLEAN, 20)
    return on


def test_oldest_clean_cache_goes_first() -> None:
    """25 pages: all of the old cache, five of the new; 0.2 us each."""
    on = filled()
    assert on.reclaimer.reclaim(25, by="direct", wanted_by=PageKind.ANON) == Reclaimed(25, 25 * DROP_NS)
    assert on.pages() == {"slab": 10, "dirty": 10, "heap": 50, "new": 15}
    assert on.guest.events.events[-1] == PagesReclaimed("direct", 25, 25 * DROP_NS // 1000, 0)


def test_dirty_pages_are_written_back_and_slab_comes_last() -> None:
    """Beyond the clean 40: ten dirty ones, dear, then the slab; never anonymous memory."""
    on = filled()
    done = on.reclaimer.reclaim(55, by="kswapd", wanted_by=PageKind.ANON)
    assert done == Reclaimed(55, 55 * DROP_NS + 10 * WRITE_NS)
    assert on.pages() == {"slab": 5, "heap": 50}
    assert on.reclaimer.reclaim(100, by="kswapd", wanted_by=PageKind.ANON).nr_pages == 5
    assert on.reclaimer.reclaim(100, by="kswapd", wanted_by=PageKind.ANON) == Reclaimed()


def test_time_limits_how_much_is_freed() -> None:
    """In the time of three pages three are freed; a slow guest frees one in the time of two."""
    on = filled()
    limit = 3 * DROP_NS + 1
    assert on.reclaimer.reclaim(9, by="kswapd", wanted_by=PageKind.ANON, limit_ns=limit).nr_pages == 3
    on.guest.pace.slowness = 3.0
    assert on.reclaimer.reclaim(9, by="kswapd", wanted_by=PageKind.ANON, limit_ns=limit).nr_pages == 1


def test_large_folios_go_whole() -> None:
    """Of page cache in runs of four pages, five pages are two runs."""
    on = Supplied(small_guest())
    on.open("folios", PageKind.FILE_CLEAN, 40, order=2)
    assert on.reclaimer.reclaim(5, by="direct", wanted_by=PageKind.ANON).nr_pages == 8
