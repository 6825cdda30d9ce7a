"""Contiguous allocation: takes a range of pages by emptying it, at once or section by section.

Mirrors alloc_contig_range() and free_contig_range() of mm/page_alloc.c (semantics 5.1, 5.2).
Each step below is one of the kernel's own, made of zone-lock sections in app.mm.kernels:

    isolate ──▶ drain ──▶ migrate ──▶ test ──▶ take ──▶ undo isolation (always)

Both forms do the same; a state machine holds them together.
Invariants kept here: INV-11, INV-14, INV-23, INV-24.
Left out: free hugetlb replacement.
"""

import numpy as np
from numpy.typing import NDArray

from app.mm.isolation import (
    Want,
    isolate_sections,
    start_isolate_page_range,
    undo_isolate_page_range,
    undo_sections,
)
from app.mm.kernels import buddy, isolation, layout, migrate
from app.mm.kernels import contig as contig_kernels
from app.mm.node import Node
from app.mm.outcome import Caller, ContigOutcome, Errno, Obstacle, TypeLost
from app.mm.page import Migratetype, PageKind, effective_types, kept_types
from app.mm.policies.switches import ContigAlign, UndoType
from app.mm.sections import Point, Section, Sections
from app.trace.events import ContigAttempted
from app.units import align_down, align_up


def contig_align_nr_pages(node: Node) -> int:
    """Returns the alignment of the range that is isolated around the wanted one (G-7, G-8)."""
    geometry = node.geometry
    if node.policy.contig_align is ContigAlign.PAGEBLOCK:
        return geometry.pageblock_nr_pages
    return max(geometry.phys_contig_nr_pages, geometry.pageblock_nr_pages)


