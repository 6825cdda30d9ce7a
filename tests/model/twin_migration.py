"""A naive twin of page migration.

Written from semantics 5.2, not from the kernels.
Left out: gigantic hugetlb.
"""

from app.mm.page import PageKind
from tests.model.observed import Run
from tests.model.twin_buddy import MOVABLE_KINDS, Memory
from tests.model.twin_request import get_page, wanted_by_migration

BATCH_PAGES = 32  # C-4


def migrate_range(memory: Memory, start_pfn: int, end_pfn: int) -> str:
    """5.2: batch by batch; what cannot be isolated is skipped."""
    found = memory.run_over(start_pfn)
    # K-1: a page in the middle of a movable compound leads to its head.
    pfn = found[0] if found and found[1].kind in MOVABLE_KINDS else start_pfn
    while pfn < end_pfn:
        batch: list[int] = []
        while pfn < end_pfn and sum(1 << memory.runs[page].order for page in batch) < BATCH_PAGES:
            run = memory.runs.get(pfn)
            if run is not None and run.kind in MOVABLE_KINDS:
                batch.append(pfn)
            pfn += 1 << run.order if run is not None else 1
        result = _migrate_batch(memory, batch)
        if result != "0":
            return result
    return "0"


def _migrate_batch(memory: Memory, batch: list[int]) -> str:
    """Drops clean page cache, then moves the rest."""
    clean = [pfn for pfn in batch if memory.runs[pfn].kind == PageKind.FILE_CLEAN]
    for pfn in clean:
        memory.nr_dropped += memory.free_run(pfn)
    return migrate_runs(memory, [pfn for pfn in batch if pfn not in clean])


def migrate_runs(memory: Memory, pfns: list[int], *, leaves_node: bool = False) -> str:
    """Moves runs; pinned ones stay, and five tries change nothing."""
    is_stuck = False
    for pfn in pfns:
        if memory.runs[pfn].kind == PageKind.PINNED:
            is_stuck = True
        elif not _migrate_run(memory, pfn, leaves_node=leaves_node):
            return "ENOMEM"
    return "EBUSY" if is_stuck else "0"


def _migrate_run(memory: Memory, pfn: int, *, leaves_node: bool) -> bool:
    """Moves one run; a huge page that finds no place is split, and its pages are moved one by one."""
    run = memory.runs[pfn]
    target = get_page(memory, wanted_by_migration(memory, pfn, leaves_node=leaves_node))
    if target is not None:
        memory.runs[target] = run
        memory.nr_moved += memory.free_run(pfn)
        return True
    if run.kind != PageKind.THP or run.order == 0:
        return False
    pages = range(pfn, pfn + (1 << run.order))
    for page in pages:
        memory.runs[page] = Run(PageKind.ANON, 0, run.owner)
    return all(_migrate_run(memory, page, leaves_node=leaves_node) for page in pages)
