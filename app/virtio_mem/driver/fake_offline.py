"""Fake offline: takes pages of a memory block from Linux without offlining the block, and gives them back.

Mirrors virtio_mem_fake_offline() and virtio_mem_fake_online() of drivers/virtio/virtio_mem.c (semantics 8.7),
and the number of attempts that was recorded on 5.10 and 6.1.
Invariants kept here: INV-21.
Left out: D-16's mixed pieces, which mm.hotplug decides run by run.
"""

from app.mm import contig, hotplug
from app.mm.outcome import ContigOutcome, Errno
from app.mm.page import PageKind
from app.mm.policies.switches import ConfigAbort
from app.virtio_mem.driver.acts import Acts
from app.virtio_mem.driver.subblock_mode import SubblockMode

_CONFIG_CHANGED = ContigOutcome(Errno.EAGAIN, "config")


def fake_offline(
    sbm: SubblockMode, start_pfn: int, end_pfn: int, *, depth: int, attempts: int
) -> Acts[ContigOutcome]:
    """Takes [start_pfn, end_pfn), trying `attempts` times while it is busy; depth: the level to book.

    EBUSY after the last attempt; ENOMEM at once; EAGAIN when the config has changed and the policy looks.
    """
    report, tally = sbm.report, sbm.tally
    is_interruptible = sbm.policy.config_abort is ConfigAbort.ATTEMPT
    for _ in range(attempts):
        yield
        if is_interruptible and sbm.queue.is_config_changed:
            return _CONFIG_CHANGED
        outcome = contig.alloc_contig_range(sbm.node, start_pfn, end_pfn, kind=PageKind.OFFLINE)
        report.add_attempt(depth, outcome)
        tally.add_contig(outcome)
        if outcome.result is Errno.OK:
            hotplug.mark_offline(sbm.node, start_pfn, end_pfn)
            tally.nr_marked += end_pfn - start_pfn
            return outcome
        if outcome.result is not Errno.EBUSY:
            return outcome
    return outcome


def fake_online(sbm: SubblockMode, index: int, *, first: int, count: int) -> None:
    """Gives the pages of sub-blocks of an online memory block to the buddy."""
    start_pfn = sbm.start_pfn(index) + first * sbm.subblock_nr_pages
    hotplug.clear_offline(sbm.node, start_pfn, start_pfn + count * sbm.subblock_nr_pages)
