"""The contiguous memory allocator: areas whose pages movable allocations may borrow, and one client gets back.

Mirrors mm/cma.c (semantics 5.3, C-7 to C-12), 5.10 to 6.18.

    declare ──▶ (boot memory, reserved) ──activate──▶ CMA pageblocks, free ──cma_alloc──▶ the client's ──▶ free

Invariants kept here: INV-16.
Left out: areas of several ranges, and which drivers are clients.
"""

from typing import Protocol

from app.errors import InvalidValue
from app.mm.cma_area import CmaArea, require_cma_alignment
from app.mm.contig import alloc_contig_range, contig_sections, free_contig_range, is_contig_range
from app.mm.kernels import layout
from app.mm.node import Node
from app.mm.outcome import Caller, CmaOutcome, ContigOutcome, Errno
from app.mm.page import Migratetype, PageKind
from app.mm.policies.switches import CmaLock
from app.mm.sections import Point, Section, Sections, run

GLOBAL_LOCK = "cma"


class _Contig(Protocol):
    """alloc_contig_range(), in one go or section by section."""

    def __call__(
        self, node: Node, start_pfn: int, end_pfn: int, *, kind: PageKind, owner: int, caller: Caller
    ) -> Sections[ContigOutcome]:
        """Takes [start_pfn, end_pfn)."""
        ...


def declare_area(node: Node, name: str, start_pfn: int, end_pfn: int, *, order_per_bit: int = 0) -> CmaArea:
    """Gives the node an area; its pages are online in one zone, and no other area has them.

    Raises InvalidValue: EINVAL.
    """
    page_size = node.geometry.page_size
    base, size = start_pfn * page_size, (end_pfn - start_pfn) * page_size
    require_cma_alignment(node.geometry, node.policy, base=base, size=size, order_per_bit=order_per_bit)
    if name in node.cma_areas:
        raise InvalidValue("name", name, "a name that no other area has")
    if not node.is_one_zone(start_pfn, end_pfn):
        raise InvalidValue("base", base, f"{size} bytes from there online, all in one zone")
    for other in node.cma_areas.values():
        if other.start_pfn < end_pfn and start_pfn < other.end_pfn:
            taken = f"{other.name} has [{other.start_pfn * page_size}, {other.end_pfn * page_size})"
            raise InvalidValue("base", base, f"{size} bytes from there in no other area: {taken}")
    area = CmaArea(name, len(node.cma_areas), start_pfn, end_pfn, order_per_bit)
    node.cma_areas[name] = area
    return area


def activate_area(node: Node, area: CmaArea) -> None:
    """Gives an area's pages, which boot memory reserved so far, to the buddy, pageblock by pageblock (C-8)."""
    start_pfn, end_pfn = area.start_pfn, area.end_pfn
    assert node.is_all(start_pfn, end_pfn, PageKind.RESERVED), f"area {area.name} has pages in use"
    order = node.geometry.pageblock_order
    # Reserved runs are tiles: they may reach over the area's ends.
    first = pfn = int(layout.covering_head(node.arrays, start_pfn))
    while pfn < end_pfn:
        nr_pages = 1 << (int(layout.head_at(node.arrays, pfn)) >> 4)
        layout.clear_head(node.arrays, pfn)
        pfn += nr_pages
    node.set_kind(first, start_pfn, PageKind.RESERVED)
    node.set_kind(end_pfn, pfn, PageKind.RESERVED)
    node.arrays.block_type[start_pfn >> order : end_pfn >> order] = Migratetype.CMA
    node.set_kind(start_pfn, end_pfn, PageKind.UNMOVABLE, largest_order=order)
    free_contig_range(node, start_pfn, end_pfn)
    node.adjust_managed(start_pfn, area.nr_pages)
    node.recompute_watermarks()


def lock_of(node: Node, area: CmaArea) -> str:
    """Returns the lock under which the area's pages are taken, "" for none (C-10)."""
    rule = node.policy.cma_lock
    if rule is CmaLock.NONE:
        return ""
    return GLOBAL_LOCK if rule is CmaLock.GLOBAL else f"{GLOBAL_LOCK}:{area.name}"


def cma_alloc(node: Node, area: CmaArea, nr_pages: int, align_order: int = 0) -> CmaOutcome:
    """Takes `nr_pages` of the area for its client, at a pfn that is a multiple of 2**align_order (C-9).

    Wherever pages cannot be taken, the next place is tried: EBUSY when all failed, ENOMEM when no bits are free.
    """
    lock = lock_of(node, area)
    assert lock not in node.locks, "an operation that is under way holds the lock: nobody would release it"
    return run(_walk(node, area, nr_pages, align_order=align_order, contig=_in_one_go))


def cma_alloc_sections(
    node: Node, area: CmaArea, nr_pages: int, align_order: int = 0
) -> Sections[CmaOutcome]:
    """Does as cma_alloc(), section by section, for others to do something in between.

    It waits as long as the area's lock is held. After a place that was busy it yields once more, as an UNDO: then
    the lock and the bits of that place are anybody's.
    """
    return _walk(node, area, nr_pages, align_order=align_order, contig=contig_sections)


def _walk(
    node: Node, area: CmaArea, nr_pages: int, *, align_order: int, contig: _Contig
) -> Sections[CmaOutcome]:
    """Walks the bitmap until a place is taken, or a call fails otherwise than by EBUSY, or there are no more places.

    Newer kernels compare nr_pages with what is free first: the search would find no place either, so that is all one.
    """
    lock = lock_of(node, area)
    count = area.nr_bits(nr_pages)
    calls: list[ContigOutcome] = []
    bit = area.find_clear_bits(count, first=0, align_order=align_order)
    while bit >= 0:
        area.set_bits(bit, count)
        pfn = area.pfn_of(bit)
        yield from _acquire(node, lock, pfn)
        outcome = yield from contig(
            node, pfn, pfn + nr_pages, kind=PageKind.UNMOVABLE, owner=area.owner, caller=Caller.CMA
        )
        node.locks.discard(lock)
        calls.append(outcome)
        if outcome.result is Errno.OK:
            return CmaOutcome(Errno.OK, pfn, tuple(calls))
        area.clear_bits(bit, count)
        if outcome.result is not Errno.EBUSY:
            break
        yield Section(Point.UNDO, pfn)
        after = bit + area.align_mask(align_order) + 1
        bit = area.find_clear_bits(count, first=after, align_order=align_order)
    return CmaOutcome(calls[-1].result if calls else Errno.ENOMEM, -1, tuple(calls))


def _acquire(node: Node, lock: str, pfn: int) -> Sections[None]:
    """Waits until nobody holds the lock, and takes it; there is none when its name is empty."""
    while lock in node.locks:
        yield Section(Point.WAIT, pfn, lock)
    if lock:
        node.locks.add(lock)


def _in_one_go(
    node: Node, start_pfn: int, end_pfn: int, *, kind: PageKind, owner: int, caller: Caller
) -> Sections[ContigOutcome]:
    yield from ()
    return alloc_contig_range(node, start_pfn, end_pfn, kind=kind, owner=owner, caller=caller)


def cma_release(node: Node, area: CmaArea, pfn: int, nr_pages: int) -> bool:
    """Gives pages back that cma_alloc() took; returns False, and does nothing, when the client has not all of them."""
    if not is_contig_range(node, pfn, pfn + nr_pages, kind=PageKind.UNMOVABLE, owner=area.owner):
        return False
    free_contig_range(node, pfn, pfn + nr_pages)
    area.clear_bits((pfn - area.start_pfn) >> area.order_per_bit, area.nr_bits(nr_pages))
    return True
