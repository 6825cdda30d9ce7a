"""A naive twin of pageblock isolation, page migration and contiguous allocation.

Written from semantics sections 4, 5.1 and 5.2 for linux-5.15 and linux-5.19.
Left out: CMA callers.
"""

from typing import NamedTuple

from app.mm.page import PageKind
from tests.model.observed import Run
from tests.model.twin_buddy import (
    CMA,
    ISOLATE,
    MOVABLE,
    MOVABLE_KINDS,
    MOVABLE_ZONE,
    NORMAL_ZONE,
    Memory,
)

BATCH_PAGES = 32  # C-4
_TILES = (PageKind.RESERVED, PageKind.OFFLINE)
# Runs of several pages that have no head that knows of them (K-2), or are no run at all.
_NOT_COMPOUND = (*_TILES, PageKind.FREE, PageKind.UNMOVABLE_PAGES)


class Verdict(NamedTuple):
    """How a contiguous allocation ended; step and page as far as the text decides them."""

    result: str
    step: str = ""
    pfn: int = -1


# ------------------------------------------------------------------------------- 4.1, 4.2: one pageblock


def find_unmovable(memory: Memory, block: int, *, is_offlining: bool) -> int | None:
    """4.2, page by page."""
    zone = memory.zones[block]
    if memory.types[block] == CMA:
        return memory.pages_of(block)[0]
    for pfn in memory.pages_of(block):
        found = memory.run_over(pfn)
        assert found is not None, f"page {pfn} in no run"
        if _is_unmovable(pfn, found, zone, is_offlining=is_offlining):
            return pfn
    return None


def _is_unmovable(pfn: int, found: tuple[int, Run], zone: int, *, is_offlining: bool) -> bool:
    first, run = found
    if run.kind == PageKind.RESERVED:
        return True
    if zone == MOVABLE_ZONE:
        return False
    if run.kind in (PageKind.FREE, PageKind.PCP) or run.kind in MOVABLE_KINDS:
        return False
    if run.kind in (PageKind.OFFLINE, PageKind.HWPOISON):
        return not is_offlining
    # Later pages of a non-compound allocation show no reference (K-2, I-5).
    return not (run.kind == PageKind.UNMOVABLE_PAGES and pfn != first)


def isolate_pageblock(memory: Memory, block: int, *, is_offlining: bool = False) -> int | None:
    """4.1; returns the page in the way."""
    if memory.types[block] == ISOLATE:
        return memory.pages_of(block)[0]
    bad = find_unmovable(memory, block, is_offlining=is_offlining)
    if bad is not None:
        return bad
    old_type = memory.types[block]
    memory.types[block] = ISOLATE
    moved = memory.move_free_pages(block, ISOLATE)
    memory.account(memory.zones[block], -moved, old_type)
    memory.zone[memory.zones[block]].nr_isolate += 1
    return None


def unisolate_pageblock(memory: Memory, block: int, migratetype: int) -> None:
    """4.4."""
    if memory.types.get(block) != ISOLATE:
        return
    zone = memory.zones[block]
    head = memory.pages_of(block)[0]
    run = memory.runs.get(head)
    memory.zone[zone].nr_isolate -= 1
    if run is not None and run.kind == PageKind.FREE and _was_kept_apart(memory, head, run.order):
        memory.unlist(head)
        memory.types[block] = migratetype
        memory.free_as(head, run.order, migratetype, at_tail=True)
        return
    memory.types[block] = migratetype
    memory.account(zone, memory.move_free_pages(block, migratetype), migratetype)


def _was_kept_apart(memory: Memory, head: int, order: int) -> bool:
    if not memory.rules.pageblock_order <= order < memory.rules.max_order:
        return False
    buddy = head ^ (1 << order)
    return memory.zone_of(buddy) == memory.zone_of(head) and memory.type_of(buddy) != ISOLATE


# ------------------------------------------------------------------------------- 4.3, I-7, I-8: a range


