"""The out-of-memory killer: a label is a process, the largest one dies, and the log says so."""

from app.guest.programs.oom import Victim, choose_victim
from app.mm.page import PageKind
from app.trace.events import OomKilled
from tests.guest.programs.small import Supplied, small_guest


def test_victim_has_most_anonymous_pages_of_all_kinds() -> None:
    """A label's anonymous, huge and pinned pages count together; page cache and kernel memory do not."""
    on = Supplied(small_guest())
    on.open("cache", PageKind.FILE_CLEAN, 100)
    on.open("slab", PageKind.UNMOVABLE, 90)
    on.open("small", PageKind.ANON, 40)
    first = on.open("large", PageKind.ANON, 30)
    on.open("large", PageKind.THP, 16, order=3)
    assert choose_victim(on.table) == Victim("large", first.id, 46)


def test_equal_ones_die_by_age_and_unnamed_ones_alone() -> None:
    """Of equal processes the oldest; allocations without a label are no one process."""
    on = Supplied(small_guest())
    unnamed = on.open("", PageKind.ANON, 10)
    on.open("", PageKind.ANON, 10)
    on.open("a", PageKind.ANON, 10)
    assert choose_victim(on.table) == Victim("", unnamed.id, 10)


def test_kill_frees_its_own_pages_and_says_so() -> None:
    """Its page cache stays; event and log name label, id and size."""
    on = Supplied(small_guest())
    row = on.open("web", PageKind.ANON, 64)
    on.open("web", PageKind.FILE_CLEAN, 7)
    on.guest.advance(1_500_000)
    assert on.killer.kill() == Victim("web", row.id, 64)
    assert on.pages() == {"web": 7}
    assert OomKilled("web", row.id, 64, 1_500_000) in on.guest.events.events
    assert on.log.text() == (
        f"<3>[    1.500000] Out of memory: Killed process {row.id} (web) "
        "total-vm:8192kB, anon-rss:8192kB, file-rss:0kB, shmem-rss:0kB\n"
    )
    assert on.guest.verify() == []


def test_nobody_to_kill_is_a_panic_in_the_log() -> None:
    """With kernel memory only, nobody dies but the kernel."""
    on = Supplied(small_guest())
    on.open("slab", PageKind.UNMOVABLE, 90)
    assert on.killer.kill() is None
    assert "<0>[    0.000000] Kernel panic - not syncing: Out of memory and no killable" in on.log.text()