def outer_range(node: Node, start_pfn: int, end_pfn: int) -> tuple[int, int]:
    """Returns the range that is isolated for [start_pfn, end_pfn): aligned, or grown as far as the type lasts (S21)."""
    align = contig_align_nr_pages(node)
    first, end = align_down(start_pfn, align), min(align_up(end_pfn, align), node.nr_pages)
    if node.policy.contig_align is not ContigAlign.CHUNK_OF_ONE_TYPE:
        return first, end
    size = node.geometry.pageblock_nr_pages
    types = effective_types(node.arrays.block_type[first // size : end // size]).tolist()
    zones = node.arrays.block_zone[first // size : end // size].tolist()
    looks = list(zip(types, zones, strict=True))
    lowest, highest = start_pfn // size - first // size, (end_pfn - 1) // size - first // size
    while lowest > 0 and looks[lowest - 1] == looks[lowest]:
        lowest -= 1
    while highest + 1 < len(looks) and looks[highest + 1] == looks[highest]:
        highest += 1
    return first + lowest * size, first + (highest + 1) * size


def alloc_contig_range(
    node: Node,
    start_pfn: int,
    end_pfn: int,
    *,
    kind: PageKind,
    owner: int = 0,
    caller: Caller = Caller.ORDINARY,
) -> ContigOutcome:
    """Takes every page of [start_pfn, end_pfn), migrating what lies there; all or nothing.

    The pages become `kind` of `owner`. After a failure the range is as usable as before, but pages that were
    migrated stay migrated, and pageblocks may come back as another type (I-10). EINVAL: not online in one zone.
    """
    if not node.is_one_zone(start_pfn, end_pfn):
        return _report(node, start_pfn, end_pfn, ContigOutcome(Errno.EINVAL, "isolate"))
    outer_start, outer_end = outer_range(node, start_pfn, end_pfn)
    order = node.geometry.pageblock_order
    outer_types = node.arrays.block_type[outer_start >> order : outer_end >> order]
    before = outer_types.tobytes()
    node.tally[:] = 0
    wanted = (start_pfn, end_pfn)
    obstacle = start_isolate_page_range(node, outer_start, outer_end, caller, wanted=wanted)
    if obstacle >= 0:
        outcome = _failed(node, Errno.EBUSY, "isolate", obstacle, node.tally)
    else:
        outcome = _empty_and_take(node, start_pfn, end_pfn, kind=kind, owner=owner)
        undo_isolate_page_range(node, outer_start, outer_end, caller)
        outcome = outcome._replace(nr_pageblocks=(outer_end - outer_start) >> order)
    if outer_types.tobytes() != before:
        outcome = outcome._replace(types_lost=types_lost(node, outer_start, before))
    return _report(node, start_pfn, end_pfn, outcome)


def _empty_and_take(node: Node, start_pfn: int, end_pfn: int, *, kind: PageKind, owner: int) -> ContigOutcome:
    """Steps 3 to 8, on an isolated range."""
    node.drain_pcp()
    result = int(migrate.migrate_range(node.arrays, start_pfn, end_pfn, node.tally))
    outer_start, failure = _test(node, start_pfn, end_pfn, result, node.tally)
    if failure is not None:
        return failure
    assert outer_start <= start_pfn
    contig_kernels.take_range(node.arrays, start_pfn, end_pfn, int(kind), owner)
    return _tallied(ContigOutcome(Errno.OK), node.tally)


def _test(
    node: Node, start_pfn: int, end_pfn: int, result: int, tally: NDArray[np.int64]
) -> tuple[int, ContigOutcome | None]:
    """Finds the first free page to take, and says why the range cannot be had, if so (steps 6 and 7).

    result: how migration ended. A page that could not migrate shows up here: the verdict on step 4 is made now.
    """
    if result == migrate.NO_MEMORY:
        return start_pfn, _failed(node, Errno.ENOMEM, "migrate", int(tally[migrate.T_OBSTACLE_PFN]), tally)
    outer_start = int(contig_kernels.find_outer_start(node.arrays, start_pfn))
    obstacle = int(isolation.find_not_isolated(node.arrays, outer_start, end_pfn, isolation.ORDINARY))
    if obstacle < 0:
        return outer_start, None
    step = "migrate" if result == migrate.BUSY else "test"
    return outer_start, _failed(node, Errno.EBUSY, step, obstacle, tally)


def contig_sections(  # noqa: PLR0913 - alloc_contig_range()'s own, and the signal
    node: Node,
    start_pfn: int,
    end_pfn: int,
    *,
    kind: PageKind,
    owner: int = 0,
    caller: Caller = Caller.ORDINARY,
    is_interrupted: bool = False,
) -> Sections[ContigOutcome]:
    """Does what alloc_contig_range() does, one lock section at a time.

    is_interrupted: a fatal signal arrives in the migration step, so that the range is given up: EINTR.
    """
    if not node.is_one_zone(start_pfn, end_pfn):
        return _report(node, start_pfn, end_pfn, ContigOutcome(Errno.EINVAL, "isolate"))
    outer_start, outer_end = outer_range(node, start_pfn, end_pfn)
    order = node.geometry.pageblock_order
    before = node.arrays.block_type[outer_start >> order : outer_end >> order].tobytes()
    tally = np.zeros(migrate.NR_TALLY, np.int64)
    want = Want(start_pfn, end_pfn, tally)
    obstacle = yield from isolate_sections(node, outer_start, outer_end, caller, want=want)
    before = types_to_restore(node, outer_start, before)
    if obstacle >= 0:
        outcome = _failed(node, Errno.EBUSY, "isolate", obstacle, tally)
    else:
        node.drain_pcp()
        yield Section(Point.DRAIN, start_pfn)
        if is_interrupted:
            outcome = ContigOutcome(Errno.EINTR, "migrate")
        else:
            outcome = yield from _empty_sections(node, want, kind, owner)
        yield from undo_sections(node, outer_start, outer_end, caller)
        outcome = outcome._replace(nr_pageblocks=(outer_end - outer_start) >> order)
    outcome = outcome._replace(types_lost=types_lost(node, outer_start, before))
    return _report(node, start_pfn, end_pfn, outcome)


def _empty_sections(node: Node, want: Want, kind: PageKind, owner: int) -> Sections[ContigOutcome]:
    """Steps 4 to 8, on an isolated and drained range."""
    start_pfn, end_pfn, tally = want
    result = yield from _migrate_sections(node, start_pfn, end_pfn, tally)
    outer_start, failure = _test(node, start_pfn, end_pfn, result, tally)
    if failure is not None:
        return failure
    outer_end = yield from _take_sections(node, outer_start, end_pfn, owner=owner)
    arrays = node.arrays
    if outer_end < end_pfn:
        # A gap: somebody was quicker. What was taken is given back.
        gap = outer_end
        yield from _give_back_sections(node, outer_start, outer_end)
        return _failed(node, Errno.EBUSY, "take", gap, tally)
    # The wanted pages are the caller's now: as single pages (C-2), or tiled where nobody frees them one by one.
    _hold(node, outer_start, start_pfn, owner)
    _clear(node, start_pfn, end_pfn)
    contig_kernels.tile(
        arrays, start_pfn, end_pfn, kind, 15 if kind in (layout.OFFLINE, layout.HUGETLB) else 0
    )
    contig_kernels.own_runs(arrays, start_pfn, end_pfn, owner)
    _hold(node, end_pfn, outer_end, owner)
    yield from _give_back_sections(node, outer_start, start_pfn)
    yield from _give_back_sections(node, end_pfn, outer_end)
    return _tallied(ContigOutcome(Errno.OK), tally)


def _migrate_sections(node: Node, start_pfn: int, end_pfn: int, tally: NDArray[np.int64]) -> Sections[int]:
    """Does what migrate_range() does, run by run (C-4)."""
    arrays = node.arrays
    pfn = int(migrate.first_to_migrate(arrays, start_pfn))
    result = migrate.DONE
    while pfn < end_pfn and result == migrate.DONE:
        batch_end = int(migrate.end_of_batch(arrays, pfn, end_pfn))
        dropped = int(tally[migrate.T_DROPPED])
        migrate.drop_clean(arrays, pfn, batch_end, tally)
        if tally[migrate.T_DROPPED] != dropped:
            yield Section(Point.MIGRATE, pfn)
        while pfn < batch_end:
            at = int(migrate.next_movable(arrays, pfn, batch_end))
            if at >= batch_end:
                break
            step = int(migrate.migrate_one(arrays, at, migrate.STAYS_NEAR, tally))
            pfn = step >> 2
            yield Section(Point.MIGRATE, at)
            if step & 3 == migrate.NO_MEMORY:
                return migrate.NO_MEMORY
            if step & 3 == migrate.BUSY:
                result = migrate.BUSY
        pfn = max(pfn, batch_end)
    return result


def _take_sections(node: Node, outer_start: int, end_pfn: int, *, owner: int) -> Sections[int]:
    """Takes free pages out from outer_start until end_pfn is covered, by pageblocks; returns where it ended."""
    size = node.geometry.pageblock_nr_pages
    pfn = outer_start
    while pfn < end_pfn:
        stop = min(align_down(pfn, size) + size, end_pfn)
        reached = int(contig_kernels.take_free_pages(node.arrays, pfn, stop))
        _hold(node, pfn, reached, owner)
        if reached > pfn:
            yield Section(Point.TAKE, pfn)
        if reached < stop:
            return reached
        pfn = reached
    return pfn


def _hold(node: Node, start_pfn: int, end_pfn: int, owner: int) -> None:
    """Makes taken pages kernel pages of `owner`, in the pieces in which they would be given back."""
    _clear(node, start_pfn, end_pfn)
    order = node.geometry.pageblock_order
    contig_kernels.tile(node.arrays, start_pfn, end_pfn, int(PageKind.UNMOVABLE_PAGES), order)
    contig_kernels.own_runs(node.arrays, start_pfn, end_pfn, owner)


def _clear(node: Node, start_pfn: int, end_pfn: int) -> None:
    """Forgets the runs of held pages."""
    for pfn in range(start_pfn, end_pfn):
        layout.set_owner(node.arrays, pfn, 0)
        layout.clear_head(node.arrays, pfn)


def _give_back_sections(node: Node, start_pfn: int, end_pfn: int) -> Sections[None]:
    """Frees held pages, ascending, piece by piece."""
    pfn = start_pfn
    while pfn < end_pfn:
        nr_pages = 1 << (int(layout.head_at(node.arrays, pfn)) >> 4)
        buddy.free_range(node.arrays, pfn, pfn + nr_pages)
        yield Section(Point.GIVE_BACK, pfn)
        pfn += nr_pages


def types_to_restore(node: Node, start_pfn: int, before: bytes) -> bytes:
    """Returns the types that undoing has to bring back to pageblocks from start_pfn on: those they had `before`.

    Where they are kept, those they have: others may have claimed a pageblock before it was isolated.
    """
    if node.policy.undo_type is UndoType.CALLER:
        return before
    first = start_pfn >> node.geometry.pageblock_order
    return kept_types(node.arrays.block_type[first : first + len(before)]).tobytes()


def types_lost(node: Node, start_pfn: int, before: bytes) -> tuple[TypeLost, ...]:
    """Returns which pageblocks from start_pfn on have another type than `before`: bytes of the pageblocks at rest.

    Where types are kept, a pageblock inside a free page that merged over several took its neighbour's (B-6): that is
    no loss. A pageblock that somebody else has isolated, or had, is not judged.
    """
    order = node.geometry.pageblock_order
    found = []
    for number, (old, new) in enumerate(
        zip(before, node.arrays.block_type[start_pfn >> order :].tolist(), strict=False)
    ):
        pfn = start_pfn + (number << order)
        if old == new or max(old, new) >= Migratetype.ISOLATE or _is_merged(node, pfn):
            continue
        found.append(TypeLost(pfn, Migratetype(old), Migratetype(new)))
    return tuple(found)


def _is_merged(node: Node, pfn: int) -> bool:
    if node.policy.undo_type is UndoType.CALLER:
        return False
    first = int(layout.covering_head(node.arrays, pfn))
    head = int(layout.head_at(node.arrays, first))
    return head & 15 == layout.FREE and head >> 4 > node.geometry.pageblock_order


def _failed(node: Node, result: Errno, step: str, pfn: int, tally: NDArray[np.int64]) -> ContigOutcome:
    return _tallied(ContigOutcome(result, step, Obstacle(pfn, node.kind_of(pfn))), tally)


def _tallied(outcome: ContigOutcome, tally: NDArray[np.int64]) -> ContigOutcome:
    base, huge, dropped, _, huge_runs = tally.tolist()
    if not base and not huge and not dropped:
        return outcome
    return outcome._replace(
        nr_migrated=base + huge, nr_migrated_huge=huge, nr_huge=huge_runs, nr_dropped=dropped
    )


def _report(node: Node, start_pfn: int, end_pfn: int, outcome: ContigOutcome) -> ContigOutcome:
    event = ContigAttempted(start_pfn, end_pfn, str(outcome.result), outcome.step, outcome.nr_migrated)
    node.sink.emit(event)
    node.nr_dropped += outcome.nr_dropped
    return outcome


def is_contig_range(node: Node, start_pfn: int, end_pfn: int, *, kind: PageKind, owner: int) -> bool:
    """Returns whether every page of [start_pfn, end_pfn) was taken as `kind` by `owner`."""
    if not node.is_one_zone(start_pfn, end_pfn):
        return False
    return bool(contig_kernels.has_only(node.arrays, start_pfn, end_pfn, int(kind), owner))


def free_contig_range(node: Node, start_pfn: int, end_pfn: int) -> int:
    """Gives a taken range back, ascending, run by run; returns its pages. Runs must not cross its ends."""
    return int(buddy.free_range(node.arrays, start_pfn, end_pfn))