def isolate_range(memory: Memory, start_pfn: int, end_pfn: int, *, is_offlining: bool = False) -> int | None:
    """4.3; returns the page in the way, with everything undone."""
    blocks = list(range(memory.block_of(start_pfn), memory.block_of(end_pfn)))
    first_ones = [] if memory.rules.isolates_chunks else [blocks[0], blocks[-1]]
    done: list[int] = []
    for block in dict.fromkeys([*first_ones, *blocks]):
        if block not in memory.zones:
            continue
        bad = isolate_pageblock(memory, block, is_offlining=is_offlining)
        done += [block] * (bad is None)
        if bad is None and not memory.rules.isolates_chunks:
            bad = _settle_boundaries(memory, block, blocks)
        if bad is not None:
            _undo(memory, done, blocks)
            return bad
    return None


def _undo(memory: Memory, done: list[int], blocks: list[int]) -> None:
    """Undoes with the caller's type (I-10): ascending, and the edge at the end, isolated early, last."""
    for block in sorted(done, key=lambda number: (number == blocks[-1], number)):
        unisolate_pageblock(memory, block, MOVABLE)


def undo_range(memory: Memory, start_pfn: int, end_pfn: int) -> None:
    """Gives a range back, ascending."""
    for block in range(memory.block_of(start_pfn), memory.block_of(end_pfn)):
        unisolate_pageblock(memory, block, MOVABLE)


def _settle_boundaries(memory: Memory, block: int, blocks: list[int]) -> int | None:
    """I-7: settles the outer boundaries on which an edge pageblock lies."""
    pages = memory.pages_of(block)
    if block == blocks[0]:
        bad = settle_boundary(memory, pages[0])
        if bad is not None:
            return bad
    if block == blocks[-1]:
        return settle_boundary(memory, pages[-1] + 1)
    return None


def settle_boundary(memory: Memory, boundary: int) -> int | None:
    """I-7: nothing may lie over the boundary; returns the compound that does."""
    zone = memory.zone_of(boundary)
    if boundary == 0 or zone is None or memory.zone_of(boundary - 1) != zone:
        return None
    chunk = 1 << memory.rules.max_order
    pfn = boundary // chunk * chunk
    while pfn < boundary:
        run = memory.runs.get(pfn)
        if run is None or pfn + (1 << run.order) <= boundary:
            pfn += 1
        elif run.kind == PageKind.FREE:
            # Once: if both sides are isolated, by two callers, the pieces become one again.
            cut_free_page(memory, pfn, boundary)
            return None
        elif run.kind in _NOT_COMPOUND:
            pfn += 1
        elif run.kind not in MOVABLE_KINDS or not _move_straddler(memory, pfn):
            return pfn
        else:
            pfn = boundary // chunk * chunk  # what it left may have merged with what lies before
    return None


def _move_straddler(memory: Memory, pfn: int) -> bool:
    """Migrates a compound, its first pageblock isolated for that moment so that nobody takes its place."""
    block = memory.block_of(pfn)
    old_type = memory.types[block]
    if old_type != ISOLATE and isolate_pageblock(memory, block) is not None:
        return False
    end = pfn + (1 << memory.runs[pfn].order)
    result = migrate_range(memory, pfn, end)
    if old_type != ISOLATE:
        unisolate_pageblock(memory, block, old_type)
    return result == "0"


def cut_free_page(memory: Memory, pfn: int, boundary: int) -> None:
    """I-8: frees it again in aligned pieces, none across the boundary, each under its own type."""
    order = memory.runs[pfn].order
    zone = memory.zone_of(pfn)
    assert zone is not None
    memory.account(zone, -(1 << order), memory.type_of(pfn))
    memory.unlist(pfn)
    end = pfn + (1 << order)
    while pfn < end:
        distance = (boundary if pfn < boundary else end) - pfn
        piece = distance.bit_length() - 1
        if pfn:
            piece = min(piece, (pfn & -pfn).bit_length() - 1)
        memory.free_as(pfn, piece, memory.type_of(pfn))
        pfn += 1 << piece


# ------------------------------------------------------------------------------- 5.2: migration


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


