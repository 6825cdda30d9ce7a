"""A naive twin of contiguous allocation.

Written from semantics 5.1, G-7 and G-8, not from the kernels.
Left out: CMA areas and their bitmaps.
"""

from typing import NamedTuple

from app.mm.outcome import Caller, TypeLost
from app.mm.page import Migratetype, PageKind
from app.mm.policies.switches import ContigAlign, UndoType
from tests.model.observed import Run
from tests.model.twin_buddy import ISOLATE, Memory
from tests.model.twin_isolation import Wish, isolate_range, undo_range
from tests.model.twin_migration import migrate_range

_TILES = (PageKind.RESERVED, PageKind.OFFLINE)


class Verdict(NamedTuple):
    """How a contiguous allocation ended; step and page as far as the text decides them."""

    result: str
    step: str = ""
    pfn: int = -1
    types_lost: tuple[TypeLost, ...] = ()


def alloc_contig_range(memory: Memory, start_pfn: int, end_pfn: int, run: Run, caller: Caller) -> Verdict:
    """5.1, steps 1 to 9; the pages become `run`'s kind and owner."""
    memory.nr_moved = memory.nr_dropped = 0
    blocks = range(memory.block_of(start_pfn), memory.block_of(end_pfn - 1) + 1)
    zones = {memory.zones.get(block) for block in blocks}
    if None in zones or len(zones) != 1:
        return Verdict("EINVAL", "isolate")
    outer = outer_range(memory, start_pfn, end_pfn)
    blocks = range(memory.block_of(outer[0]), memory.block_of(outer[1]))
    before = {block: memory.types[block] for block in blocks if block in memory.types}
    wish = Wish(caller, start_pfn, end_pfn)
    bad = isolate_range(memory, *outer, wish)
    if bad is not None:
        verdict = Verdict("EBUSY", "isolate", bad)
    else:
        verdict = _empty_and_take(memory, start_pfn, end_pfn, run)
        undo_range(memory, *outer, wish)
    return verdict._replace(types_lost=_types_lost(memory, before))


def _types_lost(memory: Memory, before: dict[int, int]) -> tuple[TypeLost, ...]:
    """INV-14: types that the caller's replaced; where they are kept, only merging changes any (B-6)."""
    if memory.policy.undo_type is UndoType.SAVED:
        return ()
    return tuple(
        TypeLost(memory.pages_of(block)[0], Migratetype(old), Migratetype(memory.types[block]))
        for block, old in before.items()
        if old not in (memory.types[block], ISOLATE)
    )


def outer_range(memory: Memory, start_pfn: int, end_pfn: int) -> tuple[int, int]:
    """Step 1: the pageblocks that are isolated, by the policy's unit (G-7, G-8)."""
    geometry, rule = memory.geometry, memory.policy.contig_align
    small, large = geometry.pageblock_nr_pages, geometry.phys_contig_nr_pages
    unit = small if rule is ContigAlign.PAGEBLOCK else max(small, large)
    start, end = start_pfn // unit * unit, -(-end_pfn // unit) * unit
    if rule is ContigAlign.CHUNK_OF_ONE_TYPE:
        start = _end_of_one_type(memory, start_pfn, range(start_pfn // small, start // small - 1, -1))
        end = _end_of_one_type(memory, end_pfn - 1, range((end_pfn - 1) // small, end // small)) + small
    return start, end


def _end_of_one_type(memory: Memory, pfn: int, blocks: range) -> int:
    """Remedy c: goes through pageblocks of one zone and type; returns the first page of the last of them."""
    last = blocks[0]
    for block in blocks:
        if memory.zones.get(block) != memory.zone_of(pfn) or memory.block_type(block) != memory.type_of(pfn):
            break
        last = block
    return memory.pages_of(last)[0]


def _empty_and_take(memory: Memory, start_pfn: int, end_pfn: int, run: Run) -> Verdict:
    """Steps 3 to 8."""
    if migrate_range(memory, start_pfn, end_pfn) == "ENOMEM":
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
    """Step 8: takes the free pages, gives back what is too much, page by page."""
    taken = sorted({found[0] for pfn in range(start_pfn, end_pfn) if (found := memory.run_over(pfn))})
    pages = [pfn for first in taken for pfn in range(first, first + (1 << memory.runs[first].order))]
    for first in taken:
        memory.unlist(first)
    place_runs(memory, start_pfn, end_pfn, run)
    for pfn in pages:
        if not start_pfn <= pfn < end_pfn:
            memory.free(pfn, 0)


def place_runs(memory: Memory, start_pfn: int, end_pfn: int, run: Run) -> None:
    """Single pages (C-2); offline ranges are tiled with aligned pieces, up to the chunk."""
    pfn = start_pfn
    while pfn < end_pfn:
        order = 0
        if run.kind in _TILES:
            order = max(
                piece
                for piece in range(memory.max_order + 1)
                if pfn % (1 << piece) == 0 and pfn + (1 << piece) <= end_pfn
            )
        memory.runs[pfn] = Run(run.kind, order, run.owner)
        pfn += 1 << order
