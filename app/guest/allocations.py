"""The allocations on a guest's behalf: who has which pages, taken by the buddy's rules or at exact places.

Kept here: an allocation is made whole or not at all, and its page count is that of its pages.
Left out: which random part is freed or pinned (app.guest.random_stream chooses).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.errors import GuestOutOfMemory, InvalidValue, RangeUnavailable, Unknown
from app.guest.clock import SimulatedClock
from app.guest.page_use import checked_order, parse_kind, require_atomic
from app.guest.random_stream import RandomStream
from app.mm.gigantic import alloc_gigantic, gigantic_owner
from app.mm.node import Node
from app.mm.outcome import ContigOutcome
from app.mm.owned import count_pages_by_owner, highest_zone_for, is_free_at, pin_runs, room_for
from app.mm.page import Migratetype, PageKind, Request
from app.mm.zone import ZoneId
from app.trace.events import PagesAllocated, PagesFreed
from app.trace.sink import Sink

LONGEST_LABEL = 100
# Owners are int32 in the node's arrays, and one bit says gigantic.
_LARGEST_ID = (1 << 29) - 1
_EVERYTHING = 1.0

# Told each alloc_contig_range() call that an allocation made, and over how many pages.
ContigWatcher = Callable[[ContigOutcome, int], None]


def _watch_nothing(_outcome: ContigOutcome, _nr_pages: int) -> None:
    """Lets contiguous calls pass."""


@dataclass(frozen=True, kw_only=True)
class AllocationSpec:
    """Pages that are wanted: `nr_pages` of them, or the free runs of 2**order pages at `at_pfns`."""

    kind: str
    # None: the kind's own.
    order: int | None = None
    nr_pages: int = 0
    at_pfns: tuple[int, ...] = ()
    label: str = ""
    # An atomic request, which may turn to the reserve and adds to it (B-12, B-22).
    is_highatomic: bool = False
    # The NUMA node where the pages are preferred.
    numa_node: int = 0


@dataclass(frozen=True)
class Allocation:
    """Pages of one kind with one owner; `order` is that of its runs when they were allocated."""

    id: int
    kind: PageKind
    order: int
    nr_pages: int
    label: str
    # When it was made, by the guest's clock.
    since_ns: int = 0
    # Where its pages are preferred, those that it grows by too.
    numa_node: int = 0

    def describe(self) -> dict[str, object]:
        """Returns it JSON-ready."""
        return {
            "id": self.id,
            "kind": self.kind.api_name,
            "order": self.order,
            "nr_pages": self.nr_pages,
            "label": self.label,
            "node": self.numa_node,
        }


def validate_fraction(fraction: float) -> None:
    """Raises InvalidValue unless `fraction` is a part of a whole."""
    if not 0 <= fraction <= 1:
        raise InvalidValue("fraction", fraction, "a number from 0 to 1")


class AllocationTable:
    """A guest's allocations by id; ids count up from 1 and are never used again."""

    def __init__(
        self,
        node: Node,
        sink: Sink,
        *,
        on_contig: ContigWatcher = _watch_nothing,
        clock: SimulatedClock | None = None,
    ) -> None:
        """Starts empty; on_contig is told what gigantic pages cost, clock tells when a row is made."""
        self._node = node
        self._clock = SimulatedClock() if clock is None else clock
        self._sink = sink
        self._on_contig = on_contig
        self._rows: dict[int, Allocation] = {}
        self._last_id = 0
        # How many pages the node had dropped when the rows were counted last.
        self._dropped = node.nr_dropped

    def fork(
        self,
        node: Node,
        sink: Sink,
        *,
        on_contig: ContigWatcher = _watch_nothing,
        clock: SimulatedClock | None = None,
    ) -> "AllocationTable":
        """Returns an independent copy for a copy of the node."""
        copy = AllocationTable(node, sink, on_contig=on_contig, clock=clock)
        copy._rows = dict(self._rows)
        copy._last_id = self._last_id
        copy._dropped = self._dropped
        return copy

    def __iter__(self) -> Iterator[Allocation]:
        """Yields the allocations, oldest first."""
        self._refresh()
        return iter(self._rows.values())

    @property
    def last_id(self) -> int:
        """The id given last."""
        return self._last_id

    def get(self, allocation_id: int) -> Allocation:
        """Returns the allocation `allocation_id`.

        Raises Unknown.
        """
        self._refresh()
        row = self._rows.get(allocation_id)
        if row is None:
            raise Unknown("allocation", allocation_id, [str(known) for known in self._rows])
        return row

    def clear(self) -> None:
        """Forgets every allocation: their memory is gone. Ids go on."""
        self._rows.clear()
        self._dropped = self._node.nr_dropped

    def new_id(self) -> int:
        """Returns an id that nothing had before."""
        assert self._last_id < _LARGEST_ID, "an owner is an int32"
        self._last_id += 1
        return self._last_id

    def validate(self, spec: AllocationSpec) -> tuple[PageKind, int]:
        """Returns the kind and the order that `spec` means.

        Raises InvalidValue for all that can be seen without looking at memory.
        """
        kind = parse_kind(spec.kind, field="kind")
        order = checked_order(self._node.geometry, kind, spec.order, field="order", policy=self._node.policy)
        if len(spec.label) > LONGEST_LABEL:
            raise InvalidValue("label", spec.label, f"at most {LONGEST_LABEL} characters")
        last_node = self._node.nr_numa_nodes - 1
        if not 0 <= spec.numa_node <= last_node:
            raise InvalidValue("node", spec.numa_node, f"a NUMA node of the guest, 0 to {last_node}")
        if spec.is_highatomic:
            require_atomic(kind, order, field="highatomic")
        if spec.at_pfns and (spec.is_highatomic or order > self._node.geometry.max_order):
            what = "atomic requests" if spec.is_highatomic else "gigantic pages"
            raise InvalidValue("at_pfns", f"{len(spec.at_pfns)} places", f"none: {what} name no place")
        if not spec.at_pfns and (spec.nr_pages <= 0 or spec.nr_pages % (1 << order)):
            raise InvalidValue("nr_pages", spec.nr_pages, f"a multiple of {1 << order} pages, above 0")
        return kind, order

    def allocate(self, spec: AllocationSpec) -> Allocation:
        """Takes what `spec` wants, all of it or nothing.

        Where gigantic pages, or pages of the HIGHATOMIC reserve, run out on the way, the kernel has moved pages and
        given up reserved pageblocks meanwhile.
        Raises InvalidValue, RangeUnavailable (a page named is not free), GuestOutOfMemory.
        """
        kind, order = self.validate(spec)
        if spec.at_pfns:
            return self._allocate_at(kind, order, spec)
        nr_runs = spec.nr_pages >> order
        room = nr_runs if order > self._node.geometry.max_order else room_for(self._node, kind, order)
        if nr_runs > room:
            raise _out_of_memory(spec.nr_pages, room << order)
        request = Request.HIGHATOMIC if spec.is_highatomic else Request.NONE
        row = self.fill(kind, order, nr_runs, label=spec.label, request=request, numa_node=spec.numa_node)
        if row.nr_pages < spec.nr_pages:
            self.free(row.id)
            is_gigantic = order > self._node.geometry.max_order
            raise _out_of_memory(spec.nr_pages, row.nr_pages, is_gigantic=is_gigantic)
        return row

    def fill(
        self,
        kind: PageKind,
        order: int,
        nr_runs: int,
        *,
        label: str,
        request: Request = Request.NONE,
        numa_node: int = 0,
    ) -> Allocation:
        """Allocates up to `nr_runs` runs, as many as there is room for."""
        owner, since_ns = self.new_id(), self._clock.now_ns
        if order > self._node.geometry.max_order:
            got = self._alloc_gigantic(order, nr_runs, owner=owner, numa_node=numa_node)
        else:
            got = self._node.alloc_pages(
                kind, order, nr_runs, owner=owner, request=request, numa_node=numa_node
            )
        return self.adopt(Allocation(owner, kind, order, got << order, label, since_ns, numa_node))

    def adopt(self, row: Allocation) -> Allocation:
        """Takes an allocation into the table whose pages have its id as their owner already."""
        self._rows[row.id] = row
        self._sink.emit(PagesAllocated(row.id, row.kind.api_name, row.order, row.nr_pages))
        return row

    def free(
        self, allocation_id: int, fraction: float = _EVERYTHING, stream: RandomStream | None = None
    ) -> int:
        """Frees the allocation, or a random `fraction` of its runs; returns how many pages.

        Raises Unknown, InvalidValue.
        """
        row = self.get(allocation_id)
        validate_fraction(fraction)
        runs = self._runs_of(row)
        if fraction < 1:
            assert stream is not None, "a part is chosen from a stream"
            runs = runs[stream.choose(len(runs), int(len(runs) * fraction))]
        freed = self._free_runs(row, runs.ravel())
        self.forget_empty()
        return freed

    def shrink(self, allocation_id: int, nr_runs: int, stream: RandomStream) -> int:
        """Frees up to `nr_runs` random runs; returns how many. The allocation stays, even an empty one."""
        self._refresh()
        pfns = self._node.owned_pfns(allocation_id)
        chosen = pfns[stream.choose(len(pfns), min(nr_runs, len(pfns)))]
        self._free_runs(self._rows[allocation_id], chosen)
        return len(chosen)

    def grow(self, allocation_id: int, nr_runs: int) -> int:
        """Allocates up to `nr_runs` more runs for an allocation; returns how many there was room for."""
        self._refresh()
        row = self._rows[allocation_id]
        got = self._node.alloc_pages(row.kind, row.order, nr_runs, owner=row.id, numa_node=row.numa_node)
        self.credit(row.id, got << row.order)
        return got

    def credit(self, allocation_id: int, nr_pages: int) -> None:
        """Books pages that the node gave to an allocation."""
        self._refresh()
        row = self._rows[allocation_id]
        self._rows[row.id] = replace(row, nr_pages=row.nr_pages + nr_pages)
        self._sink.emit(PagesAllocated(row.id, row.kind.api_name, row.order, nr_pages))

    def debit(self, allocation_id: int, nr_pages: int) -> None:
        """Books pages of an allocation that were freed; the allocation stays, even an empty one."""
        row = self._rows[allocation_id]
        self._rows[row.id] = replace(row, nr_pages=row.nr_pages - nr_pages)
        self._sink.emit(PagesFreed(row.id, nr_pages))

    def pin(self, allocation_id: int, nr_runs: int, stream: RandomStream) -> int:
        """Pins up to `nr_runs` random runs of the allocation; returns how many pages."""
        pfns = self._node.owned_pfns(allocation_id)
        return pin_runs(self._node, pfns[stream.choose(len(pfns), min(nr_runs, len(pfns)))])

    def _refresh(self) -> None:
        """Counts anew if a migration has dropped clean pages since the last time."""
        if self._dropped != self._node.nr_dropped:
            self.recount()

    def recount(self) -> None:
        """Counts every allocation's pages anew. Linear in runs."""
        self._dropped = self._node.nr_dropped
        nr_pages = count_pages_by_owner(self._node, self._last_id)
        for row in list(self._rows.values()):
            if row.order <= self._node.geometry.max_order:
                self._rows[row.id] = replace(row, nr_pages=int(nr_pages[row.id]))
        self.forget_empty()

    def forget_empty(self) -> None:
        """Forgets the allocations that have no pages left."""
        self._rows = {row.id: row for row in self._rows.values() if row.nr_pages}

    def _alloc_gigantic(self, order: int, nr_runs: int, *, owner: int, numa_node: int) -> int:
        """Takes up to nr_runs gigantic pages; returns how many there were."""
        done = 0
        while done < nr_runs:
            outcome = alloc_gigantic(self._node, order, owner, numa_node=numa_node)
            for call in outcome.calls:
                self._on_contig(call, 1 << order)
            if outcome.pfn < 0:
                break
            done += 1
        return done

    def _runs_of(self, row: Allocation) -> NDArray[np.int64]:
        """Returns an allocation's runs, one to a row of first pfns: a gigantic page consists of many."""
        largest = self._node.geometry.max_order
        if row.order <= largest:
            return self._node.owned_pfns(row.id).reshape(-1, 1)
        return self._node.owned_pfns(gigantic_owner(row.id)).reshape(-1, 1 << (row.order - largest))

    def _allocate_at(self, kind: PageKind, order: int, spec: AllocationSpec) -> Allocation:
        self._require_free(kind, order, spec.at_pfns)
        owner = self.new_id()
        for pfn in spec.at_pfns:
            is_taken = self._node.alloc_at(pfn, order, kind, owner=owner)
            assert is_taken, "INV-3: a free run that cannot be taken"
        nr_pages = len(spec.at_pfns) << order
        return self.adopt(Allocation(owner, kind, order, nr_pages, spec.label, self._clock.now_ns))

    def _require_free(self, kind: PageKind, order: int, pfns: tuple[int, ...]) -> None:
        """Checks that every run named can be taken, before any is."""
        seen: set[int] = set()
        highest = highest_zone_for(kind)
        for number, pfn in enumerate(pfns):
            place = f"at_pfns[{number}]"
            if not 0 <= pfn < self._node.nr_pages or pfn % (1 << order) or pfn in seen:
                accepted = f"a multiple of {1 << order} below {self._node.nr_pages}, each only once"
                raise InvalidValue(place, pfn, accepted)
            seen.add(pfn)
            zone = self._node.zone_at(pfn)
            if zone is None or not is_free_at(self._node, pfn, order):
                found = self._node.kind_of(pfn).api_name
                detail = f"{place}: the {1 << order} pages at {pfn} are not all free; the first is {found}"
                raise RangeUnavailable(detail, field=place, pfn=pfn, kind=found)
            if zone.id > highest:
                # INV-15: the kernel's own pages never lie in ZONE_MOVABLE.
                raise InvalidValue(
                    place, pfn, f"a page below zone {zone.name}: {kind.api_name} pages cannot lie there"
                )
            if highest < ZoneId.MOVABLE and self._node.has_type(pfn, pfn + (1 << order), Migratetype.CMA):
                # INV-15, and no page of the kernel's lies in an area, but its client's.
                raise InvalidValue(
                    place, pfn, f"a page outside CMA areas: {kind.api_name} pages cannot lie there"
                )

    def _free_runs(self, row: Allocation, pfns: NDArray[np.int64]) -> int:
        freed = self._node.free_runs(pfns)
        self.debit(row.id, freed)
        return freed


def _out_of_memory(wanted: int, room: int, *, is_gigantic: bool = False) -> GuestOutOfMemory:
    limit = "in aligned ranges that can be emptied" if is_gigantic else "of that order above the watermarks"
    detail = f"{wanted} pages are wanted, and there is room for {room} {limit}"
    return GuestOutOfMemory(detail, nr_pages=wanted, room_pages=room)
