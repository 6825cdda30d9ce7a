"""A naive twin of pageblock isolation, and of what is done about pages that lie over the edges of a range.

Written from semantics section 4, not from the kernels.
Left out: hardware poison's log, schedules (whole acts only).
"""

from typing import NamedTuple

from app.mm.outcome import Caller
from app.mm.page import PageKind
from app.mm.policies.switches import Boundary, UndoType, UnmovableWindow
from tests.model.observed import Run
from tests.model.twin_buddy import CMA, ISOLATE, MOVABLE, MOVABLE_KINDS, MOVABLE_ZONE, ZONES_PER_NODE, Memory
from tests.model.twin_migration import migrate_range

# Runs of several pages that have no head that knows of them (K-2), or are no run at all.
_NOT_COMPOUND = (PageKind.RESERVED, PageKind.OFFLINE, PageKind.FREE, PageKind.UNMOVABLE_PAGES)


class Wish(NamedTuple):
    """Who isolates, and which pages are meant: pageblocks that are isolated along need not be (I-6)."""

    caller: Caller
    start_pfn: int
    end_pfn: int

    @property
    def type_back(self) -> int:
        """The type that the caller gives back (I-10)."""
        return CMA if self.caller is Caller.CMA else MOVABLE


# ------------------------------------------------------------------------------- 4.1, 4.2: one pageblock


def find_unmovable(memory: Memory, block: int, wish: Wish) -> int | None:
    """4.2, page by page."""
    pages = memory.pages_of(block)
    if memory.block_type(block) == CMA:
        return None if wish.caller is Caller.CMA else pages[0]
    if memory.policy.unmovable_window is UnmovableWindow.INTEREST:
        pages = range(max(pages.start, wish.start_pfn), min(pages.stop, wish.end_pfn))
    for pfn in pages:
        found = memory.run_over(pfn)
        assert found is not None, f"page {pfn} in no run"
        if _is_unmovable(memory, pfn, found, wish.caller):
            return pfn
    return None


def _is_unmovable(memory: Memory, pfn: int, found: tuple[int, Run], caller: Caller) -> bool:
    first, run = found
    if run.kind == PageKind.RESERVED:
        return True
    zone = memory.zone_of(pfn)
    if zone is not None and zone % ZONES_PER_NODE == MOVABLE_ZONE:
        return False
    if run.kind in (PageKind.FREE, PageKind.PCP) or run.kind in MOVABLE_KINDS:
        return False
    if run.kind in (PageKind.OFFLINE, PageKind.HWPOISON):
        return caller is not Caller.MEMORY_OFFLINE
    # Later pages of a non-compound allocation show no reference (K-2, I-5); those of a compound lead to its
    # head, unless the kernel looks for none (I-4).
    shows_none = run.kind == PageKind.UNMOVABLE_PAGES or not memory.policy.lookup_compound_head
    return not (shows_none and pfn != first)


def isolate_pageblock(memory: Memory, block: int, wish: Wish, *, is_edge: bool = False) -> int | None:
    """4.1; returns the page in the way."""
    if memory.block_type(block) == ISOLATE:
        return memory.pages_of(block)[0]
    if is_edge and memory.policy.edge_ignores_cma and memory.block_type(block) == CMA:
        wish = wish._replace(caller=Caller.CMA)  # I-9b
    bad = find_unmovable(memory, block, wish)
    if bad is None:
        _shut(memory, block)
    return bad


def _shut(memory: Memory, block: int) -> None:
    """4.1: the type, the free pages and the counters."""
    zone = memory.zones[block]
    old_type = memory.types[block]
    larger = memory.take_larger(block) if memory.policy.atomic_cut else None
    memory.mark_isolated(block)
    if larger is not None:
        memory.free_by_pageblocks(*larger)
    else:
        memory.account_by_caller(zone, -memory.move_free_pages(block, ISOLATE), old_type)
    memory.zone[zone].nr_isolate += 1


def unisolate_pageblock(memory: Memory, block: int, migratetype: int) -> None:
    """4.4; the type is the caller's, and counts unless the pageblock kept its own (I-10)."""
    if memory.block_type(block) != ISOLATE:
        return
    zone, head = memory.zones[block], memory.pages_of(block)[0]
    memory.zone[zone].nr_isolate -= 1
    order, larger = 0, None
    is_apart = _was_kept_apart(memory, head)
    if is_apart:
        _, order, _ = memory.unlist(head)
    elif memory.policy.atomic_cut:
        larger = memory.take_larger(block)
    memory.isolated.discard(block)
    if memory.policy.undo_type is UndoType.CALLER:
        memory.types[block] = migratetype
    restored = memory.types[block]
    if larger is not None:
        memory.free_by_pageblocks(*larger)
    elif is_apart:
        memory.free_as(head, order, restored, at_tail=True)
    else:
        memory.account_by_caller(zone, memory.move_free_pages(block, restored), restored)


