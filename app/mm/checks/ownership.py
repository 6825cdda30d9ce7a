"""Whose pages there are before and after an operation: nothing is lost, what was taken is its owner's, types stay.

Mirrors semantics section 10, INV-14 and INV-23 to INV-25: laws that a caller checks with what it had before.

    before = take_stock(node) ──▶ alloc_contig_range(...) ──▶ verify_contig(node, before, outcome, wanted)

Left out: what a page holds (the model moves owners, not contents), laws of a state (checks.invariants).
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from app.mm.checks.laws import Sign
from app.mm.checks.violation import Breach, Violation, at_page, weigh
from app.mm.contig import is_contig_range
from app.mm.kernels import check
from app.mm.node import Node
from app.mm.outcome import ContigOutcome, Errno, TypeLost
from app.mm.page import PageKind

# (owner, kind) -> pages in use; transparent huge pages count as anon.
Stock = dict[tuple[int, PageKind], int]


class Wanted(NamedTuple):
    """What a contiguous allocation was asked for: [start_pfn, end_pfn) as `kind` of `owner`."""

    start_pfn: int
    end_pfn: int
    kind: PageKind
    owner: int


def placed_owner(owner: int) -> int:
    """Returns the owner for kernel pages that are wanted where they are, in ZONE_MOVABLE and CMA too (INV-15)."""
    return owner | int(check.PLACED)


def take_stock(node: Node) -> Stock:
    """Returns how many pages of each kind every owner has. Linear in the node's pages."""
    runs = np.flatnonzero((node.arrays.head & 15) > PageKind.PCP)
    heads = node.arrays.head[runs].astype(np.int64)
    sizes = np.int64(1) << (heads >> 4)
    # Where there is no room for a huge page, migration makes base pages of it.
    kinds = np.where((heads & 15) == PageKind.THP, PageKind.ANON, heads & 15)
    keys = np.stack((node.arrays.owner[runs].astype(np.int64), kinds), axis=1)
    pairs, numbers = np.unique(keys, axis=0, return_inverse=True)
    pages = np.bincount(numbers.reshape(-1), weights=sizes, minlength=len(pairs))
    return {
        (owner, PageKind(kind)): int(count)
        for (owner, kind), count in zip(pairs.tolist(), pages.tolist(), strict=True)
    }


def verify_conserved(node: Node, before: Stock, *, nr_dropped: int = 0) -> list[Violation]:
    """Returns what INV-25 misses: every owner has what it had, but for nr_dropped pages of clean page cache."""
    return weigh(node, _loss_breaches("INV-25", before, take_stock(node), nr_dropped))


def verify_contig(node: Node, before: Stock, outcome: ContigOutcome, wanted: Wanted) -> list[Violation]:
    """Returns how an alloc_contig_range() call that nobody interrupted broke INV-14 and INV-23 to INV-25."""
    breaches = list(_type_breaches(node, outcome.types_lost))
    after = take_stock(node)
    if outcome.result is not Errno.OK:
        breaches += _loss_breaches("INV-24", before, after, outcome.nr_dropped)
        return weigh(node, breaches)
    start_pfn, end_pfn, kind, owner = wanted
    if not is_contig_range(node, start_pfn, end_pfn, kind=kind, owner=owner):
        expected = f"[{start_pfn}, {end_pfn}) all {kind.api_name} of owner {owner}"
        breaches.append(Breach("INV-23", at_page(node, start_pfn), expected, "other pages among them"))
    taken = after.get((owner, kind), 0) - (end_pfn - start_pfn)
    breaches += _loss_breaches("INV-25", before, after | {(owner, kind): taken}, outcome.nr_dropped)
    return weigh(node, breaches)


def verify_types(node: Node, types_lost: Iterable[TypeLost]) -> list[Violation]:
    """Returns the pageblocks that isolation gave back as another type as violations of INV-14."""
    return weigh(node, _type_breaches(node, types_lost))


def _type_breaches(node: Node, types_lost: Iterable[TypeLost]) -> Iterator[Breach]:
    for lost in types_lost:
        yield Breach("INV-14", at_page(node, lost.pfn), lost.old.name, lost.new.name, Sign.TYPE_LOST)


def _loss_breaches(law: str, before: Stock, after: Stock, nr_dropped: int) -> Iterator[Breach]:
    """Compares two stocks; whose clean page cache was dropped does not matter, how much of it does."""
    dropped = 0
    for owner, kind in sorted(before.keys() | after.keys()):
        had, has = before.get((owner, kind), 0), after.get((owner, kind), 0)
        if kind is PageKind.FILE_CLEAN and has <= had:
            dropped += had - has
        elif had != has:
            yield Breach(law, f"{kind.api_name} pages of owner {owner}", str(had), str(has))
    if dropped != nr_dropped:
        yield Breach(law, "clean page cache dropped", str(nr_dropped), str(dropped))
