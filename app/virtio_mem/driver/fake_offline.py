"""Fake offline: takes pages of a memory block from Linux without offlining the block, and gives them back.

Mirrors virtio_mem_fake_offline() and virtio_mem_fake_online() of drivers/virtio/virtio_mem.c (semantics 8.7),
and the number of attempts that was recorded on 5.10 and 6.1.
Invariants kept here: INV-21.
Left out: D-16's mixed pieces, which mm.hotplug decides run by run.
"""

from app.mm import contig, page_offline
from app.mm.outcome import ContigOutcome, Errno
from app.mm.page import PageKind
from app.mm.policies.switches import ConfigAbort
from app.mm.zone import ZoneId
from app.virtio_mem.driver.acts import Acts
from app.virtio_mem.driver.mode import ModeBook
from app.virtio_mem.driver.subblock_mode import SubblockMode

_CONFIG_CHANGED = ContigOutcome(Errno.EAGAIN, "config")


def fake_offline(book: ModeBook, start_pfn: int, end_pfn: int, *, depth: int) -> Acts[ContigOutcome]:
    """Takes [start_pfn, end_pfn) of one memory block, several times while it is busy; depth: the level to book.

    EBUSY after the last attempt; ENOMEM at once; EAGAIN when the config has changed and the policy looks.
    """
    report, tally = book.report, book.tally
    is_interruptible = book.policy.config_abort is ConfigAbort.ATTEMPT
    for _ in range(_nr_attempts(book, start_pfn)):
        yield
        if is_interruptible and book.queue.is_config_changed:
            return _CONFIG_CHANGED
        outcome = _attempt(book, start_pfn, end_pfn, level=str(book.plan.levels[depth].level))
        report.add_attempt(depth, outcome)
        tally.add_contig(outcome)
        if outcome.result is Errno.OK:
            page_offline.mark_offline(book.node, start_pfn, end_pfn)
            tally.nr_marked += end_pfn - start_pfn
            return outcome
        if outcome.result is not Errno.EBUSY:
            return outcome
    return outcome


def _attempt(book: ModeBook, start_pfn: int, end_pfn: int, *, level: str) -> ContigOutcome:
    """Makes one attempt, unless somebody interferes with it."""

    def attempt() -> ContigOutcome:
        return contig.alloc_contig_range(book.node, start_pfn, end_pfn, kind=PageKind.OFFLINE)

    if book.interference is None:
        return attempt()
    return book.interference.contig(start_pfn, end_pfn, level=level, attempt=attempt)


def _nr_attempts(book: ModeBook, pfn: int) -> int:
    """How often a busy range is tried: more than once only in ZONE_MOVABLE, where it may yet go (8.7)."""
    attempts = book.policy.movable_contig_attempts
    if attempts == 1:
        return 1
    zone = book.node.memory_blocks.zone_id(pfn // book.memory_block_nr_pages)
    return attempts if zone is ZoneId.MOVABLE else 1


def fake_online(sbm: SubblockMode, index: int, *, first: int, count: int) -> None:
    """Gives the pages of sub-blocks of an online memory block to the buddy."""
    start_pfn = sbm.start_pfn(index) + first * sbm.unit_nr_pages
    page_offline.clear_offline(sbm.node, start_pfn, start_pfn + count * sbm.unit_nr_pages)