def _was_kept_apart(memory: Memory, head: int) -> bool:
    """Whether a free page starts there that isolation alone has kept from merging."""
    if head not in memory.name_of:
        return False
    order = memory.runs[head].order
    if not memory.pageblock_order <= order < memory.max_order:
        return False
    buddy = head ^ (1 << order)
    return memory.is_free(buddy, order, memory.zone_of(head)) and memory.type_of(buddy) != ISOLATE


# ------------------------------------------------------------------------------- 4.3: a range


def isolate_range(memory: Memory, start_pfn: int, end_pfn: int, wish: Wish) -> int | None:
    """4.3; returns the page in the way, with everything undone."""
    blocks = list(range(memory.block_of(start_pfn), memory.block_of(end_pfn)))
    edges = [] if memory.policy.boundary is Boundary.NONE else [blocks[0], blocks[-1]]
    done: list[int] = []
    for block in dict.fromkeys([*edges, *blocks]):
        if block not in memory.zones:
            continue
        bad = isolate_pageblock(memory, block, wish, is_edge=block in edges)
        done += [block] * (bad is None)
        if bad is None and block in edges:
            bad = _settle_boundaries(memory, block, edges, wish)
        if bad is not None:
            # Ascending, and the edge at the end, isolated early, last.
            for isolated in sorted(done, key=lambda number: (number == blocks[-1], number)):
                unisolate_pageblock(memory, isolated, wish.type_back)
            return bad
    return None


def undo_range(memory: Memory, start_pfn: int, end_pfn: int, wish: Wish) -> None:
    """Gives a range back, ascending."""
    for block in range(memory.block_of(start_pfn), memory.block_of(end_pfn)):
        unisolate_pageblock(memory, block, wish.type_back)


# ------------------------------------------------------------------------------- I-7, I-8: over the edges


def _settle_boundaries(memory: Memory, block: int, edges: list[int], wish: Wish) -> int | None:
    """I-7: settles the outer boundaries on which an edge pageblock lies."""
    pages = memory.pages_of(block)
    bad = settle_boundary(memory, pages.start, wish) if block == edges[0] else None
    if bad is None and block == edges[-1]:
        bad = settle_boundary(memory, pages.stop, wish)
    return bad


def settle_boundary(memory: Memory, boundary: int, wish: Wish) -> int | None:
    """I-7: what lies over the boundary is cut or moved; returns the compound that stays."""
    zone = memory.zone_of(boundary)
    if boundary == 0 or zone is None or memory.zone_of(boundary - 1) != zone:
        return None
    found = memory.run_over(boundary)
    if found is None or found[0] == boundary:
        return None
    pfn, run = found
    if run.kind == PageKind.FREE and not memory.policy.atomic_cut:
        cut_free_page(memory, pfn, boundary)
    elif run.kind not in _NOT_COMPOUND:
        return _settle_compound(memory, pfn, boundary, wish)
    return None


def _settle_compound(memory: Memory, pfn: int, boundary: int, wish: Wish) -> int | None:
    """I-7, by version: moves it now, leaves it to the migration of the range, or gives up."""
    kind, rule = memory.runs[pfn].kind, memory.policy.boundary
    if rule is Boundary.DEFER:
        return None if kind == PageKind.HUGETLB else pfn
    kinds = MOVABLE_KINDS if rule is Boundary.MIGRATE else {PageKind.HUGETLB}
    if kind not in kinds or not _move_straddler(memory, pfn, wish):
        return pfn
    return settle_boundary(memory, boundary, wish)


def _move_straddler(memory: Memory, pfn: int, wish: Wish) -> bool:
    """Migrates a compound, its first pageblock isolated for that moment so that nobody takes its place."""
    block = memory.block_of(pfn)
    old_type = memory.block_type(block)
    assert old_type is not None
    end = pfn + (1 << memory.runs[pfn].order)
    caller = Caller.CMA if old_type == CMA else wish.caller
    if old_type != ISOLATE and isolate_pageblock(memory, block, Wish(caller, pfn, end)) is not None:
        return False
    result = migrate_range(memory, pfn, end)
    if old_type != ISOLATE:
        unisolate_pageblock(memory, block, old_type)
    return result == "0"


def cut_free_page(memory: Memory, pfn: int, boundary: int) -> None:
    """I-8: frees it again in aligned pieces, none across the boundary, each under its own type."""
    pfn, order = memory.take_whole(pfn)
    end = pfn + (1 << order)
    while pfn < end:
        distance = (boundary if pfn < boundary else end) - pfn
        piece = distance.bit_length() - 1
        if pfn:
            piece = min(piece, (pfn & -pfn).bit_length() - 1)
        memory.free_as(pfn, piece, memory.type_of(pfn))
        pfn += 1 << piece
