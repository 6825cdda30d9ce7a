"""Broken laws in words: which law each finding of the checking kernels breaks, where, and what should be there.

Mirrors semantics section 10 (INV-1 to INV-7, INV-10, INV-12).
Left out: finding them (app.mm.kernels.check), counters (app.mm.invariants).
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from app.mm.kernels import check, layout
from app.mm.kernels.check import Findings
from app.mm.node import Node
from app.mm.page import Migratetype, PageKind
from app.mm.zone import ZONE_NAMES

# Kinds whose runs are only tiles: a misplaced one is no broken compound.
_TILES = frozenset({PageKind.NONE, PageKind.RESERVED, PageKind.OFFLINE})


class Violation(NamedTuple):
    """One broken law: its id, the place, and two phrases. JSON-ready as _asdict()."""

    id: str
    where: str
    expected: str
    found: str


class _Place(NamedTuple):
    """Where a kernel found something, and two numbers that say more (see kernels.check.Findings)."""

    pfn: int
    more: int
    found: int


def no_findings() -> Findings:
    """Returns an empty record for the checking kernels."""
    shape = (check.NR_FINDINGS, check.MOST_PLACES, 3)
    return Findings(np.zeros(check.NR_FINDINGS, np.int64), np.zeros(shape, np.int64))


def word_findings(node: Node, findings: Findings) -> Iterator[Violation]:
    """Yields what kernels found in words, and how many more there are than places were kept."""
    for what, word in _WORDS.items():
        count = int(findings.nr[what])
        worded = [word(node, _Place(*place)) for place in findings.places[what, :count].tolist()]
        yield from worded
        if count > len(worded):
            yield worded[-1]._replace(where="elsewhere", found=f"{count - len(worded)} more")


def at_page(node: Node, pfn: int) -> str:
    """Names a page and its zone."""
    zone = int(node.arrays.block_zone[pfn >> node.geometry.pageblock_order])
    name = f"zone {ZONE_NAMES[zone - 1]}" if 0 < zone <= layout.NR_ZONES else "no zone"
    return f"{name}, pfn {pfn}"


def at_order(zone: int, order: int) -> str:
    """Names the free lists of one order."""
    return f"zone {ZONE_NAMES[zone]}, order {order}"


def _name_head(head: int) -> str:
    return f"{PageKind(head & 15).api_name} of order {head >> 4}" if head else "no head"


def _name_type(migratetype: int) -> str:
    return Migratetype(migratetype).name if 0 <= migratetype < layout.NR_TYPES else f"type {migratetype}"


def _name_list(number: int) -> str:
    where = at_order(int(check.zone_of_list(number)), int(check.order_of_list(number)))
    return f"list {_name_type(int(check.type_of_list(number)))} of {where}"


def _free_misplaced(node: Node, place: _Place) -> Violation:
    expected = f"free blocks aligned, of order 0 to {node.geometry.max_order}, in one zone"
    return Violation("INV-1", at_page(node, place.pfn), expected, _name_head(place.more))


def _used_misplaced(node: Node, place: _Place) -> Violation:
    law = "INV-2" if place.more & 15 in _TILES else "INV-7"
    expected = f"runs aligned, of order 0 to {node.geometry.max_order}, in one zone"
    return Violation(law, at_page(node, place.pfn), expected, _name_head(place.more))


def _gap(node: Node, place: _Place) -> Violation:
    return Violation("INV-2", at_page(node, place.pfn), "a run that holds the page", "none")


def _free_owned(node: Node, place: _Place) -> Violation:
    return Violation("INV-2", at_page(node, place.pfn), "a free block of nobody's", f"owner {place.found}")


def _buddies(node: Node, place: _Place) -> Violation:
    found = f"{_name_head(place.more)} here and at pfn {place.found}"
    return Violation("INV-5", at_page(node, place.pfn), "buddies below the pageblock order merged", found)


def _mixed(node: Node, place: _Place) -> Violation:
    types = node.arrays.block_type
    order = node.geometry.pageblock_order
    here, there = (_name_type(int(types[pfn >> order])) for pfn in (place.pfn, place.found))
    found = f"{_name_head(place.more)} over {here} and, at pfn {place.found}, {there}"
    return Violation(
        "INV-6", at_page(node, place.pfn), "only types that fall back to each other merged", found
    )


def _link(_node: Node, place: _Place) -> Violation:
    found = f"row {place.pfn} is followed by row {place.found}, which does not follow it"
    return Violation("INV-3", _name_list(place.more), "neighbours that name each other", found)


def _entry(_node: Node, place: _Place) -> Violation:
    order, zone = int(check.order_of_list(place.more)), int(check.zone_of_list(place.more))
    expected = f"a free block of order {order} in zone {ZONE_NAMES[zone]}"
    return Violation("INV-3", _name_list(place.more), expected, f"pfn {place.pfn}: {_name_head(place.found)}")


def _list_type(law: str, expected: str) -> Callable[[Node, _Place], Violation]:
    def word(node: Node, place: _Place) -> Violation:
        found = f"a pageblock of type {_name_type(place.found)} on {_name_list(place.more)}"
        return Violation(law, at_page(node, place.pfn), expected, found)

    return word


def _unlisted(node: Node, place: _Place) -> Violation:
    return Violation("INV-3", at_page(node, place.pfn), f"{_name_head(place.more)} on one list", "on none")


def _stray(law: str, what: Callable[[int], str]) -> Callable[[Node, _Place], Violation]:
    def word(node: Node, place: _Place) -> Violation:
        expected = (
            f"nothing: inside the run at pfn {place.found}" if place.found >= 0 else "nothing: no run here"
        )
        return Violation(law, at_page(node, place.pfn), expected, what(place.more))

    return word


_WORDS: dict[int, Callable[[Node, _Place], Violation]] = {
    check.F_FREE_MISPLACED: _free_misplaced,
    check.F_USED_MISPLACED: _used_misplaced,
    check.F_GAP: _gap,
    check.F_FREE_OWNED: _free_owned,
    check.F_BUDDIES: _buddies,
    check.F_MIXED: _mixed,
    check.F_LINK: _link,
    check.F_ENTRY: _entry,
    check.F_LIST_TYPE: _list_type("INV-4", "a list that may hold the pageblock's type"),
    check.F_LIST_ISOLATE: _list_type("INV-10", "isolated pages, and only they, on lists ISOLATE"),
    check.F_LIST_HIGHATOMIC: _list_type("INV-12", "only HIGHATOMIC pageblocks on lists HIGHATOMIC"),
    check.F_UNLISTED: _unlisted,
    check.F_STRAY_HEAD: _stray("INV-2", _name_head),
    check.F_STRAY_OWNER: _stray("INV-7", "owner {}".format),
}