def migrate_runs(memory: Memory, pfns: list[int]) -> str:
    """Moves runs; pinned ones stay, and five tries change nothing."""
    is_stuck = False
    for pfn in pfns:
        if memory.runs[pfn].kind == PageKind.PINNED:
            is_stuck = True
        elif not _migrate_run(memory, pfn):
            return "ENOMEM"
    return "EBUSY" if is_stuck else "0"


def _migrate_run(memory: Memory, pfn: int) -> bool:
    """Moves one run; a huge page that finds no place is split, and its pages are moved one by one."""
    run = memory.runs[pfn]
    highest_zone = MOVABLE_ZONE if memory.zone_of(pfn) == MOVABLE_ZONE else NORMAL_ZONE
    target = memory.get_page(run.order, MOVABLE, highest_zone)
    if target is not None:
        memory.runs[target] = run
        memory.nr_moved += memory.free_run(pfn)
        return True
    if run.kind != PageKind.THP or run.order == 0:
        return False
    pages = range(pfn, pfn + (1 << run.order))
    for page in pages:
        memory.runs[page] = Run(PageKind.ANON, 0, run.owner)
    return all(_migrate_run(memory, page) for page in pages)


# ------------------------------------------------------------------------------- 5.1: the whole call


def alloc_contig_range(memory: Memory, start_pfn: int, end_pfn: int, run: Run) -> Verdict:
    """5.1, steps 1 to 9; the pages become `run`'s kind and owner."""
    memory.nr_moved = memory.nr_dropped = 0
    blocks = range(memory.block_of(start_pfn), memory.block_of(end_pfn - 1) + 1)
    zones = {memory.zones.get(block) for block in blocks}
    if None in zones or len(zones) != 1:
        return Verdict("EINVAL", "isolate")
    align = 1 << (memory.rules.max_order if memory.rules.isolates_chunks else memory.rules.pageblock_order)
    outer = (start_pfn // align * align, -(-end_pfn // align) * align)
    bad = isolate_range(memory, *outer)
    if bad is not None:
        return Verdict("EBUSY", "isolate", bad)
    verdict = _empty_and_take(memory, start_pfn, end_pfn, run)
    undo_range(memory, *outer)
    return verdict


def _empty_and_take(memory: Memory, start_pfn: int, end_pfn: int, run: Run) -> Verdict:
    result = migrate_range(memory, start_pfn, end_pfn)
    if result == "ENOMEM":
        return Verdict("ENOMEM", "migrate")
    found = memory.run_over(start_pfn)
    assert found is not None
    outer_start = found[0] if found[1].kind == PageKind.FREE else start_pfn
    for pfn in range(outer_start, end_pfn):
        held = memory.run_over(pfn)
        if memory.type_of(pfn) != ISOLATE or held is None or held[1].kind != PageKind.FREE:
            return Verdict("EBUSY", "test", pfn)
    _take(memory, start_pfn, end_pfn, run)
    return Verdict("0")


def _take(memory: Memory, start_pfn: int, end_pfn: int, run: Run) -> None:
    """Steps 8: takes the free pages, gives back what is too much, page by page."""
    taken = sorted({found[0] for pfn in range(start_pfn, end_pfn) if (found := memory.run_over(pfn))})
    outer = [pfn for first in taken for pfn in range(first, first + (1 << memory.runs[first].order))]
    for first in taken:
        memory.unlist(first)
    place_runs(memory, start_pfn, end_pfn, run)
    for pfn in outer:
        if not start_pfn <= pfn < end_pfn:
            memory.free_as(pfn, 0, memory.type_of(pfn))


def place_runs(memory: Memory, start_pfn: int, end_pfn: int, run: Run) -> None:
    """Single pages (C-2); offline ranges are tiled with aligned pieces, up to the chunk."""
    pfn = start_pfn
    while pfn < end_pfn:
        order = 0
        if run.kind in _TILES:
            order = max(
                piece
                for piece in range(memory.rules.max_order + 1)
                if pfn % (1 << piece) == 0 and pfn + (1 << piece) <= end_pfn
            )
        memory.runs[pfn] = Run(run.kind, order, run.owner)
        pfn += 1 << order
