"""Contiguous allocation: takes a range of pages by emptying it.

Mirrors alloc_contig_range() and free_contig_range() of mm/page_alloc.c (semantics 5.1, 5.2).
Each step below is one of the kernel's own, made of zone-lock sections in app.mm.kernels:

    isolate ──▶ drain ──▶ migrate ──▶ test ──▶ take ──▶ undo isolation (always)

Invariants kept here: INV-11, INV-23, INV-24.
Left out: CMA callers, free hugetlb replacement.
"""

from app.mm.isolation import start_isolate_page_range, undo_isolate_page_range
from app.mm.kernels import buddy, isolation, migrate
from app.mm.kernels import contig as contig_kernels
from app.mm.node import Node
from app.mm.outcome import ContigOutcome, Errno, Obstacle
from app.mm.page import PageKind
from app.mm.switches import ContigAlign
from app.trace.events import ContigAttempted
from app.units import align_down, align_up


def contig_align_nr_pages(node: Node) -> int:
    """Returns the alignment of the range that is isolated around the wanted one (G-7, G-8)."""
    geometry = node.geometry
    if node.policy.contig_align is ContigAlign.PAGEBLOCK:
        return geometry.pageblock_nr_pages
    return max(geometry.phys_contig_nr_pages, geometry.pageblock_nr_pages)


def alloc_contig_range(
    node: Node, start_pfn: int, end_pfn: int, *, kind: PageKind, owner: int = 0
) -> ContigOutcome:
    """Takes every page of [start_pfn, end_pfn), migrating what lies there; all or nothing.

    The pages become `kind` of `owner`. After a failure the range is as usable as before, but pages that were
    migrated stay migrated, and isolated pageblocks come back MOVABLE (I-10). EINVAL: not online in one zone.
    """
    if not node.is_one_zone(start_pfn, end_pfn):
        return _report(node, start_pfn, end_pfn, ContigOutcome(Errno.EINVAL, "isolate"))
    align = contig_align_nr_pages(node)
    outer_start = align_down(start_pfn, align)
    outer_end = min(align_up(end_pfn, align), node.nr_pages)
    node.tally[:] = 0
    obstacle = start_isolate_page_range(node, outer_start, outer_end, isolation.ORDINARY)
    if obstacle >= 0:
        return _report(node, start_pfn, end_pfn, _failed(node, Errno.EBUSY, "isolate", obstacle))
    outcome = _empty_and_take(node, start_pfn, end_pfn, kind=kind, owner=owner)
    undo_isolate_page_range(node, outer_start, outer_end)
    nr_pageblocks = (outer_end - outer_start) >> node.geometry.pageblock_order
    return _report(node, start_pfn, end_pfn, outcome._replace(nr_pageblocks=nr_pageblocks))


def _empty_and_take(node: Node, start_pfn: int, end_pfn: int, *, kind: PageKind, owner: int) -> ContigOutcome:
    """Steps 3 to 8, on an isolated range."""
    node.drain_pcp()
    result = int(migrate.migrate_range(node.arrays, start_pfn, end_pfn, node.tally))
    if result == migrate.NO_MEMORY:
        return _failed(node, Errno.ENOMEM, "migrate", int(node.tally[migrate.T_OBSTACLE_PFN]))
    outer_start = int(contig_kernels.find_outer_start(node.arrays, start_pfn))
    # A page that could not migrate shows up here: the verdict on step 4 is made now.
    obstacle = int(isolation.find_not_isolated(node.arrays, outer_start, end_pfn, isolation.ORDINARY))
    if obstacle >= 0:
        return _failed(node, Errno.EBUSY, "migrate" if result == migrate.BUSY else "test", obstacle)
    contig_kernels.take_range(node.arrays, start_pfn, end_pfn, int(kind), owner)
    return _tallied(node, ContigOutcome(Errno.OK))


def _failed(node: Node, result: Errno, step: str, pfn: int) -> ContigOutcome:
    return _tallied(node, ContigOutcome(result, step, Obstacle(pfn, node.kind_of(pfn))))


def _tallied(node: Node, outcome: ContigOutcome) -> ContigOutcome:
    base, huge, dropped, _, huge_runs = node.tally.tolist()
    if not base and not huge and not dropped:
        return outcome
    return outcome._replace(
        nr_migrated=base + huge, nr_migrated_huge=huge, nr_huge=huge_runs, nr_dropped=dropped
    )


def _report(node: Node, start_pfn: int, end_pfn: int, outcome: ContigOutcome) -> ContigOutcome:
    event = ContigAttempted(start_pfn, end_pfn, str(outcome.result), outcome.step, outcome.nr_migrated)
    node.sink.emit(event)
    return outcome


def is_contig_range(node: Node, start_pfn: int, end_pfn: int, *, kind: PageKind, owner: int) -> bool:
    """Returns whether every page of [start_pfn, end_pfn) was taken as `kind` by `owner`."""
    if not node.is_one_zone(start_pfn, end_pfn):
        return False
    return bool(contig_kernels.has_only(node.arrays, start_pfn, end_pfn, int(kind), owner))


def free_contig_range(node: Node, start_pfn: int, end_pfn: int) -> int:
    """Gives a taken range back, ascending, run by run; returns its pages. Runs must not cross its ends."""
    return int(buddy.free_range(node.arrays, start_pfn, end_pfn))
